"""Copies of runs outside their results folder: as Sacred runs in files and in MongoDB."""
