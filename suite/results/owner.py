"""Whose runs a results folder holds: those of one learner with one configuration, from the first one's begin.

    <folder>/.owner     who plays there, written when the first run begins, or comes from a cluster

Complete runs say in their records whose they are. This file also speaks for runs that are being played: two
commands with other learners, or with other hyper-parameters, that begin in an empty folder cannot both go on.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from protocol import ForeignProtocol, Frozen, RunId, RunRecord, canonical_digest
from suite.digests import short_digest
from suite.results.player import announce, announced, is_held
from suite.results.store import Store, record_paths
from suite.results.writing import lock, write_file, write_once

OWNER = ".owner"


class Owner(Frozen):
    """The owner of a results folder: the learner whose runs are played in it.

    Attributes:
        learner: ``module:function``.
        configuration_digest: of its hyper-parameters.
        image_sha256: of the image that holds it; None: it is in none.
    """

    learner: str
    configuration_digest: str
    image_sha256: str | None

    @property
    def digest(self) -> str:
        """Of all of it."""
        return canonical_digest(self.model_dump())

    @classmethod
    def of(cls, record: RunRecord) -> Owner:
        """The owner that a run's record names."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


def claim(store: Store, run_id: RunId, owner: Owner) -> None:
    """Make a results folder one learner's, or see that it is.

    Args:
        store: the results folder.
        run_id: the run that this process holds there (``Store.new_run``).
        owner: who plays it.

    Raises:
        ForeignProtocol: somebody else's run is complete or is being played there.
        RunBusy: another machine has taken the run.
        StoreError: the folder cannot be written to.
    """
    path, text = store.folder / OWNER, owner.model_dump_json() + "\n"
    announce(store.player_path(run_id), str(run_id), owner.digest)
    with _one_at_a_time(store.folder):
        write_once(path, text)
        found = _owner(store)
        if found == owner:
            return
        if not _is_played_for_another(store, owner) and not (found and record_paths(store.folder)):
            write_file(path, text)  # what another learner began there was broken off
            return
    ours, theirs = _named(owner), _named(found) if found else "another learner"
    raise ForeignProtocol(
        f"{store.folder} holds or plays runs of {theirs}, not of {ours}; choose another folder with --out"
    )


def _named(owner: Owner) -> str:
    return f"{owner.learner} with configuration {short_digest(owner.configuration_digest)}"


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """While the block lasts, no other process of this machine is in it for this folder.

    Another machine may be. What it announced is seen, and at its end each run looks at its folder once more.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        lock(descriptor, fcntl.LOCK_EX, str(folder))
        yield
    finally:
        os.close(descriptor)


def _owner(store: Store) -> Owner | None:
    """The owner that the folder's file names; None: the file names none, or cannot be read."""
    with suppress(OSError, ValidationError):
        return Owner.model_validate_json((store.folder / OWNER).read_bytes())
    return None


def _is_played_for_another(store: Store, owner: Owner) -> bool:
    """True if a run that is being played in the folder was announced for another owner."""
    others = (path for path in store.folder.glob("*/**/*.player") if announced(path) not in ("", owner.digest))
    return any(map(is_held, others))
