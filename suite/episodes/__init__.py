"""Recorded episodes, taken along: to watch, as curves, as data to train on."""
