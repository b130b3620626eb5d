"""The contract of a learner, and the test and the lanes with which its author tries it."""
