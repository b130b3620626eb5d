"""Options and manners that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from protocol import UnknownName
from suite.contained.spec import DEFAULT_USER, BoxLimits, BoxSpec
from suite.untrusted.text import printable

if TYPE_CHECKING:
    from suite.benchmark.process import Outcome

DEFAULT_EDITION, DEFAULT_LEARNER, DEFAULT_BOX_USER = "smoke", "baselines.ppo:make", DEFAULT_USER
_DEVICES = ("cpu", "cuda")
_MOST_SAID = 4_000  # characters of an error

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

ImageOption = Annotated[
    str | None,
    typer.Option(
        "--image",
        help="Put each run's learner into a container of this Docker image.",
        show_default=False,
    ),
]
ContainedOption = Annotated[
    str | None,
    typer.Option(
        "--contained",
        help="process: put each run's learner into a process of another user, which is weaker than --image.",
        show_default=False,
    ),
]
BoxUserOption = Annotated[str, typer.Option("--box-user", help="Whom --contained process runs as, for root.")]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        help=f"NAME=VALUE, of a box: {', '.join(BoxLimits.names())}.",
        show_default=False,
    ),
]


def box_spec(
    image: str | None, contained: str | None, user: str, limits: list[str] | None, device: str = "cpu"
) -> BoxSpec | None:
    """The box that the options ask for; None: they ask for none.

    Raises:
        UnknownName: they do not go together, or a limit does not exist or cannot be.
        BoxError: there is no such image.
    """
    if contained not in (None, "process"):
        raise UnknownName(f"--contained {contained!r} does not exist; choose process, or name an --image")
    if image is not None and contained is not None:
        raise UnknownName("choose one of --image and --contained process")
    if image is None and contained is None:
        if limits:
            raise UnknownName("--limit is of a box; choose --image or --contained process, too")
        return None
    if device != "cpu":
        raise UnknownName(f"device {device!r} is not handed into boxes; choose cpu, or no box")
    chosen = BoxLimits.of_texts(limits or [])
    if image is None:
        return BoxSpec(image_sha256=None, user=user, limits=chosen)
    from suite.contained.containers import image_id

    return BoxSpec(image_sha256=image_id(image), user=user, limits=chosen)


def results_folder(out: Path | None, edition: str, learner: str) -> Path:
    """The folder that was asked for, or ``EDITION/LEARNER`` below ``AMTLB_RESULTS``, by default ``results``."""
    return out or Path(os.environ.get("AMTLB_RESULTS") or "results") / edition / learner.removesuffix(
        ":make"
    ).replace(":", ".")


def fail(message: str, status: int) -> NoReturn:
    """Say in one line what went wrong, and exit."""
    print("error: " + printable(" ".join(message.split()), _MOST_SAID), file=sys.stderr)
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
