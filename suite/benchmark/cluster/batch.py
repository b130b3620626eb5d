"""The runs of one folder, learner and code, as workers of a cluster know them; what each worker is asked."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from protocol import Protocol, canonical_digest
from suite.benchmark.cluster.hello import Facts, facts_here
from suite.benchmark.cluster.learner_folder import learner_files
from suite.benchmark.cluster.packed_run import Files
from suite.benchmark.cluster.worker import Greeting
from suite.benchmark.settings import Settings
from suite.results.store import Store


class Batch(NamedTuple):
    """The runs of one folder, learner and code, as the workers know them.

    Attributes:
        name: the same for every client that asks for the same.
        greeting: what each worker is asked.
        here: what must be the same there.
        travels: whether the learner's folder goes to the workers.
    """

    name: str
    greeting: Greeting
    here: Facts
    travels: bool


def batch_of(store: Store | None, protocol: Protocol, learner: str | None, settings: Settings) -> Batch:
    """The batch of a results folder; None: only the hello is wanted.

    Raises:
        LearnerError: the learner cannot be made here, or its folder is too large to travel.
    """
    boxed = learner is None or settings.box is not None
    files: Files = {} if boxed or learner is None else learner_files(learner)
    made = None if boxed else learner
    here = facts_here(made, protocol.lanes, settings.hyperparameters, settings.stall_minutes)
    box = None if settings.box is None else settings.box.model_dump(mode="json")
    token = None if store is None else store.token()
    said = [token, learner, settings.device, settings.workers, settings.hyperparameters, box]
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    name = canonical_digest([*said, here.model_dump(), digests])[:16]
    greeting = Greeting(name, protocol.version, made, settings.hyperparameters, settings.stall_minutes, files)
    return Batch(name, greeting, here, bool(files))
