"""Sacred's observers, made harmless: one that fails is dropped and gives the reason, and none blocks a run."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from suite.tracking.mongo_url import MongoUrl
from suite.tracking.run_numbers import insert_numbered

with warnings.catch_warnings(action="ignore"):  # the means by which Sacred is loaded are deprecated
    from sacred.observers import FileStorageObserver, MongoObserver, RunObserver
    from sacred.settings import SETTINGS

BEAT_SECONDS = 5.0
SETTINGS.CAPTURE_MODE = "no"  # a run document is rewritten each heartbeat: it must stay small
SETTINGS.DISCOVER_SOURCES = "none"
SETTINGS.DISCOVER_DEPENDENCIES = "none"  # the run's record has the commit and the versions
SETTINGS.DEFAULT_BEAT_INTERVAL = BEAT_SECONDS
SETTINGS.CONFIG.ENFORCE_KEYS_MONGO_COMPATIBLE = False  # suite.tracking.documents makes them so

QUIET = logging.getLogger("amtlb.sacred")
"""The logger of Sacred's own messages; ``Guarded.error`` has what a user needs to know."""
QUIET.propagate = False
QUIET.addHandler(logging.NullHandler())


class _Mongo(MongoObserver):
    """Writes once, and raises if that fails; Sacred's own observer waits and tries ten times, or for ever."""

    def insert(self) -> None:
        entry: Any = self.run_entry
        insert_numbered(self.runs, entry)

    def save(self) -> None:
        entry: Any = self.run_entry
        self.runs.update_one({"_id": entry["_id"]}, {"$set": entry})

    def final_save(self, attempts: int) -> None:
        self.save()


class Guarded:
    """Passes Sacred's events on to an observer until one fails; no failure reaches the run.

    Sacred calls an observer's methods by name, so every method call is an event.

    Attributes:
        error: what went wrong, in words for a user; empty if nothing did.
    """

    def __init__(self, observer: Any, where: str, url: MongoUrl | None = None, client: Any = None) -> None:
        self.error = ""
        self.priority = observer.priority
        self._observer, self._where, self._url, self._client = observer, where, url, client
        self._lock = threading.Lock()  # heartbeats come from another thread

    def __getattr__(self, event: str) -> Callable[..., Any]:
        if event.startswith("_"):
            raise AttributeError(event)
        return partial(self._pass, event)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            self._client.close()

    def drop(self, error: Exception) -> None:
        """Stop passing events on, because of an error."""
        reason = self._url.reason(error) if self._url else f"{type(error).__name__}: {error}"
        self.error = f"{self._where} failed ({reason})"

    def _pass(self, event: str, **said: Any) -> Any:
        if event == "started_event":
            # Each observer numbers its own runs; paths on this machine are private.
            said |= {"_id": None, "ex_info": said["ex_info"] | {"base_dir": "", "sources": []}}
        with self._lock:
            if self.error:
                return None
            try:
                return getattr(self._observer, event)(**said)
            except Exception as error:
                self.drop(error)
                return None


def file_observer(folder: Path) -> Guarded:
    """Stores runs as files below a folder."""
    return Guarded(FileStorageObserver(folder, copy_sources=False), str(folder))


def mongo_observer(url: MongoUrl) -> Guarded:
    """Keeps runs in MongoDB; where the server is not found or does not answer soon, it has failed already."""
    where = f"MongoDB at {url.redacted}"
    try:
        client = url.client()
    except Exception as error:  # the hosts of mongodb+srv are not found, a certificate is none
        observer = Guarded(RunObserver(), where, url)
        observer.drop(error)
        return observer
    observer = Guarded(_Mongo(client=client, db_name=url.database_name), where, url, client)
    try:
        client[url.database_name].command("ping")
    except Exception as error:
        observer.drop(error)
    return observer
