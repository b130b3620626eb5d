"""The order to play a run, wherever that is."""

from __future__ import annotations

from pathlib import Path

from protocol import Frozen
from suite.contained.spec import BoxSpec

SNAPSHOT_MINUTES = 15.0
"""By default; docs/faults.md says what share of this a snapshot takes."""

STALL_MINUTES, MOST_STALL_MINUTES = 60.0, 366 * 24 * 60.0
"""Minutes without a step, by default and at most; a box's default is less (suite.contained.spec)."""


class Assignment(Frozen):
    """A run to play, in a folder of whoever plays it.

    Attributes:
        run_id: the run.
        protocol_version: such as ``v1``.
        learner: ``module:function``.
        device: what the learner finds in ``AMTLB_DEVICE``: ``cpu`` or ``cuda``.
        workers: processes that play the lanes; 0 plays them in the run's own.
        box: where the learner is put; None: into the run's own process.
        configuration_digest: of the folder's complete runs, which this one must share; None: there are none.
        snapshot_minutes: between snapshots of the run; 0: none is taken.
        snapshot_url: where snapshots are copied to, as ``suite.run.copies.checked_url`` returns it; empty:
            nowhere.
        stall_minutes: a run that makes no step for so long is ended.
        foreground: whether it has its starter's terminal, for a debugger; then it never stalls.
    """

    run_id: str
    protocol_version: str
    learner: str
    device: str
    workers: int
    box: BoxSpec | None
    configuration_digest: str | None
    snapshot_minutes: float = SNAPSHOT_MINUTES
    snapshot_url: str = ""
    stall_minutes: float = STALL_MINUTES
    foreground: bool = False

    def in_folder(self, folder: Path, start_folder: Path | None = None) -> Job:
        """The order to play it in a folder; see ``Job``."""
        start = None if start_folder is None else str(start_folder.resolve())
        return Job(**dict(self), folder=str(folder.resolve()), start_folder=start)


class Job(Assignment):
    """The order to a process to play a run.

    Attributes:
        folder: the results folder, absolute.
        start_folder: the results folder that holds the run from which this one starts, if it starts from one;
            None: the same.
    """

    folder: str
    start_folder: str | None = None
