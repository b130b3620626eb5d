"""Rule S4, as far as files go: the sums are of the files, and each record's notes are those of its run."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from protocol import RunId, canonical_digest
from suite.results.reading import MAX_NOTE_BYTES, MAX_NOTES_BYTES
from suite.results.store import LEDGER, NOTES, RECORD, SUMS
from suite.untrusted.files import Pointer, TooLarge, Unreadable, read_bytes
from suite.untrusted.processes import Failure, Limits, within_bounds
from suite.untrusted.text import listed
from suite.verify.findings import (
    WHOLE,
    Finding,
    Place,
    finding,
    first,
    out_of_bounds,
    unreadable,
    unreadable_file,
)

MAX_SUMS_BYTES = 4 * 2**20
"""Of all notes of a submission together."""
_SUM = re.compile(r"(?P<digest>[0-9a-fA-F]{64}) [ *](?:\./)?(?P<file>.+)")
"""A line of ``sha256sum``, in its text or binary mode, of files with or without the folder's name."""
_LIMITS = Limits(memory_bytes=512 * 2**20, seconds=120)

Digests = Mapping[str, str | Unreadable]
"""By file, its SHA-256, or why it has none."""


class DigestTask(NamedTuple):
    """The files and claims whose digests are compared.

    Attributes:
        folder: the submission.
        files: all of it that belongs to the layout.
        ledgers: digests of ledgers whose bytes were read already; they are not read again.
        notes: by run whose record could be read, the digest of notes that it names.
        strays: what was found outside the layout, and is not read.
        passed: what systems leave behind; it may be listed and noted, or not.
    """

    folder: str
    files: tuple[str, ...]
    ledgers: Mapping[RunId, str]
    notes: Mapping[RunId, str | None]
    strays: tuple[str, ...]
    passed: tuple[str, ...]


def check_digests(task: DigestTask) -> list[Finding]:
    """The sums and the notes of a submission, read in a process within bounds."""
    found = within_bounds(_check, task, _LIMITS)
    if isinstance(found, Failure):
        return [out_of_bounds(WHOLE, found)]
    findings: list[Finding] = found
    return findings


def _check(task: DigestTask) -> list[Finding]:
    claimed, findings = _sums(task)
    digests, changed = _file_digests(task, claimed)
    if changed:
        found = f"{listed(changed, 3)} with others, as a checkout makes them; read as before that"
        findings.append(finding("S4", WHOLE, "the ends of lines that were packed", found, "warning"))
    whole = {
        run_id: claim
        for run_id, claim in task.notes.items()
        if not any(stray.startswith(f"{run_id.path}/{NOTES}/") for stray in task.strays)
    }
    findings += check_notes(whole, digests, {*task.passed})
    if claimed is not None:
        findings += _against_sums(task, claimed, digests)
    return findings


def _sums(task: DigestTask) -> tuple[dict[str, str] | None, list[Finding]]:
    """The digests in SHA256SUMS, by file; None: it cannot be read."""
    place = Place.of_file(SUMS)
    try:
        text = read_bytes(Path(task.folder), SUMS, MAX_SUMS_BYTES).decode("utf-8")
    except (Unreadable, UnicodeDecodeError) as error:
        if isinstance(error, Pointer):
            return None, []  # the survey reports it
        found = None if SUMS in task.files else "none"
        return None, [unreadable("S1", place, "the digest of every file", error, found)]
    claimed: dict[str, str] = {}
    findings = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip():
            continue
        if (match := _SUM.fullmatch(line)) is None:
            wrong = f"line {number}: {line[:80]}"
            findings.append(finding("S4", place, "lines of `sha256sum`: a digest, two spaces, a file", wrong))
        elif (file := _nfc(match["file"])) in claimed:
            findings.append(finding("S4", place, "each file once", f"{file[:200]} twice"))
        else:
            claimed[file] = match["digest"].lower()
    return claimed, list(first(findings, len(findings)))


def _nfc(file: str) -> str:
    """A path as most systems write it; some keep accents apart from their letters, and mean the same file."""
    return unicodedata.normalize("NFC", file)


def _file_digests(task: DigestTask, claimed: Mapping[str, str] | None) -> tuple[Digests, list[str]]:
    """The digest of every file but the sums, and those of which only the ends of lines differ."""
    found: dict[str, str | Unreadable] = {
        f"{run_id.path}/{LEDGER}": digest for run_id, digest in task.ledgers.items()
    }
    changed, room = [], MAX_NOTES_BYTES
    noted = (file for file in task.passed if f"/{NOTES}/" in file)
    for file in (*task.files, *noted):
        if file in found or file == SUMS:
            continue
        try:
            data = read_bytes(Path(task.folder), file, MAX_NOTE_BYTES)
        except Unreadable as error:
            found[file] = error
            continue
        if f"/{NOTES}/" in file and (room := room - len(data)) < 0:
            found[file] = TooLarge(f"is more than {MAX_NOTES_BYTES:,} bytes of notes, with those before it")
            break
        found[file] = hashlib.sha256(data).hexdigest()
        due = None if claimed is None else claimed.get(_nfc(file))
        if due is not None and found[file] != due and due in map(_digest_of, _with_other_ends(data)):
            found[file] = due
            changed.append(file)
    return found, changed


def _with_other_ends(data: bytes) -> Iterator[bytes]:
    """The bytes that a checkout may have changed: with LF for CRLF, or with CRLF for LF."""
    if b"\r\n" in data:
        yield data.replace(b"\r\n", b"\n")
    elif b"\n" in data:
        yield data.replace(b"\n", b"\r\n")


def _digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_notes(
    claims: Mapping[RunId, str | None], digests: Digests, passed: Collection[str]
) -> Iterator[Finding]:
    """Each record names the digest of its run's notes, as ``suite.results.store.notes_digest`` takes it.

    What systems leave behind may have come when the run was over, or have been noted.
    """
    notes: dict[str, dict[str, str | Unreadable]] = {}
    for file in digests:
        run, _, name = file.partition(f"/{NOTES}/")
        if name:
            notes.setdefault(run, {})[name] = digests[file]
    for run_id, claim in claims.items():
        noted = notes.get(run_id.path, {})
        own = {name: one for name, one in noted.items() if f"{run_id.path}/{NOTES}/{name}" not in passed}
        if any(isinstance(digest, Unreadable) for digest in own.values()):
            continue  # the sums say that it cannot be read
        readable = not any(isinstance(one, Unreadable) for one in noted.values())
        right = [*_digests(own), *(_digests(noted) if readable else ())]
        if claim not in right:
            yield finding("S4", Place.of_run(run_id, RECORD), f"notes_sha256 {right[0]}", str(claim))


def _digests(noted: Mapping[str, str | Unreadable]) -> Iterator[str | None]:
    """The digest of notes, under their names as they are and as other systems write them."""
    if not noted:
        yield None
        return
    yield canonical_digest(dict(noted))
    for form in ("NFC", "NFD"):
        yield canonical_digest({unicodedata.normalize(form, name): digest for name, digest in noted.items()})


def _against_sums(task: DigestTask, claimed: Mapping[str, str], digests: Digests) -> Iterator[Finding]:
    """SHA256SUMS names every other file once, with its digest."""
    files = {_nfc(file): file for file in task.files if file != SUMS}
    expected = files.keys()
    unequal = sorted((expected ^ claimed.keys()) - {_nfc(file) for file in (*task.strays, *task.passed)})
    wanted, where = "a file in the folder and in the sums", {True: "in the folder", False: "in the sums"}
    lone = (
        finding("S4", Place.of_file(file[:200]), wanted, f"only {where[file in expected]}") for file in unequal
    )
    yield from first(lone, len(unequal))
    for file in sorted(expected & claimed.keys()):
        place, digest = Place.of_file(file[:200]), digests.get(files[file])
        if isinstance(digest, Unreadable):
            yield from unreadable_file(place, digest)
        elif digest is not None and digest != claimed[file]:
            yield finding("S4", place, f"digest {digest}", claimed[file][:80])
