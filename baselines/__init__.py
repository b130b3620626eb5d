"""The reference learners: torch and Stable-Baselines3 live here only."""
