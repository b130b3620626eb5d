"""The command line ``amtlb``: reads options, calls the suite, prints what comes back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import typer

from protocol import AmtlbError, UnknownName
from suite.cli import play, publish, results, rules, verify
from suite.cli.options import fail
from suite.cli.stopping import Terminated, heed_sigterm

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Atari Multitask & Transfer Learning Benchmark. "
    "Exit status: 0 done, 1 failed, 2 wrong use, 3 could not check, 130 stopped "
    "by Ctrl-C, 143 by SIGTERM.",
)
app.add_typer(play.app)
app.add_typer(results.app)
app.add_typer(publish.app)
app.add_typer(verify.app)
app.add_typer(rules.app, name="protocol")


def _open_standard_files() -> None:
    """Where the caller has closed standard input, output or error, give its number to nothing else."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for as long as we are
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def main() -> NoReturn:
    """Run the command line; errors that are meant for a user become one line and exit status 1 or 2."""
    heed_sigterm()
    _open_standard_files()
    sys.path.insert(0, str(Path.cwd()))  # a learner may lie where the user stands
    try:
        app(standalone_mode=True)
    except UnknownName as error:
        fail(str(error), 2)
    except AmtlbError as error:
        fail(str(error), 1)
    except Terminated:
        print("stopped by SIGTERM", file=sys.stderr)
        raise
    raise SystemExit(0)
