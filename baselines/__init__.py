"""The reference learners, and the only place for torch and Stable-Baselines3."""
