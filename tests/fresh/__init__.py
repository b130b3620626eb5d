"""A machine as a newcomer has it."""
