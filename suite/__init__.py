"""How it is measured: emulator, lanes, ledger, store, runs and scores."""
