"""Packing a results folder into a submission, which is audited before anybody else sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from protocol import StoreError
from suite.results.editions import complete_runs
from suite.results.reading import MAX_NOTE_BYTES, MAX_RECORD_BYTES, max_ledger_bytes
from suite.results.store import LEDGER, RECORD, SCORES, SUBMISSION, SUMS, Store
from suite.results.writing import new_folder
from suite.submission.checksums import notes_of, sums_text
from suite.submission.description import Submission, submission_toml
from suite.untrusted.files import MAX_JSON_BYTES, Unreadable, is_there, read_bytes


def is_submission(folder: Path) -> bool:
    """True if a folder has the description and the sums that ``pack`` writes."""
    return all(is_there(folder / name) for name in (SUBMISSION, SUMS))


def image_of(store: Store) -> str | None:
    """The image in whose containers the learner of a results folder was; None: in none.

    Raises:
        UnknownName: there is no such folder.
        StoreError: it holds no complete run, or one that cannot be read.
    """
    return store.record(complete_runs(store)[0].run_id).image_sha256


def pack(store: Store, submission: Submission, out: Path) -> None:
    """Copy what a submission holds of a complete results folder: its scores, no checkpoint, no log.

    Args:
        store: the results, scored (``suite.scoring.score.score_folder``).
        submission: what is said of them.
        out: a folder that does not exist yet.

    Raises:
        StoreError: there are no scores, a file of the results cannot be read, or the folder exists or cannot be
            written; then there is no folder.
    """
    if not is_there(store.folder / SCORES):
        raise StoreError(f"{store.folder} has no {SCORES}; `amtlb scores {store.folder}` writes it")
    with new_folder(out) as folder:
        for path, most_bytes in _packed(store):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_contents(store.folder, path, most_bytes))
        (folder / SUBMISSION).write_text(submission_toml(submission), encoding="utf-8")
        (folder / SUMS).write_text(sums_text(folder), encoding="utf-8")


def _packed(store: Store) -> Iterator[tuple[str, int]]:
    """The files that are packed, below the results folder, and the most bytes that each may have."""
    yield SCORES, MAX_JSON_BYTES
    for run in complete_runs(store):
        path = run.run_id.path
        yield f"{path}/{RECORD}", MAX_RECORD_BYTES
        yield f"{path}/{LEDGER}", max_ledger_bytes(run)
        for note in notes_of(store.folder / path):
            yield f"{path}/{note}", MAX_NOTE_BYTES


def _contents(folder: Path, path: str, most_bytes: int) -> bytes:
    """A file's contents; no link is followed, since what it leads to is nobody's to publish."""
    try:
        return read_bytes(folder, path, most_bytes)
    except Unreadable as error:
        raise StoreError(f"{folder / path} {error}; change that, or play its run again") from error
