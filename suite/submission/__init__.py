"""The submission that a lab sends: a results folder with a description and checksums."""
