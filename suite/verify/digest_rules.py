"""Rule S4, as far as files go: the sums are of the files, and each record's notes are those of its run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from protocol import RunId, RunRecord, canonical_digest
from suite.results.store import LEDGER, NOTES, RECORD, SUMS
from suite.untrusted.files import Unreadable, read_bytes
from suite.verify.findings import Finding, Place, finding, unreadable

MAX_SUMS_BYTES = 16 * 2**20
MAX_FILE_BYTES = 2**28

Digests = Mapping[str, str | Unreadable]
"""By file, its SHA-256, or why it has none."""


def file_digests(folder: Path, files: Sequence[str], ledgers: Mapping[RunId, str]) -> Digests:
    """The digest of every file but the sums.

    Args:
        folder: the submission.
        files: all of it.
        ledgers: digests of ledgers whose bytes were read already; they are not read again.
    """
    found: dict[str, str | Unreadable] = {
        f"{run_id.path}/{LEDGER}": digest for run_id, digest in ledgers.items()
    }
    for file in files:
        if file in found or file == SUMS:
            continue
        try:
            found[file] = hashlib.sha256(read_bytes(folder, file, MAX_FILE_BYTES)).hexdigest()
        except Unreadable as error:
            found[file] = error
    return found


def check_notes(records: Mapping[RunId, RunRecord], digests: Digests) -> Iterator[Finding]:
    """Each record names the digest of its run's notes, as ``suite.results.store.notes_digest`` takes it."""
    notes: dict[str, dict[str, str | Unreadable]] = {}
    for file, digest in digests.items():
        run, _, name = file.partition(f"/{NOTES}/")
        if name:
            notes.setdefault(run, {})[name] = digest
    for run_id, record in records.items():
        noted = notes.get(run_id.path, {})
        if any(isinstance(digest, Unreadable) for digest in noted.values()):
            continue  # the sums say that it cannot be read
        right = canonical_digest(noted) if noted else None
        if record.notes_sha256 != right:
            place = Place.of_run(run_id, RECORD)
            yield finding("S4", place, f"notes_sha256 {right}", str(record.notes_sha256))


def check_sums(folder: Path, files: Sequence[str], digests: Digests) -> Iterator[Finding]:
    """SHA256SUMS names every other file once, with its digest."""
    expected, sums = set(files) - {SUMS}, Place.of_file(SUMS)
    try:
        text = read_bytes(folder, SUMS, MAX_SUMS_BYTES).decode("utf-8")
    except (Unreadable, UnicodeDecodeError) as error:
        found = None if SUMS in files else "none"
        yield unreadable("S1", sums, "the digest of every file", error, found)
        return
    lines = [line.partition("  ") for line in text.splitlines()]
    claimed = {path: digest for digest, _, path in lines}
    if len(claimed) < len(lines):
        yield finding("S4", sums, "each file once", "one of them twice")
    for file in sorted(expected | claimed.keys()):
        place = Place.of_file(file[:200])
        if file not in claimed or file not in expected:
            where = "in the folder" if file not in claimed else "in the sums"
            yield finding("S4", place, "a file in the folder and in the sums", f"only {where}")
            continue
        digest = digests[file]
        if isinstance(digest, Unreadable):
            yield unreadable("S1", place, "a readable file", digest)
        elif digest != claimed[file]:
            yield finding("S4", place, f"digest {digest}", claimed[file][:80])
