"""What a learner must do, and the test and the lanes with which its author tries it."""
