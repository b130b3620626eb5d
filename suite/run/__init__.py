"""One run, inside its own process."""
