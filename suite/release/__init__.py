"""What a maintainer runs for a release."""
