"""The published baselines' descriptions, checksums and metadata, written once their runs are played.

``python -m suite.release.baselines EDITION`` writes the sums and the metadata (``make baselines`` calls it).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from protocol import Protocol, current_protocol
from suite.release.croissant import croissant
from suite.results.published import ARTIFACTS, edition_folder
from suite.results.store import SCORES, SUBMISSION, SUMS
from suite.submission.checksums import sums_text
from suite.submission.description import VERSION, Submission, submission_toml

CROISSANT = "croissant.json"


def write_metadata(protocol: Protocol, edition: str) -> list[Path]:
    """Write each baseline's description and sums, and the metadata of all; return the sums and the metadata."""
    folder = edition_folder(edition)
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
    for path in write_metadata(current_protocol(), sys.argv[1]):
        print(f"written to {path.relative_to(ARTIFACTS.parent)}")


if __name__ == "__main__":
    _main()
