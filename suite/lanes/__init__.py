"""The metered environment that a learner plays."""
