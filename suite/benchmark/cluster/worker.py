"""The tasks of a dask worker: to say hello, to play runs in its folder, to keep them until they are fetched."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

from protocol import AmtlbError, RunId, load, parse_run_id
from suite.benchmark.cluster.hello import Hello, facts_here
from suite.benchmark.cluster.packed_run import Files, PackedRun, packed, write_files
from suite.benchmark.cluster.scratch import Scratch, laid_out
from suite.benchmark.process import RunEnd, Task, run_child
from suite.benchmark.scheduler import Progress
from suite.machine import available_cores
from suite.results.store import Store
from suite.run.job import Assignment
from suite.run.messages import Played
from suite.run.space import is_full
from suite.tracking.mongo_url import url_of_environment

_LOOK_SECONDS = 1.0
_LOG_BYTES = 2**20
"""The most bytes of a run's output that are sent back: the end of it."""
_LEFT_OUT: set[str] = set()
"""The batches that this process plays nothing of, though the scheduler has handed it some already."""


class Greeting(NamedTuple):
    """The questions to a worker before it plays, and the things that it needs for it.

    Attributes:
        batch: names the runs of one results folder, learner and code.
        protocol_version: such as ``v1``.
        learner: that it must be able to make; None: none, or one in a box.
        hyperparameters: given to the learner, as JSON; empty: none.
        minutes: that making the learner may take.
        files: the learner's folder; empty: it does not travel.
        stored: paths of the runs that need not be kept any more.
    """

    batch: str
    protocol_version: str
    learner: str | None
    hyperparameters: str
    minutes: float
    files: Files
    stored: tuple[str, ...] = ()


class WorkerTask(NamedTuple):
    """A run that a worker is to play.

    Attributes:
        batch: see ``Greeting``.
        assignment: what is to be played.
        hyperparameters: given to the learner, as JSON; empty: none.
        travels: whether the learner's folder has come with the greeting.
    """

    batch: str
    assignment: Assignment
    hyperparameters: str
    travels: bool


class RunFailure(NamedTuple):
    """A run's failure on a worker.

    Attributes:
        end: the same as on this machine.
        worker: its address.
        seconds: after which it failed.
        steps: agent steps that it had played by then.
        log: what the run printed.
    """

    end: RunEnd
    worker: str
    seconds: float
    steps: int
    log: bytes


class RunFailed(Exception):
    """A run failed; the first argument is a ``RunFailure``."""


async def hello(greeting: Greeting, dask_worker: Any) -> Hello:
    """This worker's account of itself; dask passes the worker in."""
    return await asyncio.to_thread(_hello, greeting, dask_worker)


def _hello(greeting: Greeting, worker: Any) -> Hello:
    scratch = Scratch(worker.local_directory, greeting.batch, protocol := load(greeting.protocol_version))
    facts, problem = None, ""
    try:
        scratch.use()
        scratch.drop_stale()
        forget(greeting, worker)
        if greeting.files:
            laid_out(scratch.learner, lambda new: write_files(new, greeting.files))
        cwd = str(scratch.learner) if greeting.files else None
        facts = facts_here(greeting.learner, protocol.lanes, greeting.hyperparameters, greeting.minutes, cwd)
    except (AmtlbError, OSError) as error:
        problem = str(error)
    _LEFT_OUT.discard(greeting.batch)
    return Hello(
        name=_name(worker),
        threads=worker.state.nthreads,
        cores=available_cores(),
        free_bytes=shutil.disk_usage(worker.local_directory).free,
        facts=facts,
        problem=problem,
        complete=tuple(scratch.complete()),
        begun=tuple(scratch.begun()),
    )


def _name(worker: Any) -> str:
    return worker.address if worker.name == worker.address else f"{worker.name} ({worker.address})"


def forget(greeting: Greeting, dask_worker: Any) -> None:
    """Remove the runs that whoever asked for them has stored."""
    scratch = Scratch(dask_worker.local_directory, greeting.batch, load(greeting.protocol_version))
    for name in set(greeting.stored) & set(scratch.complete()):
        shutil.rmtree(scratch.store.folder / name, ignore_errors=True)


def clear(greeting: Greeting, dask_worker: Any) -> None:
    """Remove all that was kept for a batch, which is complete where it was asked for."""
    scratch = Scratch(dask_worker.local_directory, greeting.batch, load(greeting.protocol_version))
    shutil.rmtree(scratch.folder, ignore_errors=True)


async def admit(resource: str, dask_worker: Any) -> None:
    """Make the scheduler give runs to this worker: as many at once as it has threads."""
    from distributed import Status

    await dask_worker.set_resources(**{resource: dask_worker.state.nthreads})
    # The scheduler asks who can take a waiting run when a worker comes or goes on after a pause, and not now.
    dask_worker.status = Status.paused
    dask_worker.status = Status.running


async def leave_out(resource: str, batch: str, dask_worker: Any) -> None:
    """Make the scheduler give no more runs to this worker; those that it has been given go back."""
    _LEFT_OUT.add(batch)
    await dask_worker.scheduler.set_resources(resources={resource: 0}, worker=dask_worker.contact_address)


def play(task: WorkerTask, start: PackedRun | None) -> PackedRun:
    """Play a run, unless it lies here complete; a task for a dask worker.

    A run that nobody wants any more is stopped, and so is one whose worker closes; it leaves a snapshot.

    Args:
        task: the run.
        start: the run that it starts from.

    Raises:
        RunFailed: it failed.
        Reschedule: of dask: it was stopped here, and is played elsewhere if somebody still wants it.
    """
    from distributed import Reschedule, get_worker

    if task.batch in _LEFT_OUT:
        raise Reschedule
    began, turn = time.monotonic(), _Turn(task, get_worker())
    try:
        end = turn.play(start)
        if end.status == "complete":
            return packed(turn.store, turn.run_id, _tail(turn.log), end.untracked)
    except (AmtlbError, OSError) as error:
        said = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else str(error)
        end = RunEnd(str(turn.run_id), "failed", said, str(turn.log), disk_full=is_full(error))
    if end.status == "failed":
        printed = _tail(turn.log)
        turn.log.unlink(missing_ok=True)  # it goes back
        raise RunFailed(RunFailure(end, turn.address, time.monotonic() - began, turn.steps, printed))
    raise Reschedule


class _Turn:
    """One try at a run.

    Attributes:
        steps: agent steps played in it.
    """

    def __init__(self, task: WorkerTask, worker: Any) -> None:
        self._task, self._worker, self._key = task, worker, worker.get_current_task()
        self._scratch = Scratch(worker.local_directory, task.batch, load(task.assignment.protocol_version))
        self._scratch.use()
        self.address, self.store, self.steps = worker.address, self._scratch.store, 0
        self.run_id = parse_run_id(task.assignment.run_id, self.store.protocol)
        self.log = self.store.log_path(self.run_id)

    def play(self, start: PackedRun | None) -> RunEnd:
        """Play the run, once another worker of this disk that still plays it has stopped."""
        start_folder = None
        if start is not None:
            start_folder = self._scratch.start(parse_run_id(start.run_id, self.store.protocol), start)
            _drop_foreign(self.store, self.run_id, start_folder, start)
        self.store.make_folder()
        task = Task(
            self._task.assignment.in_folder(self.store.folder, start_folder),
            str(self.log),
            tracked=url_of_environment() is not None,
            hyperparameters=self._task.hyperparameters,
            cwd=str(self._scratch.learner) if self._task.travels else None,
        )
        while True:
            end = run_child(task, self._report, self._is_unwanted)
            if end.status != "elsewhere" or self._is_unwanted():
                return end
            time.sleep(_LOOK_SECONDS)

    def _is_unwanted(self) -> bool:
        """True if no client wants the run of this worker any more, or the worker closes."""
        known = self._worker.state.tasks.get(self._key)
        closes = self._worker.status.name not in ("running", "paused")
        return closes or known is None or known.state != "executing"

    def _report(self, played: Played) -> None:
        self.steps = played.steps - played.resumed_steps
        progress = Progress(str(self.run_id), played.steps, played.resumed_steps)
        self._worker.log_event(self._task.batch, progress._asdict())


def _drop_foreign(store: Store, run_id: RunId, start_folder: Path, start: PackedRun) -> None:
    """Remove a complete run that started from another checkpoint than is given now."""
    if not store.is_complete(run_id):
        return
    given = Store(start_folder, store.protocol).record(parse_run_id(start.run_id, store.protocol))
    if store.record(run_id).checkpoint_in != given.checkpoint_out:
        shutil.rmtree(store.run_folder(run_id))


def _tail(log: Path) -> bytes:
    if not log.exists():
        return b""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        return file.read()


def given(packed_run: PackedRun) -> PackedRun:
    """A run that is complete already; a task for a dask worker, so that what it brings cannot get lost."""
    return packed_run
