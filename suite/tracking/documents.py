"""The content of a run in Sacred's schema, the same for a live run and for a published one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from protocol import Arm, Run, RunId, RunRecord, StoreError, canonical_digest
from suite.results.store import LEDGER, RECORD
from suite.run.messages import Point

CONTENT_TYPES = {RECORD: "application/json", LEDGER: "application/vnd.apache.parquet"}
"""The content type of each artifact of a run, by name."""
FORMAT = "MongoObserver-0.7.0"
"""The version of Sacred's schema, as Sacred 0.8.7 writes it."""

_SPOKEN = ("py/", "json://")
"""The beginnings of keys that have a meaning for jsonpickle, by which Sacred copies a configuration."""


def configuration_document(
    run_id: RunId, edition_digest: str, learner: str, configuration: dict[str, Any], digest: str
) -> dict[str, Any]:
    """The configuration of a run in Sacred's sense."""
    return {
        "run_id": str(run_id),
        "edition_digest": edition_digest,
        "learner": learner,
        "configuration": _storable(configuration),
        "configuration_digest": digest,
        "seed": run_id.seed,
    }


def _storable(value: Any) -> Any:
    """The value with keys that MongoDB and Sacred accept; the digest is of the learner's own keys."""
    if isinstance(value, dict):
        stored: dict[str, Any] = {}
        for key, one in value.items():
            name = _storable_key(key)
            while name in stored:
                name += "_"
            stored[name] = _storable(one)
        return stored
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return value


def _storable_key(key: str) -> str:
    if key.startswith(_SPOKEN):
        key = key.replace("/", "|", 1)
    return key.replace(".", ",").replace("$", "@").replace("=", ":").replace("\0", "_") or "_"


def said(document: Any, *path: str) -> Any:
    """The value at a path of a document, such as ``info``, ``ledger_sha256``; None if there is none."""
    for name in path:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def artifact_ids(document: dict[str, Any]) -> dict[str, Any]:
    """The ids of a document's files, by name; everything that is not an artifact is left out."""
    artifacts = document.get("artifacts")
    if not isinstance(artifacts, list):
        return {}
    return {str(said(one, "name")): one["file_id"] for one in artifacts if said(one, "file_id") is not None}


def run_key(record: RunRecord) -> str:
    """The identity of a run: run id, ledger and configuration (and the rules, and the learner)."""
    return canonical_digest(
        [
            record.edition_digest,
            record.run_id,
            record.learner,
            record.configuration_digest,
            record.ledger_sha256,
        ]
    )


def artifact_filename(number: int, name: str) -> str:
    """Sacred's name for an artifact of a run in GridFS."""
    return f"artifact://runs/{number}/{name}"


def run_document(record: RunRecord, run_id: RunId) -> dict[str, Any]:
    """A complete run as Sacred would have written it, without its number, its artifacts and its metrics."""
    started, stopped = _interval(record)
    arm: Arm = run_id.arm
    return {
        "experiment": {
            "name": arm,
            "base_dir": "",
            "sources": [],
            "dependencies": [f"{name}=={version}" for name, version in sorted(record.versions.items())],
            "repositories": [],
            "mainfile": None,
        },
        "format": FORMAT,
        "command": "play",
        "host": {"cpu": record.cpu, "python_version": record.versions.get("python", "")},
        "start_time": started,
        "config": configuration_document(
            run_id,
            record.edition_digest,
            record.learner,
            record.configuration,
            record.configuration_digest,
        ),
        "meta": {"started_at": record.started_at},
        "resources": [],
        "artifacts": [],
        "captured_out": "",
        "info": {"ledger_sha256": record.ledger_sha256},
        "heartbeat": stopped,
        "stop_time": stopped,
        "result": None,
    }


def metric_documents(points: Sequence[Point], run: Run, record: RunRecord) -> list[dict[str, Any]]:
    """The metrics of a complete run; ledgers have no times, so these are spread over the run by frames."""
    started, stopped = _interval(record)
    metrics: dict[str, dict[str, Any]] = {}
    for point in points:
        metric = metrics.setdefault(
            point.name, {"name": point.name, "steps": [], "values": [], "timestamps": []}
        )
        metric["steps"].append(point.frames)
        metric["values"].append(float(point.value))
        metric["timestamps"].append(started + (stopped - started) * (point.frames / run.total_budget_frames))
    return list(metrics.values())


def _interval(record: RunRecord) -> tuple[datetime, datetime]:
    """The times when a run began and ended, in UTC without a zone, in milliseconds, as MongoDB stores times."""
    try:
        started = datetime.fromisoformat(record.started_at).astimezone(UTC).replace(tzinfo=None)
        return started, started + timedelta(milliseconds=round(1000 * record.wall_seconds))
    except (ValueError, OverflowError) as error:
        raise StoreError(
            f"the record of {record.run_id} has {record.started_at[:40]!r} for started_at, which is not a time "
            "in ISO 8601 format that a run can begin at; play the run again"
        ) from error
