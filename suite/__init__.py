"""Measuring: emulator, lanes, ledger, store, runs and scores."""
