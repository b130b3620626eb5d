"""Runs read from MongoDB into a results folder, where they must pass the same checks as any results folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol import Edition, Protocol, Run, RunRecord, ServerError, UnknownName, plan
from suite.results.reading import MAX_RECORD_BYTES, max_ledger_bytes
from suite.results.store import LEDGER, RECORD, Store
from suite.tracking.documents import artifact_ids, said
from suite.tracking.gridfs_files import ArtifactFiles
from suite.untrusted.text import listed

if TYPE_CHECKING:
    from pymongo.database import Database

_NAMED = 8


def learner_of(name: str) -> str:
    """The learner that a name means: ``ppo`` is ``baselines.ppo:make``, ``module:function`` is itself."""
    return name if ":" in name else f"baselines.{name}:make"


def read_published(
    database: Database[dict[str, Any]], name: str, protocol: Protocol, edition: Edition, folder: Path
) -> None:
    """Write a learner's complete runs of an edition into a new results folder.

    The content of a database is not trusted: files are bounded, a record must belong to its run and to the
    requested learner and rules, and ``suite.results.each_ledger`` compares each ledger with its record.

    Raises:
        UnknownName: the database has no complete run of that learner.
        ServerError: runs are missing, there are several with one id, or a file cannot be valid.
        StoreError, ForeignProtocol: a record cannot be read, or is of another run or protocol.
    """
    learner = learner_of(name)
    runs = {str(run.run_id): run for run in plan(protocol, edition)}
    found = _documents(database, learner, protocol.edition_digests[edition.name], runs)
    if missing := [run_id for run_id in runs if run_id not in found]:
        if len(missing) == len(runs):
            raise UnknownName(
                f"{name!r} is neither a results folder nor a learner with complete runs of edition "
                f"{edition.name} in the database ({_known(database)})"
            )
        raise ServerError(
            f"the database lacks {len(missing)} of the {len(runs)} runs of {learner} on edition "
            f"{edition.name}, {missing[0]} first; `amtlb publish` adds them"
        )
    files, store = ArtifactFiles(database), Store(folder, protocol)
    for run_id, run in runs.items():
        _write(files, store, run, found[run_id], learner)


def _documents(
    database: Database[dict[str, Any]], learner: str, digest: str, runs: dict[str, Run]
) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    """The complete runs by id, each with one document for every configuration and ledger."""
    query = {
        "status": "COMPLETED",
        "config.learner": learner,
        "config.edition_digest": digest,
        "config.run_id": {"$in": list(runs)},
    }
    found: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for document in database["runs"].find(query).sort("_id", 1):
        made = (
            str(said(document, "config", "configuration_digest")),
            str(said(document, "info", "ledger_sha256")),
        )
        found.setdefault(str(said(document, "config", "run_id")), {}).setdefault(made, document)
    return found


def _known(database: Database[dict[str, Any]]) -> str:
    names = sorted(map(str, database["runs"].distinct("config.learner", {"status": "COMPLETED"})))
    return listed(names, _NAMED) or "it has none"


def _write(
    files: ArtifactFiles, store: Store, run: Run, documents: dict[tuple[str, str], dict[str, Any]], learner: str
) -> None:
    if len(documents) > 1:
        raise ServerError(
            f"the database has {len(documents)} different runs of {learner} for {run.run_id}, with other "
            "configurations or ledgers; compare results folders instead"
        )
    (document,) = documents.values()
    ids = artifact_ids(document)
    if not {RECORD, LEDGER} <= ids.keys():
        raise ServerError(f"number {document['_id']} lacks its files; publish its run again")
    folder = store.run_folder(run.run_id)
    folder.mkdir(parents=True)
    (folder / RECORD).write_bytes(files.read(ids[RECORD], MAX_RECORD_BYTES))
    (folder / LEDGER).write_bytes(files.read(ids[LEDGER], max_ledger_bytes(run)))
    _check(store.record(run.run_id), document, learner)


def _check(record: RunRecord, document: dict[str, Any], learner: str) -> None:
    """Check that a record agrees with its document."""
    claimed = said(document, "config", "configuration_digest"), said(document, "info", "ledger_sha256")
    if (record.learner, record.configuration_digest, record.ledger_sha256) != (learner, *claimed):
        raise ServerError(
            f"number {document['_id']} of the database and its record do not name the same learner, "
            f"configuration and ledger for {record.run_id}; do not trust that database"
        )
