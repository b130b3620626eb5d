"""Contained runs: the referee holds consoles, seeds and ledger, the learner sits in a box of its own."""
