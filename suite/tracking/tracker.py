"""A Sacred run for each run that is played, in a thread of the process that started it.

The run's own process is not involved: neither Sacred, which seeds global generators, nor the database's URL is
ever in it. Messages are queued, so the run continues whatever happens to files and database.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol import AmtlbError, load, parse_run_id
from suite.results.store import Store
from suite.run.job import Job
from suite.run.messages import Begun, Closing, Measured, Message, Status
from suite.tracking.mongo_url import url_of_environment

_LAST_SECONDS = 60
"""The time that a finished run waits for its files and database."""
_STOPPED_SECONDS = 2
"""The time that a stopped run waits: SIGTERM may have stopped it."""


class Follower:
    """Turns the messages of a run into a Sacred run.

    Args:
        job: the job of the run's process.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._messages: queue.SimpleQueue[Begun | Measured | Closing] = queue.SimpleQueue()
        self._error = ""
        self._thread = threading.Thread(target=self._main, daemon=True, name=f"sacred-{job.run_id}")
        self._thread.start()

    def take(self, message: Message) -> None:
        """Accept a message of the run's process; returns at once."""
        if isinstance(message, Begun | Measured):
            self._messages.put(message)

    def end(self, status: Status, error: str) -> str:
        """End the Sacred run; return what could not be tracked and why, or "" if everything was."""
        self._messages.put(Closing(status, error))
        seconds = _STOPPED_SECONDS if status == "stopped" else _LAST_SECONDS
        self._thread.join(seconds)
        if self._thread.is_alive():
            return f"its files or database did not answer within {seconds} s"
        return self._error

    def _main(self) -> None:
        first = self._messages.get()
        if not isinstance(first, Begun):
            return  # it ended before it began: there is no run to store
        try:
            self._track(first)
        except AmtlbError as error:
            self._error = str(error)
        except Exception as error:  # an error of Sacred itself must not make the run fail
            self._error = f"Sacred failed with {type(error).__name__}"

    def _track(self, begun: Begun) -> None:
        from suite.tracking.observers import file_observer, mongo_observer
        from suite.tracking.sacred_run import run_sacred

        store = Store(Path(self._job.folder), load(self._job.protocol_version))
        run_id = parse_run_id(self._job.run_id, store.protocol)
        observers = [file_observer(store.sacred_folder)]
        if url := url_of_environment():
            observers.append(mongo_observer(url))
        try:
            run_sacred(store, run_id, self._job.learner, begun, observers, self._until_the_end())
        finally:
            for observer in observers:
                observer.close()
            self._error = "; ".join(observer.error for observer in observers if observer.error)

    def _until_the_end(self) -> Iterator[Measured | Closing]:
        while True:
            message = self._messages.get()
            if isinstance(message, Measured | Closing):
                yield message
            if isinstance(message, Closing):
                return


@contextmanager
def follow(job: Job) -> Iterator[Follower]:
    """Follow a run during the block; a run whose end is not reported was stopped."""
    follower = Follower(job)
    try:
        yield follower
    except BaseException:
        follower.end("stopped", "stopped")
        raise
