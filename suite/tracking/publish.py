"""Publishing complete runs to MongoDB in Sacred's schema: once each, and COMPLETED only when whole.

A run's document is written first, without ``status: COMPLETED`` and with a mark of its publisher. Then its
artifacts and metrics are written and read back. At last one write makes it COMPLETED, if the mark is still
ours. A document that is not COMPLETED and does not change for a while has been abandoned: by a publisher that
was interrupted, or by a tracker that lost its database. Another publisher takes it over by changing the mark,
and writes it again under its number.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from protocol import Run, RunRecord, ServerError
from suite.results.columns import Columns
from suite.results.each_ledger import from_each_ledger
from suite.results.store import LEDGER, Store
from suite.run.messages import Point
from suite.run.points import SPEED, ended_episodes, points_of
from suite.tracking.documents import (
    CONTENT_TYPES,
    artifact_ids,
    metric_documents,
    run_document,
    run_key,
    said,
)
from suite.tracking.gridfs_files import ArtifactFiles
from suite.tracking.run_numbers import insert_numbered

if TYPE_CHECKING:
    from pymongo.database import Database

KEY, MARK = "amtlb_key", "amtlb_publisher"
"""Fields of a run document in addition to Sacred's: the identity of the run, and who is writing it."""
PATIENCE_SECONDS = 12.0
"""The time for which a document that another process may be writing must not change before it counts as
abandoned; a tracker sends a heartbeat every 5 s."""

Document = dict[str, Any]
Listener = Callable[[str, "Ending"], None]
"""Called for each run, with its id and its outcome."""


class Ending(StrEnum):
    """The outcome for a run: it was there already, was added, or was incomplete and is now complete."""

    PRESENT = "present"
    PUBLISHED = "published"
    COMPLETED = "completed"


class _Task(NamedTuple):
    """One run to publish."""

    run: Run
    record: RunRecord
    key: str
    points: list[Point]


class Publisher:
    """Publishes the runs of results folders to one database.

    Args:
        database: of the server.
        patience_seconds: see PATIENCE_SECONDS.
    """

    def __init__(self, database: Database[Document], patience_seconds: float) -> None:
        self._runs, self._metrics = database["runs"], database["metrics"]
        self._files = ArtifactFiles(database)
        self._patience_seconds = patience_seconds
        self._mark, self._number = uuid4().hex, 0
        exists = {KEY: {"$exists": True}}
        self._runs.create_index([(KEY, 1)], unique=True, partialFilterExpression=exists, name=KEY)

    def publish(self, store: Store, runs: Sequence[Run], listener: Listener) -> Counter[Ending]:
        """Publish complete runs of a results folder.

        Args:
            store: the results.
            runs: the runs to publish; each is complete.
            listener: is called for each run.

        Returns:
            the number of runs with each outcome.

        Raises:
            StoreError: a run cannot be read, or its ledger is not the one that its record names.
            ServerError: a run does not read back as it was written, or others keep writing the same runs.
        """
        endings: Counter[Ending] = Counter()
        tasks = _checked(store, runs)
        held = self._round(store, tasks, {}, listener, endings)
        if held:
            time.sleep(self._patience_seconds)
        waiting = [task for task in tasks if task.record.run_id in held]
        for run_id, document in self._round(store, waiting, held, listener, endings).items():
            raise ServerError(
                f"run {run_id} is being written by another publisher, as number {document.get('_id')}; "
                "wait for it, then publish again"
            )
        return endings

    def _round(
        self,
        store: Store,
        tasks: Sequence[_Task],
        held: Mapping[str, Document],
        listener: Listener,
        endings: Counter[Ending],
    ) -> dict[str, Document]:
        """Publish the runs that nobody else is writing; return the documents of the others, by run id."""
        still: dict[str, Document] = {}
        there = self._there(tasks)
        for task in tasks:
            run_id = task.record.run_id
            ending = self._bring(store, task, there.get(run_id, []), held.get(run_id, {}))
            if isinstance(ending, Ending):
                endings[ending] += 1
                listener(run_id, ending)
            else:
                still[run_id] = ending
        return still

    def _there(self, tasks: Sequence[_Task]) -> Mapping[str, list[Document]]:
        """The database's documents of these runs' learner, configuration and rules, by run id."""
        found: dict[str, list[Document]] = {}
        records = [task.record for task in tasks]
        for learner, configuration in {(one.learner, one.configuration_digest) for one in records}:
            query = {
                "config.learner": learner,
                "config.configuration_digest": configuration,
                "config.run_id": {"$in": [one.run_id for one in records]},
            }
            for document in self._runs.find(query).sort("_id", 1):
                if said(document, "config", "edition_digest") == records[0].edition_digest:
                    found.setdefault(str(said(document, "config", "run_id")), []).append(document)
        return found

    def _bring(self, store: Store, task: _Task, there: Sequence[Document], held: Document) -> Ending | Document:
        """Publish one run, or return its document if another process may be writing it (not as in ``held``)."""
        same = [document for document in there if _is_of(document, task)]
        completed = [document for document in same if document.get("status") == "COMPLETED"]
        if any(self._is_whole(task, document) for document in completed):
            return Ending.PRESENT
        if not same:
            return self._claim(store, task)
        left = completed[0] if completed else same[0]
        if not completed and _state(left) != _state(held):
            return left
        if not self._take_over(left, task):
            return left
        self._write(store, task, left["_id"])
        return Ending.COMPLETED

    def _claim(self, store: Store, task: _Task) -> Ending | Document:
        """Insert a run under a new number; return the document of another publisher that was faster."""
        from pymongo.errors import DuplicateKeyError

        document = run_document(task.record, task.run.run_id) | {"status": "QUEUED"}
        document |= {KEY: task.key, MARK: self._mark}
        try:
            self._number = insert_numbered(self._runs, document, self._number)
        except DuplicateKeyError:
            return self._runs.find_one({KEY: task.key}) or {}
        self._write(store, task, self._number)
        return Ending.PUBLISHED

    def _take_over(self, left: Document, task: _Task) -> bool:
        """Put our mark on an abandoned document, unless it has changed since it was read."""
        from pymongo.errors import DuplicateKeyError

        unchanged = {"_id": left["_id"], "status": left.get("status"), MARK: left.get(MARK)}
        ours = {KEY: task.key, MARK: self._mark, "status": "QUEUED"}
        try:
            return bool(self._runs.update_one(unchanged, {"$set": ours}).matched_count)
        except DuplicateKeyError:
            return False  # the run was published under another number

    def _write(self, store: Store, task: _Task, number: int) -> None:
        """Write artifacts and metrics and, if they read back correctly, mark the document COMPLETED."""
        self._files.remove(number)
        self._metrics.delete_many({"run_id": number})
        folder = store.run_folder(task.run.run_id)
        artifacts = [
            {"name": name, "file_id": self._files.put(number, name, folder / name)} for name in CONTENT_TYPES
        ]
        metrics = [one | {"run_id": number} for one in metric_documents(task.points, task.run, task.record)]
        ids = self._metrics.insert_many([dict(metric) for metric in metrics]).inserted_ids
        document = run_document(task.record, task.run.run_id) | {"_id": number, KEY: task.key}
        document |= {"artifacts": artifacts, "status": "COMPLETED"}
        document["info"]["metrics"] = [
            {"name": metric["name"], "id": str(one)} for metric, one in zip(metrics, ids, strict=True)
        ]
        run_id = task.record.run_id
        if not self._is_whole(task, document):
            raise ServerError(f"run {run_id} does not read back as it was written; publish it again")
        if not self._runs.replace_one({"_id": number, MARK: self._mark}, document).matched_count:
            for artifact in artifacts:
                self._files.delete(artifact["file_id"])
            self._metrics.delete_many({"_id": {"$in": ids}})
            raise ServerError(f"run {run_id} was taken over by another publisher; publish it again")

    def _is_whole(self, task: _Task, document: Document) -> bool:
        """True if a document names the run's ledger, its files can be read, and all of it is the run's."""
        ids = artifact_ids(document)
        if not CONTENT_TYPES.keys() <= ids.keys():
            return False
        if said(document, "info", "ledger_sha256") != task.record.ledger_sha256:
            return False  # Sacred's last report did not arrive
        digests = {name: self._files.digest(ids[name]) for name in CONTENT_TYPES}
        if None in digests.values() or digests[LEDGER] != task.record.ledger_sha256:
            return False
        kept = self._metrics.find({"run_id": document["_id"]})
        return _returns(kept) == _returns(metric_documents(task.points, task.run, task.record))


def _checked(store: Store, runs: Sequence[Run]) -> list[_Task]:
    """The runs with the contents of their ledgers."""
    records = [store.record(run.run_id) for run in runs]
    found = from_each_ledger(store, runs, records, partial(_returns_of, store.protocol.lanes))
    tasks = []
    for run, record, points in zip(runs, records, found, strict=True):
        speed = Point(SPEED, run.total_budget_frames, record.training_steps_per_second)
        tasks.append(_Task(run, record, run_key(record), [*points, speed]))
    return tasks


def _returns_of(lanes: int, columns: Columns, run: Run) -> list[Point]:
    """The points of a ledger's returns."""
    return points_of(ended_episodes(columns, run, lanes), run)


def _is_of(document: Document, task: _Task) -> bool:
    """True if a document is of this run: of its ledger or, if it has none yet, with the same start time."""
    digest = said(document, "info", "ledger_sha256")
    if digest is None:
        return bool(said(document, "meta", "started_at") == task.record.started_at)
    return bool(digest == task.record.ledger_sha256)


def _state(document: Document) -> tuple[Any, ...]:
    """The parts of a document that change while somebody writes it."""
    return document.get("_id"), document.get("status"), document.get("heartbeat"), document.get(MARK)


def _returns(metrics: Iterable[Document]) -> list[tuple[Any, ...]]:
    """The metrics that a ledger determines: no speed, and no times, which not every server stores exactly."""
    told = [(metric.get("name"), metric.get("steps"), metric.get("values")) for metric in metrics]
    return sorted((one for one in told if one[0] != SPEED), key=repr)
