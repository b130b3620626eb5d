"""The files of a results folder that are published, and their checksums."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from protocol import StoreError
from suite.digests import file_digest
from suite.results.store import LEDGER, NOTES, SCORES, SUBMISSION, record_paths
from suite.untrusted.files import PASSED_OVER, Unreadable, list_files


def published_files(baseline: Path) -> list[Path]:
    """The published files of a results folder, sorted: scores, description, each run's record, ledger, notes.

    Raises:
        StoreError: a run's notes hold something that is neither a file nor a folder.
    """
    top = (baseline / SCORES, baseline / SUBMISSION)
    files = {path for path in top if path.is_file() and not path.is_symlink()}
    for record in record_paths(baseline):
        files |= {record, record.with_name(LEDGER), *(record.parent / note for note in notes_of(record.parent))}
    return sorted(files)


def notes_of(run: Path) -> Iterator[str]:
    """The notes of a learner on a run, below its folder; no link leads out of them.

    Raises:
        StoreError: they hold something that is neither a file nor a folder.
    """
    if not os.path.lexists(run / NOTES):
        return
    if (run / NOTES).is_symlink():
        raise StoreError(f"{NOTES} in {run} is a symlink; only plain files are published: take it out")
    try:
        files, odd = list_files(run / NOTES)
    except Unreadable as error:
        raise StoreError(f"the run {run} cannot be published: its {NOTES} {error}") from error
    for path, what in odd:
        if what != PASSED_OVER:
            raise StoreError(f"{path} in {run / NOTES} is {what}; only plain files are published: take it out")
    yield from (f"{NOTES}/{file}" for file in files)


def sums_text(baseline: Path) -> str:
    """The digests of all published files, as ``sha256sum --check`` reads them."""
    files = published_files(baseline)
    return "".join(f"{file_digest(path)}  {path.relative_to(baseline).as_posix()}\n" for path in files)
