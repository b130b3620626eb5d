"""All runs of an edition, from outside their processes: their order, their settings and their cost."""
