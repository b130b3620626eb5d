"""The command line ``amtlb``: reads options, calls the suite, prints what comes back."""

import sys


def main() -> None:
    """Run the command line; whatever is meant for a user becomes one line and an exit status."""
    from suite.shadows import shadow  # before anything that could be another's is imported

    if stranger := shadow():
        print(f"error: {stranger}", file=sys.stderr)
        raise SystemExit(2)
    from suite.cli.commands import run

    run()
