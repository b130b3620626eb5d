"""The command line ``amtlb``: reads options, calls the suite, prints what comes back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import typer

from protocol import AmtlbError, UnknownName
from suite.cli import episodes, play, publish, results, rules, verify
from suite.cli.options import fail

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Atari Multitask & Transfer Learning Benchmark. "
    "Exit status: 0 done, 1 failed, 2 wrong use, 3 could not check, 130 stopped.",
)
app.add_typer(play.app)
app.add_typer(results.app)
app.add_typer(episodes.app)
app.add_typer(publish.app)
app.add_typer(verify.app)
app.add_typer(rules.app, name="protocol")


def main() -> NoReturn:
    """Run the command line; errors that are meant for a user become one line and exit status 1 or 2."""
    sys.path.insert(0, str(Path.cwd()))  # a learner may lie where the user stands
    try:
        app(standalone_mode=True)
    except UnknownName as error:
        fail(str(error), 2)
    except AmtlbError as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0)
