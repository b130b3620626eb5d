"""Packing a results folder into a submission, which is audited before anybody else sees it."""

from __future__ import annotations

from pathlib import Path

from protocol import StoreError
from suite.results.store import SCORES, SUBMISSION, SUMS, Store, complete_runs
from suite.results.writing import new_folder
from suite.submission.checksums import published_files, sums_text
from suite.submission.description import Submission, submission_toml


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
    if not (store.folder / SCORES).exists():
        raise StoreError(f"{store.folder} has no {SCORES}; `amtlb scores {store.folder}` writes it")
    with new_folder(out) as folder:
        for path in published_files(store.folder):
            target = folder / path.relative_to(store.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_contents(path))
        (folder / SUBMISSION).write_text(submission_toml(submission), encoding="utf-8")
        (folder / SUMS).write_text(sums_text(folder), encoding="utf-8")


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}); change its rights, or play its run again"
        ) from error
