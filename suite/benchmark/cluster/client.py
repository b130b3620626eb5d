"""Runs on the workers of a dask scheduler, which see no folder of this machine: sent, fetched, stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from protocol import ForeignProtocol, Run, RunId, ServerError, StoreError
from suite.benchmark.cluster.batch import Batch, batch_of
from suite.benchmark.cluster.packed_run import packed_start, receive
from suite.benchmark.cluster.worker import RunFailed, RunFailure, WorkerTask, given, play
from suite.benchmark.cluster.worker_list import WorkerList
from suite.benchmark.process import RunEnd
from suite.benchmark.scheduler import (
    Listener,
    Notice,
    SchedulerLost,
    as_progress,
    asking,
    cluster_client,
    priority,
)
from suite.benchmark.settings import Settings
from suite.results.store import Store
from suite.run.job import Assignment
from suite.run.space import is_full, room_for, where_full

_LOOK_SECONDS = 0.5
_FETCH_SECONDS = 60
_AT_ONCE_SECONDS = 60.0
"""A run that fails sooner, or before its first step, is tried elsewhere: the worker may be to blame."""
_MOST_DEATHS = 5
"""The most times that a run is given to dask again after several workers died while they played it."""
RETURN_SECONDS = 600.0
"""The most seconds to wait for a scheduler that has gone."""


def play_on_cluster(
    missing: list[Run],
    assignments: Mapping[RunId, Assignment],
    store: Store,
    settings: Settings,
    listener: Listener,
) -> list[RunEnd]:
    """Play runs on the scheduler of the settings, and store those that are complete.

    A scheduler that goes away is waited for, RETURN_SECONDS long; so is a worker that may play.

    Args:
        missing: the runs; a run stands behind the one that it starts from.
        assignments: of each run.
        store: the results folder, of which the workers see nothing.
        settings: name the scheduler.
        listener: takes notices, and the progress and the ends of runs; called in another thread, too.

    Returns:
        how each run ended, in the order of ``missing``; of runs that were left there, nothing.

    Raises:
        ServerError: the scheduler does not answer, or has workers and none may play.
        LearnerError: the learner cannot be made here, or its folder is too large to travel.
        StoreError: the results folder has no room.
    """
    assert settings.scheduler is not None
    batch = batch_of(store, store.protocol, settings.learner, settings)
    playing = _Playing(missing, assignments, store, settings, batch, listener)
    scheduler = f"the dask scheduler at {settings.scheduler}"
    until: float | None = None  # when a scheduler that has gone is given up
    while True:
        try:
            with cluster_client(settings.scheduler) as client:
                until = None
                return playing.play(client)
        except (SchedulerLost, ServerError) as error:
            if isinstance(error, ServerError) and until is None:
                raise
            if until is None:
                until = time.monotonic() + RETURN_SECONDS
                listener(Notice(f"{scheduler} has gone; waiting {RETURN_SECONDS / 60:g} minutes for it"))
            elif time.monotonic() > until:
                raise ServerError(
                    f"{scheduler} has gone and has not come back within {RETURN_SECONDS / 60:g} minutes; "
                    "the same command goes on when it is back"
                ) from error
            time.sleep(_LOOK_SECONDS)


class _Playing:
    """The runs that are missing, and how far they are, whatever becomes of the scheduler."""

    def __init__(
        self,
        missing: list[Run],
        assignments: Mapping[RunId, Assignment],
        store: Store,
        settings: Settings,
        batch: Batch,
        listener: Listener,
    ) -> None:
        self._missing, self._assignments, self._store = missing, assignments, store
        self._settings, self._batch, self._listener = settings, batch, listener
        self._ends: dict[RunId, RunEnd] = {}
        self._suspects: dict[RunId, str] = {}  # the worker on which a run has failed at once
        self._own_faults: set[str] = set()  # errors with which a run has failed on two workers
        self._deaths: dict[RunId, int] = {}
        self._has_begun = False

    def play(self, client: Any) -> list[RunEnd]:
        """Play what is left; raises SchedulerLost where that cannot be done any more."""
        self._client, self._forgotten = client, list[str]()
        self._workers = self._greeted()
        with asking(client):
            client.subscribe_topic(self._batch.name, lambda event: self._listener(as_progress(event[1])))
        self._futures = self._submitted()
        if self._settings.detach:
            with asking(client):
                client.publish_dataset(list(self._futures.values()), name=self._batch.name, override=True)
            return []
        with asking(client):
            if self._batch.name in client.list_datasets():
                client.unpublish_dataset(self._batch.name)
        while left := self._left():
            for run in left:
                with suppress(TimeoutError):  # a run that takes long to come is asked for again
                    self._look_at(run)
            self._forget()
            self._workers.look()
            time.sleep(_LOOK_SECONDS)
        if all(end.status == "complete" for end in self._ends.values()):
            self._workers.clear()
        return [self._ends[run.run_id] for run in self._missing]

    def _left(self) -> list[Run]:
        return [run for run in self._missing if run.run_id not in self._ends]

    def _greeted(self) -> WorkerList:
        needed = max((room_for(run, self._store)[self._store.folder] for run in self._left()), default=0)
        workers = WorkerList(
            self._client,
            self._settings.scheduler or "",
            self._batch.greeting,
            self._batch.here,
            needed,
            lambda text: self._listener(Notice(text)),
        )
        workers.look()
        if not self._has_begun:  # later, other workers may be on their way
            workers.check()
        self._has_begun = True
        return workers

    def _submitted(self) -> dict[RunId, Any]:
        """The futures of the runs that are left; by its key, a run of another client is found."""
        starts: dict[RunId, Any] = {}
        futures: dict[RunId, Any] = {}
        resources = {self._workers.resource: 1}
        for run in sorted(self._left(), key=lambda run: (run.starts_from is not None, -priority(run))):
            if self._is_elsewhere(run):
                continue
            start = None
            if (ancestor := run.starts_from) is not None:
                if ancestor not in futures and ancestor not in starts:
                    starts[ancestor] = self._client.submit(
                        given,
                        packed_start(self._store, ancestor),
                        key=f"{ancestor}@{self._batch.name}",
                        resources=resources,
                    )
                start = futures.get(ancestor) or starts[ancestor]
            at = self._workers.where(run.run_id.path)
            futures[run.run_id] = self._client.submit(
                play,
                WorkerTask(
                    self._batch.name,
                    self._assignments[run.run_id],
                    self._settings.hyperparameters,
                    self._batch.travels,
                ),
                start,
                key=f"{run.run_id}@{self._batch.name}",
                resources=resources,
                priority=priority(run),
                workers=at or None,
                allow_other_workers=bool(at),
            )
        return futures

    def _is_elsewhere(self, run: Run) -> bool:
        """True if another process plays the run, or the run it starts from did not complete; stores that."""
        start = run.starts_from
        found = self._ends.get(start) if start is not None else None
        if found is not None and found.status != "complete":
            self._end(run, found.status if found.status == "elsewhere" else "skipped", _starts_from(found))
        elif self._store.is_being_played(run.run_id):
            self._end(run, "elsewhere", "another process plays it")
        return run.run_id in self._ends

    def _look_at(self, run: Run) -> None:
        """Store a run that has come, judge one that has failed."""
        future = self._futures[run.run_id]
        if future.status in ("cancelled", "lost"):
            raise SchedulerLost
        if future.status == "finished":
            self._store_run(run, future)
        elif future.status == "error":
            with asking(self._client):
                error = future.exception(timeout=_FETCH_SECONDS)
            if isinstance(error, RunFailed):
                self._judge(run, error.args[0])
            else:
                self._died(run, error)

    def _store_run(self, run: Run, future: Any) -> None:
        with asking(self._client):
            packed_run = future.result(timeout=_FETCH_SECONDS)
        try:
            stored = receive(self._store, run, self._settings.learner, packed_run)
            self._append_log(run, packed_run.log)
        except (StoreError, ForeignProtocol) as error:
            self._end(run, "failed", str(error))
            return
        except OSError as error:
            if not is_full(error):
                raise
            raise StoreError(f"{where_full(room_for(run, self._store))}; the same command goes on") from error
        if stored:
            self._end(run, "complete", "", packed_run.untracked)
        else:
            self._end(run, "elsewhere", "another process plays it")

    def _judge(self, run: Run, failure: RunFailure) -> None:
        """Decide who is to blame for a failed run; one that has failed at once is tried elsewhere first."""
        end = failure.end
        if end.run_id != str(run.run_id):
            self._follow_ancestor(run)
            return
        self._append_log(run, failure.log)
        others = [address for address in self._workers.admitted if address != failure.worker]
        unclear = failure.seconds < _AT_ONCE_SECONDS or not failure.steps or end.disk_full
        if unclear and run.run_id not in self._suspects and others and end.error not in self._own_faults:
            self._suspects[run.run_id] = failure.worker
            said = f"{run.run_id} failed there after {failure.seconds:.0f} s: {end.error}"
            self._workers.leave_out(failure.worker, said)
            self._retry(run)
            return
        if unclear and (suspect := self._suspects.pop(run.run_id, None)) and not end.disk_full:
            self._own_faults.add(end.error)
            self._workers.take_back(suspect)
        self._end(run, "failed", f"{end.error} (on {failure.worker})")

    def _follow_ancestor(self, run: Run) -> None:
        """A run that was not begun, since the one that it starts from had failed."""
        found = self._ends.get(run.starts_from) if run.starts_from is not None else None
        if found is not None and found.status == "complete":
            self._retry(run)
        elif found is not None:
            self._end(run, "skipped", _starts_from(found))

    def _died(self, run: Run, error: BaseException) -> None:
        """Several workers have died while they played a run, or dask has failed."""
        if run.starts_from is not None and run.starts_from not in self._ends:
            return  # it may be its ancestor that has failed
        self._deaths[run.run_id] = self._deaths.get(run.run_id, 0) + 1
        if type(error).__name__ == "KilledWorker" and self._deaths[run.run_id] <= _MOST_DEATHS:
            self._retry(run)
            return
        said = " ".join(str(error).split())[:300]
        self._end(run, "failed", f"its dask worker failed with {type(error).__name__}: {said}")

    def _retry(self, run: Run) -> None:
        with asking(self._client):
            self._client.retry([self._futures[run.run_id]])

    def _end(self, run: Run, status: Any, error: str, untracked: str = "") -> None:
        log = str(self._store.log_path(run.run_id))
        end = RunEnd(str(run.run_id), status, error, log, untracked)
        self._ends[run.run_id] = end
        self._listener(end)

    def _append_log(self, run: Run, printed: bytes) -> None:
        if printed:
            with self._store.log_path(run.run_id).open("ab") as file:
                file.write(printed)

    def _forget(self) -> None:
        """Send the workers the stored runs that they need not keep: no missing run starts from these."""
        awaited = {run.starts_from for run in self._left()}
        stored = [
            run.run_id.path
            for run in self._missing
            if run.run_id not in awaited and self._store.is_complete(run.run_id)
        ]
        if stored == self._forgotten:
            return
        self._forgotten = stored
        for run_id in self._ends.keys() - awaited:
            self._futures.pop(run_id, None)  # dask keeps nothing that no future names
        self._workers.forget(stored)


def _starts_from(found: RunEnd) -> str:
    how = "another process plays" if found.status == "elsewhere" else found.status
    return f"it starts from {found.run_id}, which {how}"
