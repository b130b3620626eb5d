"""The settings of a benchmark, and how many runs and workers a machine gets."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from suite.contained.spec import BoxSpec
from suite.machine import available_cores
from suite.run.job import SNAPSHOT_MINUTES, STALL_MINUTES


@dataclass(frozen=True)
class Settings:
    """The settings of a benchmark; but for hyper-parameters, none of them changes a score.

    Attributes:
        learner: ``module:function``.
        device: ``cpu`` or ``cuda``, for learners that ask ``AMTLB_DEVICE``.
        jobs: runs side by side on this machine; a scheduler has its own number.
        workers: processes per run that play its lanes; 0: the run's own.
        scheduler: address of a dask scheduler; None plays on this machine.
        detach: whether runs are left playing on the scheduler, to be fetched by another call.
        box: where each run's learner is put; None: into the run's own process.
        tracked: whether each run is a Sacred run, too.
        snapshot_minutes: between snapshots of a run; 0: none is taken.
        snapshot_url: where snapshots are copied to, too; empty: nowhere.
        stall_minutes: a run that makes no step for so long is ended.
        foreground: whether a run has this process's terminal, for a debugger.
        hyperparameters: given to the learner, as JSON; empty: none. They do change scores.
    """

    learner: str
    _: KW_ONLY
    device: str = "cpu"
    jobs: int = 1
    workers: int = 0
    scheduler: str | None = None
    box: BoxSpec | None = None
    tracked: bool = False
    snapshot_minutes: float = SNAPSHOT_MINUTES
    snapshot_url: str = ""
    stall_minutes: float = STALL_MINUTES
    foreground: bool = False
    hyperparameters: str = ""
    detach: bool = False


def runs_and_workers(device: str, lanes: int, jobs: int | None, workers: int | None) -> tuple[int, int]:
    """The number of runs to play at the same time, and of processes in which each plays its lanes.

    On the CPU one run per core, each in one process, is fastest (docs/performance.md). On a GPU the lanes are
    the bottleneck, so a run gets a process per lane as far as there are cores.

    Args:
        device: cpu or cuda.
        lanes: of a run.
        jobs: how many runs were asked for; None: as many as this machine's cores allow.
        workers: how many processes were asked for; None: what is best for the device and the jobs.
    """
    cores = available_cores()
    if workers is None:
        workers = 0 if device == "cpu" else min(lanes, max(1, cores // (jobs or 1)))
    return jobs or max(1, cores // max(1, workers)), workers
