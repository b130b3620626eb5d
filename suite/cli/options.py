"""Options and manners that several commands share."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from protocol import UnknownName
from suite.contained.spec import DEFAULT_USER, BoxLimits, BoxSpec
from suite.untrusted.text import printable

if TYPE_CHECKING:
    from suite.benchmark.process import Outcome

PLAY, READ, SHARE, RULES = "Play", "Read results", "Share and verify", "The rules"
"""The panels of ``amtlb --help``."""
DEFAULT_EDITION, DEFAULT_LEARNER, DEFAULT_BOX_USER = "smoke", "baselines.ppo:make", DEFAULT_USER
_DEVICES = ("cpu", "cuda")
_MOST_SAID = 4_000  # characters of an error

EditionOption = Annotated[str, typer.Option("--edition", help="smoke, lite or full.")]
LearnerOption = Annotated[str, typer.Option("--learner", help="The learner, as module:function.")]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The results folder.",
        show_default="EDITION/LEARNER in $AMTLB_RESULTS or results",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="cpu or cuda, which learners read as AMTLB_DEVICE.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Processes per run that play its lanes; 0: the run's own process.",
        show_default="0; on cuda, one per core",
    ),
]
SnapshotOption = Annotated[
    float,
    typer.Option(
        "--snapshot-minutes",
        min=0,
        help="Minutes between the snapshots that a stopped run resumes from; 0: none.",
    ),
]
StallOption = Annotated[
    float,
    typer.Option("--stall-minutes", min=0.01, help="Minutes without a step after which a run is ended."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

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
BoxUserOption = Annotated[
    str, typer.Option("--box-user", help="The user of --contained process, if root calls.")
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        help=f"NAME=VALUE, a limit of the container or process: {', '.join(BoxLimits.names())}.",
        show_default=False,
    ),
]


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="NAME=VALUE, a hyper-parameter that the learner's function takes; the value is JSON or text.",
        show_default=False,
    ),
]
SetFromOption = Annotated[
    Path | None,
    typer.Option("--set-from", help="A .json or .toml file of such; --set goes before it.", show_default=False),
]


def hyperparameters(texts: list[str] | None, file: Path | None) -> str:
    """The hyper-parameters that the options give, as JSON; empty: none.

    Raises:
        UnknownName: a text is not NAME=VALUE, or the file holds no table of values that JSON knows.
    """
    given = {} if file is None else _read_table(file)
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise UnknownName(f"--set {text!r} is not of the form NAME=VALUE, such as learning_rate=1e-4")
        if value in ("True", "False", "None"):
            raise UnknownName(f"--set {text!r} is not JSON; write true, false or null")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    try:
        return json.dumps(given, allow_nan=False, sort_keys=True) if given else ""
    except (TypeError, ValueError) as error:
        raise UnknownName(f"hyper-parameters must be values that JSON knows ({error})") from error


def _read_table(file: Path) -> dict[str, Any]:
    readers = {".json": json.loads, ".toml": tomllib.loads}
    if file.suffix not in readers:
        raise UnknownName(f"--set-from {file} is neither .json nor .toml; name it as what it is")
    try:
        table = readers[file.suffix](file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnknownName(f"--set-from {file} cannot be read ({error})") from error
    if not isinstance(table, dict):
        raise UnknownName(f"--set-from {file} holds no table of hyper-parameters by name")
    return table


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
    """The folder that was asked for, or ``EDITION/LEARNER`` below ``AMTLB_RESULTS``, by default ``results``.

    ``~`` is the home folder, also where no shell has seen it, as in a variable.
    """
    if out is None:
        name = learner.removesuffix(":make").replace(":", ".")
        out = Path(os.environ.get("AMTLB_RESULTS") or "results") / edition / name
    try:
        return out.expanduser()
    except RuntimeError:  # ~nobody
        return out


def check_scheduler(scheduler: str | None, jobs: int | None, detach: bool) -> None:
    """Raise UnknownName where options are given that a scheduler, or its absence, leaves without meaning."""
    if scheduler is not None and jobs is not None:
        raise UnknownName(
            "--jobs is for this machine; each worker of a --scheduler plays as many runs at once as it has "
            "threads (dask worker --nthreads)"
        )
    if scheduler is None and detach:
        raise UnknownName("--detach leaves runs to a --scheduler; name one, or leave --detach out")


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


def warn_of_no_commit() -> None:
    """Say why records cannot name the commit of the code, where there is a repository."""
    from suite.machine import why_no_commit

    if reason := why_no_commit():
        print(f"warning: records cannot name the commit of the code: {reason}", file=sys.stderr)


def check_device(device: str) -> None:
    """Raise UnknownName for a device that learners do not know."""
    if device not in _DEVICES:
        raise UnknownName(f"device {device!r} does not exist; choose one of: {', '.join(_DEVICES)}")
