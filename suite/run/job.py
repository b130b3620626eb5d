"""The order that a run's process is given."""

from __future__ import annotations

from protocol import Frozen
from suite.contained.spec import BoxSpec

SNAPSHOT_MINUTES = 15.0
"""By default; a snapshot of the largest replay buffer takes some 8 s, which is 1 % of this."""

STALL_MINUTES = 60.0
"""How long a run may make no step, by default: longer than a box has for one answer (suite.contained.spec)."""


class Job(Frozen):
    """What a process is told to play.

    Attributes:
        run_id: the run.
        protocol_version: such as ``v1``.
        learner: ``module:function``.
        folder: the results folder, absolute.
        device: what the learner finds in ``AMTLB_DEVICE``: ``cpu`` or ``cuda``.
        workers: processes that play the lanes; 0 plays them in the run's own.
        box: where the learner is put; None: into the run's own process.
        configuration_digest: of the folder's complete runs, which this one must share; None: there are none.
        snapshot_minutes: between snapshots of the run; 0: none is taken.
        stall_minutes: a run that makes no step for so long is ended.
        foreground: whether it has its starter's terminal, for a debugger; then it never stalls.
    """

    run_id: str
    protocol_version: str
    learner: str
    folder: str
    device: str
    workers: int
    box: BoxSpec | None
    configuration_digest: str | None
    snapshot_minutes: float = SNAPSHOT_MINUTES
    stall_minutes: float = STALL_MINUTES
    foreground: bool = False
