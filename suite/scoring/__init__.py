"""From ledgers to figures with intervals: what runs earned, what it is worth, and what may be claimed."""
