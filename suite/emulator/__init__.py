"""A console, proven to be the right one."""
