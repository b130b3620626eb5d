"""A results folder, what lies in it, and the baselines that are published as such folders."""
