"""One run as a Sacred run: one experiment per arm, whose main function passes on the run's messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sacred import Experiment
from sacred.utils import SacredInterrupt

from protocol import RunId
from suite.digests import file_digest
from suite.results.store import Store
from suite.run.messages import Begun, Closing, Measured
from suite.tracking.documents import CONTENT_TYPES, configuration_document
from suite.tracking.observers import QUIET, Guarded


class RunFailed(Exception):
    """Raised inside a Sacred run that has failed; Sacred stores the reason."""


def run_sacred(
    store: Store,
    run_id: RunId,
    learner: str,
    begun: Begun,
    observers: Sequence[Guarded],
    messages: Iterator[Measured | Closing],
) -> None:
    """Record a run as a Sacred run until its messages end.

    Args:
        store: will contain the complete run.
        run_id: the run.
        learner: ``module:function``.
        begun: its first message.
        observers: of the Sacred run.
        messages: the run's points, and finally its end.
    """
    experiment: Any = Experiment(run_id.arm, interactive=True, save_git_info=False)
    experiment.logger = QUIET
    experiment.observers = list(observers)
    experiment.add_config(
        configuration_document(
            run_id,
            store.protocol.edition_digests[run_id.edition],
            learner,
            begun.configuration,
            begun.configuration_digest,
        )
    )

    @experiment.main  # type: ignore[untyped-decorator]
    def play(_run: Any) -> None:
        for message in messages:
            if isinstance(message, Measured):
                for point in message.points:
                    _run.log_scalar(point.name, point.value, point.frames)
            elif message.status == "stopped":
                raise SacredInterrupt
            elif message.status != "complete":
                raise RunFailed(message.error)
        _keep(store, run_id, _run)

    try:
        experiment.run(meta_info={"started_at": begun.started_at})
    except (RunFailed, SacredInterrupt):
        pass  # the observers have been notified


def _keep(store: Store, run_id: RunId, sacred_run: Any) -> None:
    """Store the record, the ledger and the ledger's digest of a complete run."""
    folder = store.run_folder(run_id)
    sacred_run.info["ledger_sha256"] = store.record(run_id).ledger_sha256
    for name, content_type in CONTENT_TYPES.items():
        metadata = {"sha256": file_digest(folder / name)}
        # Without a content type, Sacred would guess one and print its guess.
        sacred_run.add_artifact(str(folder / name), name, metadata, content_type)
