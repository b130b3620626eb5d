"""The description of an edition's baselines for machines: Croissant 1.0 (mlcommons.org/croissant)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from protocol import Protocol, RunRecord
from suite.digests import file_digest
from suite.results.store import LEDGER, RECORD, SCORES, record_paths

LICENCE = "https://creativecommons.org/licenses/by/4.0/"
_TERMS = (
    "citeAs column equivalentProperty extract field fileObject fileProperty fileSet format includes "
    "isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace "
    "samplingRate separator source subField transform"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
"""The standard context of Croissant 1.0, from its specification."""


def croissant(protocol: Protocol, edition: str, baselines: Sequence[Path]) -> dict[str, Any]:
    """The baselines of an edition as Croissant metadata, JSON-able.

    The files are found by patterns below the metadata's own folder, so it serves an edition of any size. What
    lies there of other learners, whose runs are not all played yet, is not part of it.
    """
    names = [baseline.name for baseline in baselines]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"amtlb-{protocol.version}-{edition}",
        "description": (
            f"Every episode of the reference learners ({', '.join(names)}) on edition {edition} of the Atari "
            f"Multitask & Transfer Learning Benchmark, protocol {protocol.version}, edition digest "
            f"{protocol.edition_digests[edition]}: for each, its seed, all actions, all "
            "rewards and the digest of the RAM after its last step, so that it can be replayed on its own."
        ),
        "license": LICENCE,
        "version": package_version("amtlb"),
        "datePublished": max((_started(baseline) for baseline in baselines), default=""),
        "citeAs": "AMTLB contributors: the Atari Multitask & Transfer Learning Benchmark (see CITATION.cff)",
        "distribution": [
            *(_file_object(baseline / SCORES) for baseline in baselines),
            _file_set("ledgers", names, LEDGER, "application/x-parquet", "One row per episode."),
            _file_set("records", names, RECORD, "application/json", "What each run was and spent."),
        ],
        "recordSet": [_episodes(), _runs()],
    }


def _started(baseline: Path) -> str:
    """The day on which the newest run of a baseline began."""
    records = [RunRecord.model_validate_json(path.read_bytes()) for path in record_paths(baseline)]
    return max(record.started_at[:10] for record in records)


def _file_object(path: Path) -> dict[str, str]:
    name = f"{path.parent.name}/{path.name}"
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": "application/json",
        "sha256": file_digest(path),
    }


def _file_set(
    name: str, baselines: Sequence[str], file: str, encoding: str, description: str
) -> dict[str, Any]:
    """All files of one name in the folders of some baselines."""
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": description,
        "encodingFormat": encoding,
        "includes": [f"{baseline}/**/{file}" for baseline in baselines],
    }


def _field(record_set: str, name: str, kind: str, description: str, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "description": description,
        "dataType": f"sc:{kind}",
        "source": source,
    }


_EPISODE_FIELDS = (
    ("phase", "Text", "training or evaluation"),
    ("lane", "Integer", "the console that played it, from 0"),
    ("number", "Integer", "its place in the lane, from 0"),
    ("game", "Text", "ale-py's name of the game, or its flavour's name"),
    ("seed", "Integer", "the 64-bit key of its sticky draws"),
    ("length_steps", "Integer", "agent steps"),
    ("episode_return", "Integer", "sum of raw rewards, in game points"),
    ("end_reason", "Text", "game_over, max_frames, no_reward or budget"),
)
_RUN_FIELDS = (
    ("run_id", "Text", "edition, arm, fold, game and seed"),
    ("learner", "Text", "module:function"),
    ("configuration_digest", "Text", "SHA-256 of the hyper-parameters"),
    ("budget_frames", "Integer", "training frames over all games"),
    ("ledger_sha256", "Text", "SHA-256 of the run's ledger"),
    ("checkpoint_out", "Text", "SHA-256 of the trained weights, which are not published"),
    ("cpu", "Text", "the machine's CPU type"),
    ("training_steps_per_second", "Float", "speed of training"),
)


def _episodes() -> dict[str, Any]:
    ledgers = {"fileSet": {"@id": "ledgers"}}
    fields = [
        _field("episodes", name, kind, text, ledgers | {"extract": {"column": name}})
        for name, kind, text in _EPISODE_FIELDS
    ]
    path = ledgers | {"extract": {"fileProperty": "fullpath"}}
    fields.append(_field("episodes", "file", "Text", "the ledger: its folders name learner and run", path))
    return {"@type": "cr:RecordSet", "@id": "episodes", "name": "episodes", "field": fields}


def _runs() -> dict[str, Any]:
    records = {"fileSet": {"@id": "records"}}
    fields = [
        _field("runs", name, kind, text, records | {"extract": {"jsonPath": f"$.{name}"}})
        for name, kind, text in _RUN_FIELDS
    ]
    return {"@type": "cr:RecordSet", "@id": "runs", "name": "runs", "field": fields}
