"""What a lab sends: a results folder with a description and checksums."""
