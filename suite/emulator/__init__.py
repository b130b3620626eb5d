"""A console, proven to be the right one, and the replay of episodes."""
