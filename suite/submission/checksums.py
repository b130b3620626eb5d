"""The files of a results folder that are published, and their checksums."""

from __future__ import annotations

from pathlib import Path

from suite.digests import file_digest
from suite.results.store import LEDGER, NOTES, RECORD, SCORES, SUBMISSION, record_paths


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
