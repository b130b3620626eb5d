"""From ledgers to figures with intervals: the rewards of runs, the scores, and the claims that they support."""
