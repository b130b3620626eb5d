"""Options and manners that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from protocol import UnknownName

if TYPE_CHECKING:
    from suite.process import Outcome

DEFAULT_EDITION, DEFAULT_LEARNER = "smoke", "baselines.ppo:make"
_DEVICES = ("cpu", "cuda")

EditionOption = Annotated[str, typer.Option("--edition", help="smoke, lite or full.")]
LearnerOption = Annotated[str, typer.Option("--learner", help="The learner, as module:function.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="The results folder.  [default: results/EDITION/LEARNER]", show_default=False),
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu or cuda; learners read it as AMTLB_DEVICE.")]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Processes a run that play its lanes; 0: the run's own.  [default: 0; on cuda one a core]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def results_folder(out: Path | None, edition: str, learner: str) -> Path:
    """The folder that was asked for, or ``results/EDITION/LEARNER``."""
    return out or Path("results") / edition / learner.removesuffix(":make").replace(":", ".")


def fail(message: str, status: int) -> NoReturn:
    """Say in one line what went wrong, and exit."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(status)


def warn_of_untracked(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Say which complete runs were not tracked, why, and what brings them in."""
    untracked = [outcome for outcome in outcomes if outcome.untracked]
    complete = [outcome.run_id for outcome in untracked if outcome.status == "complete"]
    for reason in dict.fromkeys(outcome.untracked for outcome in untracked):
        ids = [outcome.run_id for outcome in untracked if outcome.untracked == reason]
        print(f"warning: not tracked, {len(ids)} in all: {', '.join(ids)}; {reason}", file=sys.stderr)
    if complete:
        print(f"they are complete all the same; `amtlb publish {folder}` brings them in", file=sys.stderr)


def check_device(device: str) -> None:
    """Raise UnknownName for a device that learners do not know."""
    if device not in _DEVICES:
        raise UnknownName(f"device {device!r} does not exist; choose one of: {', '.join(_DEVICES)}")
