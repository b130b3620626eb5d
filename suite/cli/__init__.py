"""The command line ``amtlb``: reads options, calls the suite, prints what comes back."""

import os
import sys


def main() -> None:
    """Run the command line; whatever is meant for a user becomes one line and an exit status."""
    _names_in_utf8()
    from suite.shadows import shadow  # before anything that could be another's is imported

    if stranger := shadow():
        print(f"error: {stranger}", file=sys.stderr)
        raise SystemExit(2)
    from suite.cli.commands import run

    run()


def _names_in_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has another encoding.

    Names of files would otherwise be others than those that digests and sums hold (https://peps.python.org/pep-0540).
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1" and sys.executable:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
