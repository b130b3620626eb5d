"""The options of the commands that play runs, and the checks that these make first."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocol import UnknownName, current_protocol
from suite.cli.hyperparameters import hyperparameters
from suite.cli.options import finite
from suite.run.job import MOST_STALL_MINUTES, SNAPSHOT_MINUTES, STALL_MINUTES

if TYPE_CHECKING:
    from suite.benchmark.process import RunEnd
    from suite.benchmark.settings import Settings
    from suite.contained.spec import BoxSpec
    from suite.results.store import Store

DEFAULT_LEARNER = "baselines.ppo:make"
_DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class MakingOptions:
    """The making of a learner, and the time that this, or a step of it, may take."""

    stall_minutes: Annotated[
        float,
        typer.Option(
            "--stall-minutes",
            min=0.01,
            max=MOST_STALL_MINUTES,
            callback=finite,
            help="Most minutes that making the learner, or one step of a run, may take.",
        ),
    ] = STALL_MINUTES
    set_values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="NAME=VALUE, a hyper-parameter that the learner's function takes; the value is JSON or text.",
            show_default=False,
        ),
    ] = None
    set_from: Annotated[
        Path | None,
        typer.Option(
            "--set-from",
            help="A .json or .toml file of hyper-parameters; --set overrides it.",
            show_default=False,
        ),
    ] = None

    @property
    def hyperparameters(self) -> str:
        """The hyper-parameters that the learner is given, as JSON; empty: none.

        Raises:
            UnknownName: a text is not NAME=VALUE, or the file holds no table of values that JSON knows.
        """
        return hyperparameters(self.set_values, self.set_from)


@dataclass(frozen=True, kw_only=True)
class PlayOptions:
    """The options for playing runs: the learner, the results folder, and the way of playing."""

    learner: Annotated[str, typer.Option("--learner", help="The learner, as module:function.")] = (
        DEFAULT_LEARNER
    )
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The results folder.",
            show_default="EDITION/LEARNER in $AMTLB_RESULTS or results",
        ),
    ] = None
    device: Annotated[
        str, typer.Option("--device", help="cpu or cuda, which learners read as AMTLB_DEVICE.")
    ] = "cpu"
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=0,
            help="Processes per run that play its lanes; 0: the run's own process.",
            show_default="0; on cuda, one per core",
        ),
    ] = None
    snapshot_minutes: Annotated[
        float,
        typer.Option(
            "--snapshot-minutes",
            min=0,
            callback=finite,
            help="Minutes between the snapshots that a stopped run resumes from; 0: none.",
        ),
    ] = SNAPSHOT_MINUTES
    snapshot_url: Annotated[
        str,
        typer.Option(
            "--snapshot-url",
            help="Where to copy snapshots to, so that any machine can resume: a folder or a URL such as s3://bucket/path.",
            show_default="nowhere",
        ),
    ] = ""
    making: MakingOptions

    def store(self, edition: str) -> Store:
        """The results folder of an edition."""
        from suite.results.store import Store

        return Store(results_folder(self.out, edition, self.learner), current_protocol())

    def settings(
        self,
        box: BoxSpec | None,
        jobs: int | None,
        scheduler: str | None = None,
        *,
        detach: bool = False,
        foreground: bool = False,
    ) -> Settings:
        """The settings of the benchmark.

        Args:
            box: where each run's learner is put; None: into the run's own process.
            jobs: runs side by side; None: as many as cores allow.
            scheduler: address of a dask scheduler; None plays on this machine.
            detach: whether runs are left playing there.
            foreground: whether a run has this process's terminal.

        Raises:
            UnknownName: there is no such device, no file system of such a URL, or a hyper-parameter is none.
        """
        from suite.benchmark.settings import Settings, runs_and_workers
        from suite.run.copies import checked_url

        check_device(self.device)
        jobs, workers = runs_and_workers(self.device, current_protocol().lanes, jobs, self.workers)
        return Settings(
            self.learner,
            device=self.device,
            jobs=jobs,
            workers=workers,
            scheduler=scheduler,
            detach=detach,
            box=box,
            tracked=True,
            snapshot_minutes=self.snapshot_minutes,
            snapshot_url=self.snapshot_url and checked_url(self.snapshot_url),
            stall_minutes=self.making.stall_minutes,
            foreground=foreground,
            hyperparameters=self.making.hyperparameters,
        )


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


def check_playable(settings: Settings) -> None:
    """Find out now, rather than in every run, what would keep runs from being played or tracked.

    Raises:
        AmtlbError: the learner cannot be imported, or does not take a hyper-parameter, or the tracking server's
            address cannot be right.
    """
    from suite.benchmark.process import check_importable
    from suite.machine import has_gpu
    from suite.tracking.mongo_url import url_of_environment

    url_of_environment()
    if settings.scheduler is None and settings.device != "cpu" and not has_gpu():
        raise UnknownName(f"device {settings.device!r} is not on this machine, which shows no GPU; choose cpu")
    _warn_of_no_commit()
    if settings.box is None:
        check_importable(settings.learner, settings.stall_minutes, settings.hyperparameters)


def _warn_of_no_commit() -> None:
    """Say why records cannot name the commit of the code, where there is a repository."""
    from suite.machine import why_no_commit

    if reason := why_no_commit():
        print(f"warning: records cannot name the commit of the code: {reason}", file=sys.stderr)


def check_device(device: str) -> None:
    """Raise UnknownName for a device that learners do not know."""
    if device not in _DEVICES:
        raise UnknownName(f"device {device!r} does not exist; choose one of: {', '.join(_DEVICES)}")


def warn_of_untracked(ends: Sequence[RunEnd], folder: Path) -> None:
    """Say which complete runs were not tracked, why, and what brings them in."""
    untracked = [end for end in ends if end.untracked]
    complete = [end.run_id for end in untracked if end.status == "complete"]
    for reason in dict.fromkeys(end.untracked for end in untracked):
        ids = [end.run_id for end in untracked if end.untracked == reason]
        print(f"warning: not tracked, {len(ids)} in all: {', '.join(ids)}; {reason}", file=sys.stderr)
    if complete:
        print(f"they are complete all the same; `amtlb publish {folder}` brings them in", file=sys.stderr)
