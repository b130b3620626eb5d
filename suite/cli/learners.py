"""The command that checks a learner."""

from __future__ import annotations

import sys
from subprocess import TimeoutExpired
from typing import Annotated

import typer

from suite.cli.options import PLAY, fail, finite

app = typer.Typer()
MOST_STEPS_PER_LANE = 1_000_000
"""Of ``amtlb check``: half an hour and more of play, in which any learner has learned once."""


@app.command(rich_help_panel=PLAY)
def check(
    learner: Annotated[str, typer.Argument(help="The learner, as module:function.")],
    steps_per_lane: Annotated[
        int | None,
        typer.Option(
            "--steps-per-lane",
            min=1,
            max=MOST_STEPS_PER_LANE,
            help="Agent steps that each lane plays: more than the learner needs to learn once.",
            show_default="40",
        ),
    ] = None,
    minutes: Annotated[
        float,
        typer.Option("--minutes", min=0.01, callback=finite, help="Minutes that the check may take."),
    ] = 10.0,
) -> None:
    """Check a learner against the contract, in a process like those of runs; say what was not tried."""
    from rich.console import Console
    from rich.text import Text

    from suite.benchmark.endings import how_it_ended
    from suite.benchmark.process import ask

    steps = [] if steps_per_lane is None else [str(steps_per_lane)]
    waiting = Text(f"checking {learner}, {minutes:g} minutes at most")
    try:
        with Console(stderr=True).status(waiting):  # a terminal shows it, nothing else does
            done = ask("suite.learners.check", learner, *steps, timeout_seconds=60 * minutes)
    except TimeoutExpired:
        fail(f"learner {learner!r}: the check takes more than {minutes:g} minutes; --minutes allows more", 1)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    passed = any(line.startswith(f"passed: {learner} ") for line in done.stdout.splitlines())
    failed = done.stderr.strip().rpartition("\n")[2].startswith("error: ")
    if not (failed if done.returncode else passed):  # a learner may end the process, whatever its status
        fail(
            f"learner {learner!r}: {how_it_ended(done.returncode, 'the check was over', printed=done.stderr)}",
            1,
        )
    raise typer.Exit(done.returncode)
