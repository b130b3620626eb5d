"""The published baselines: where they lie, what is published of a results folder, and the data about the data.

    artifacts/<protocol version>/<edition>/croissant.json
    artifacts/<protocol version>/<edition>/<baseline>/      a results folder without checkpoints and logs
        SHA256SUMS                                          of every file that is published there

``python -m suite.artifacts EDITION`` writes the sums and the metadata (``make baselines`` calls it).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from protocol import Protocol, UnknownName, load
from suite.croissant import croissant
from suite.score_models import SCHEMA_VERSION, Scores
from suite.scores import SCORES
from suite.store import LEDGER, NOTES, RECORD, SUBMISSION, file_digest, record_paths
from suite.verify.submission import VERSION, Submission, submission_toml

ARTIFACTS = Path(__file__).resolve().parent.parent / "artifacts"
SUMS, CROISSANT = "SHA256SUMS", "croissant.json"


def edition_folder(version: str, edition: str) -> Path:
    """Where the baselines of an edition are published."""
    return ARTIFACTS / version / edition


def published_baselines(version: str, edition: str) -> tuple[str, ...]:
    """The names of the baselines that are published for an edition, sorted; none: there are no such."""
    return tuple(sorted(path.parent.name for path in edition_folder(version, edition).glob(f"*/{SUMS}")))


def published_folder(name: str, version: str, edition: str) -> Path:
    """The results folder of a published baseline; raises UnknownName where there is none of that name."""
    known = published_baselines(version, edition)
    if name not in known:
        raise UnknownName(
            f"{name!r} is neither a results folder nor a baseline that is published for edition {edition} "
            f"({', '.join(known) or 'none is'})"
        )
    return edition_folder(version, edition) / name


def published_scores(protocol: Protocol, edition: str) -> dict[str, Scores]:
    """By name, the scores of the baselines that are published for an edition.

    Those of another form or of other rules are left out: they cannot be set beside scores of this release.
    """
    right = {"schema_version": SCHEMA_VERSION, "edition_digest": protocol.edition_digests[edition]}
    found = {}
    for name in published_baselines(protocol.version, edition):
        text = (edition_folder(protocol.version, edition) / name / SCORES).read_text(encoding="utf-8")
        said = json.loads(text)
        if all(said.get(field) == value for field, value in right.items()):
            found[name] = Scores.model_validate_json(text)
    return found


def published_files(baseline: Path) -> list[Path]:
    """What is published of a results folder, sorted: scores, description, each run's record, ledger, notes."""
    runs = {path.parent for path in record_paths(baseline)}
    files = {path for path in (baseline / SCORES, baseline / SUBMISSION) if path.exists()}
    for run in runs:
        files |= {run / RECORD, run / LEDGER, *(path for path in (run / NOTES).rglob("*") if path.is_file())}
    return sorted(files)


def sums_text(baseline: Path) -> str:
    """The digests of all published files, as ``sha256sum --check`` reads them."""
    files = published_files(baseline)
    return "".join(f"{file_digest(path)}  {path.relative_to(baseline).as_posix()}\n" for path in files)


def write_metadata(protocol: Protocol, edition: str) -> list[Path]:
    """Write each baseline's description and sums, and the metadata of all; return the sums and the metadata."""
    folder = edition_folder(protocol.version, edition)
    baselines = sorted(path.parent for path in folder.glob(f"*/{SCORES}"))
    written = []
    for baseline in baselines:
        said = Submission(
            schema_version=VERSION,
            name=baseline.name,
            authors=("AMTLB contributors",),
            code=f"baselines/{baseline.name}.py of this project",
            deterministic=True,
        )
        (baseline / SUBMISSION).write_text(submission_toml(said), encoding="utf-8")
        (baseline / SUMS).write_text(sums_text(baseline), encoding="utf-8")
        written.append(baseline / SUMS)
    description = croissant(protocol, edition, baselines)
    (folder / CROISSANT).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return [*written, folder / CROISSANT]


def _main() -> None:
    for path in write_metadata(load("v1"), sys.argv[1]):
        print(f"written to {path.relative_to(ARTIFACTS.parent)}")


if __name__ == "__main__":
    _main()
