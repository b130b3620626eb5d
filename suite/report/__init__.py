"""Results as a page to read and figures to show."""
