"""The command that checks a learner."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from suite.cli.options import PLAY

app = typer.Typer()


@app.command(rich_help_panel=PLAY)
def check(
    learner: Annotated[str, typer.Argument(help="The learner, as module:function.")],
    steps_a_lane: Annotated[
        int | None,
        typer.Option(
            "--steps-a-lane",
            min=1,
            help="Agent steps that each lane plays: more than the learner needs to learn once.",
            show_default="40",
        ),
    ] = None,
) -> None:
    """Check a learner against the contract, in a process like those of runs; say what was not tried."""
    from suite.benchmark.process import ask

    done = ask("suite.learners.check", learner, *([] if steps_a_lane is None else [str(steps_a_lane)]))
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    raise typer.Exit(done.returncode)
