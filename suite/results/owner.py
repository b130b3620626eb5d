"""Whose runs a results folder holds: those of one learner with one configuration, from the first one's begin.

    <folder>/.owner     who plays there, written when the first run begins, or comes from a cluster

Complete runs say in their records whose they are. This file also speaks for runs that are being played: two
commands with other learners, or with other hyper-parameters, that begin in an empty folder cannot both go on.
"""

from __future__ import annotations

from contextlib import suppress

from pydantic import ValidationError

from protocol import ForeignProtocol, Frozen, RunId, RunRecord
from suite.results.player import is_held
from suite.results.store import Store, record_paths
from suite.results.writing import write_file, write_once

OWNER = ".owner"


class Owner(Frozen):
    """Who plays in a results folder.

    Attributes:
        learner: ``module:function``.
        configuration_digest: of its hyper-parameters.
        image_sha256: of the image that holds it; None: it is in none.
    """

    learner: str
    configuration_digest: str
    image_sha256: str | None

    @classmethod
    def of(cls, record: RunRecord) -> Owner:
        """Who has played a run."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


def claim(store: Store, run_id: RunId, owner: Owner) -> None:
    """Make a results folder one learner's, or see that it is.

    Args:
        store: the results folder.
        run_id: the run that this process holds there (``Store.new_run``).
        owner: who plays it.

    Raises:
        ForeignProtocol: somebody else's run is complete or is being played there.
        StoreError: the folder cannot be written to.
    """
    path, text = store.folder / OWNER, owner.model_dump_json() + "\n"
    write_once(path, text)
    found = _owner(store)
    if found == owner:
        return
    if found is not None and _is_in_use(store, run_id):
        theirs, ours = (
            f"{one.learner} with configuration {one.configuration_digest[:12]}..." for one in (found, owner)
        )
        raise ForeignProtocol(
            f"{store.folder} holds or plays runs of {theirs}, not of {ours}; choose another folder with --out"
        )
    write_file(path, text)  # what another learner began there was broken off


def _owner(store: Store) -> Owner | None:
    """Who plays in the folder; None: the file does not say it."""
    with suppress(OSError, ValidationError):
        return Owner.model_validate_json((store.folder / OWNER).read_bytes())
    return None


def _is_in_use(store: Store, run_id: RunId) -> bool:
    """Whether a run is complete in the folder, or another one is being played."""
    own = store.player_path(run_id)
    players = (path for path in store.folder.glob("*/**/*.player") if path != own)
    return bool(record_paths(store.folder)) or any(map(is_held, players))
