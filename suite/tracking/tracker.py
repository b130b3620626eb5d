"""A Sacred run beside each run that is played: in a thread of the process that started it, fed by its messages.

The run's own process knows nothing of it: neither Sacred, which seeds global generators, nor the database's URL
is ever there. What is heard is queued, so whatever files and database do, the run goes on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from protocol import AmtlbError, load, parse_run_id
from suite.results.store import Store
from suite.run.job import Job
from suite.tracking.mongo_url import url_of_environment

_HEARD = frozenset({"begun", "points"})
_LAST_SECONDS = 60
"""How long a run that is over waits for its files and database."""


class Follower:
    """Makes a Sacred run of what it hears of a run.

    Args:
        job: what the run's process was told.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._error = ""
        self._thread = threading.Thread(target=self._main, daemon=True, name=f"sacred-{job.run_id}")
        self._thread.start()

    def hear(self, message: dict[str, Any]) -> None:
        """Take in a line of the run's process (see ``suite.run.child``); returns at once."""
        if _HEARD & message.keys():
            self._heard.put(message)

    def end(self, status: str, error: str) -> str:
        """The run has ended; what could not be tracked and why, empty: nothing."""
        self._heard.put({"end": status, "error": error})
        self._thread.join(_LAST_SECONDS)
        if self._thread.is_alive():
            return f"its files or database did not answer within {_LAST_SECONDS} s"
        return self._error

    def _main(self) -> None:
        first = self._heard.get()
        if "begun" not in first:
            return  # it ended before it began: there is no run to keep
        try:
            self._track(first["begun"])
        except AmtlbError as error:
            self._error = str(error)
        except Exception as error:  # of Sacred itself: no reason for a run to fail
            self._error = f"Sacred failed with {type(error).__name__}"

    def _track(self, begun: dict[str, Any]) -> None:
        from suite.tracking.observers import file_observer, mongo_observer
        from suite.tracking.sacred_run import run_sacred

        store = Store(Path(self._job.folder), load(self._job.protocol_version))
        run_id = parse_run_id(self._job.run_id, store.protocol)
        observers = [file_observer(store.sacred_folder)]
        if url := url_of_environment():
            observers.append(mongo_observer(url))
        try:
            run_sacred(store, run_id, self._job.learner, begun, observers, self._messages())
        finally:
            for observer in observers:
                observer.close()
            self._error = "; ".join(observer.error for observer in observers if observer.error)

    def _messages(self) -> Iterator[dict[str, Any]]:
        while "end" not in (message := self._heard.get()):
            yield message
        yield message


@contextmanager
def follow(job: Job) -> Iterator[Follower]:
    """Follow a run while the block lasts; a run whose end is not told was stopped."""
    follower = Follower(job)
    try:
        yield follower
    except BaseException:
        follower.end("stopped", "stopped")
        raise
