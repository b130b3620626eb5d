"""Options and manners that several commands share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from protocol import UnknownName

DEFAULT_EDITION, DEFAULT_LEARNER = "smoke", "baselines.ppo:make"
_DEVICES = ("cpu", "cuda")

EditionOption = Annotated[str, typer.Option("--edition", help="smoke, lite or full.")]
LearnerOption = Annotated[str, typer.Option("--learner", help="The learner, as module:function.")]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The results folder.  [default: EDITION/LEARNER in $AMTLB_RESULTS or results]",
        show_default=False,
    ),
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
    """The folder that was asked for, or ``EDITION/LEARNER`` below ``AMTLB_RESULTS``, by default ``results``."""
    return out or Path(os.environ.get("AMTLB_RESULTS") or "results") / edition / learner.removesuffix(
        ":make"
    ).replace(":", ".")


def fail(message: str, status: int) -> NoReturn:
    """Say in one line what went wrong, and exit."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(status)


def check_device(device: str) -> None:
    """Raise UnknownName for a device that learners do not know."""
    if device not in _DEVICES:
        raise UnknownName(f"device {device!r} does not exist; choose one of: {', '.join(_DEVICES)}")
