"""The maintainer's commands for a release."""
