"""The survey of a submission's folder, before any run is looked at: files, description, edition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from protocol import ARMS, StoreError, UnknownName
from suite.results.reading import read_record
from suite.results.store import LEDGER, NOTES, RECORD, SCORES, SUBMISSION, SUMS
from suite.submission.description import Submission, read_submission
from suite.untrusted.files import (
    MAX_POINTER_BYTES,
    NOT_LISTED,
    PASSED_OVER,
    Pointer,
    Unreadable,
    is_folder,
    is_there,
    list_files,
    read_bytes,
    severity_of,
)
from suite.untrusted.processes import Failure, within_bounds
from suite.untrusted.text import listed
from suite.verify.findings import WHOLE, Finding, Place, finding, first

MAX_NOTES_DEPTH = 3
_NOTES = rf"{NOTES}/(?:[^/]+/){{0,{MAX_NOTES_DEPTH}}}[^/]+"
_RUN = re.compile(rf"(?P<run>(?:{'|'.join(ARMS)})/(?:[a-z0-9_]+/)*?seed[0-9]+)/(?:{RECORD}|{LEDGER}|{_NOTES})")
_TOP = (SUBMISSION, SCORES, SUMS)
_ABOUT = "README|LICEN[CS]E|COPYING|NOTICE|AUTHORS|CONTRIBUTORS|CHANGE(?:LOG|S)|CITATION"
_LEFT_BY_SYSTEMS = re.compile(
    r"(?:.*/)?(?:\.DS_Store|\._[^/]*|(?:eh)?thumbs\.db|desktop\.ini|\.directory|[^/]+:Zone\.Identifier"
    r"|\.git(?:attributes|ignore|keep|modules)?)"
    r"|(?:.*/)?(?:@eaDir|\$RECYCLE\.BIN|System Volume Information)/.*"
    rf"|(?!(?:.*/)?{NOTES}/)(?:(?:.*/)?(?:{_ABOUT})(?:\.(?:md|txt|rst|cff))*"
    r"|(?:.*/)?(?:\.[^/]+(?:/.*)?|[^/]+~))",
    re.IGNORECASE,
)
"""The files that systems, editors and habits add to an honest folder; nothing is computed from them."""
_PASSED_BYTES = 2**20


class Survey(NamedTuple):
    """The survey of a folder.

    Attributes:
        files: the relative paths of all files of the layout, sorted.
        passed: those of the files that systems leave behind, sorted.
        pointers: those of the layout in whose place are pointers of Git LFS, sorted.
        runs: the paths of the folders that hold runs, such as ``fresh/pong/seed0``, sorted.
        closed: the paths of the folders that cannot be listed.
        findings: what does not belong there, or cannot be read.
        submission: what is declared of the runs; None: it could not be read.
        editions: how many records name each edition.
    """

    files: tuple[str, ...]
    passed: tuple[str, ...]
    pointers: tuple[str, ...]
    runs: tuple[str, ...]
    closed: tuple[str, ...]
    findings: tuple[Finding, ...]
    submission: Submission | None
    editions: Mapping[str, int]


def survey(folder: Path) -> Survey:
    """Look at a submission's folder, in a process within bounds.

    Raises:
        UnknownName: there is no such folder.
        StoreError: it cannot be listed, or holds no run.
    """
    if not is_folder(folder):
        said = "is a file: unpack it, and name the folder" if is_there(folder) else "does not exist"
        raise UnknownName(f"{folder} {said}; a submission is a folder such as `amtlb submit` writes")
    try:
        found = within_bounds(_survey, folder)
    except Unreadable as error:
        raise StoreError(f"{folder} cannot be verified: {error}") from error
    if isinstance(found, Failure):
        raise StoreError(f"{folder} cannot be verified: {found.reason}")
    assert isinstance(found, Survey)
    if not found.runs:
        raise StoreError(f"{folder} holds no run; {_where_runs_may_be(folder)}")
    submission, findings = _described(folder, found.files)
    return found._replace(submission=submission, findings=(*found.findings, *findings))


def _where_runs_may_be(folder: Path) -> str:
    files, _ = list_files(folder)
    if inner := [file for file in files if file.endswith(f"/{SUBMISSION}")]:
        return f"the submission lies in {folder / inner[0].removesuffix(f'/{SUBMISSION}')}: name that folder"
    if archives := [file for file in files if file.endswith((".zip", ".tar", ".tar.gz", ".tgz"))]:
        return f"unpack {archives[0]} and name its folder"
    return "a submission is what `amtlb submit` writes"


def _survey(folder: Path) -> Survey:
    files, odd = list_files(folder)
    passed = [file for file in files if _LEFT_BY_SYSTEMS.fullmatch(file)]
    left = sorted({*files} - {*passed})
    own = [file for file in left if file in _TOP or _RUN.fullmatch(file)]
    runs = sorted({match["run"] for file in own if (match := _RUN.fullmatch(file))})
    pointers = tuple(file for file in own if _is_pointer(folder, file))
    return Survey(
        files=tuple(own),
        passed=tuple(passed),
        pointers=pointers,
        runs=tuple(runs),
        closed=tuple(path for path, what in odd if what == NOT_LISTED),
        findings=(
            *_layout(sorted({*left} - {*own}), passed, _size_bytes(folder, passed), odd),
            *_elsewhere(pointers),
        ),
        submission=None,
        editions=_editions(folder, runs),
    )


def _size_bytes(folder: Path, files: Sequence[str]) -> int:
    size = 0
    for file in files:
        with suppress(OSError):  # it went meanwhile
            size += (folder / file).lstat().st_size
    return size


def _layout(
    strangers: Sequence[str], passed: Sequence[str], size_bytes: int, odd: Sequence[tuple[str, str]]
) -> Iterator[Finding]:
    """S3; what systems leave behind is named once and passed over, unless there is too much of it."""
    over = [*passed, *(path for path, what in odd if what == PASSED_OVER)]
    if size_bytes > _PASSED_BYTES:
        found = f"{size_bytes:,} in files that are passed over"
        yield finding("S3", WHOLE, f"at most {_PASSED_BYTES:,} bytes besides the layout's", found)
    if over:
        yield finding("S3", WHOLE, "files of the layout only", f"{listed(over, 5)}: passed over", "warning")
    expected = f"files of the layout only; notes at most {MAX_NOTES_DEPTH} folders deep"
    left = [(file, expected, "another") for file in strangers]
    left += [(path, "plain files and folders", what) for path, what in odd if what != PASSED_OVER]
    found_there = (
        finding("S3", Place.of_file(path[:200]), right, what, "unchecked" if what == NOT_LISTED else "error")
        for path, right, what in left
    )
    yield from first(found_there, len(left))


def _elsewhere(pointers: Sequence[str]) -> Iterator[Finding]:
    """S1, once: files that were checked out without Git LFS are not here, so nothing is known of them."""
    if pointers:
        found = (
            f"pointers of Git LFS in place of {len(pointers):,} files, {pointers[0]} first; "
            "`git lfs pull` fetches them"
        )
        yield finding("S1", WHOLE, "the files themselves", found, "unchecked")


def _is_pointer(folder: Path, file: str) -> bool:
    try:
        read_bytes(folder, file, MAX_POINTER_BYTES)
    except Pointer:
        return True
    except Unreadable:
        pass  # said when it is read for what it should be
    return False


def _described(folder: Path, files: Sequence[str]) -> tuple[Submission | None, list[Finding]]:
    """The declaration of the runs, and a finding where it cannot be read."""
    try:
        return read_submission(folder), []
    except Pointer:
        return None, []  # reported all together
    except (Unreadable, StoreError) as error:
        found = str(error) if isinstance(error, StoreError) else f"it {error}"
        if SUBMISSION not in files:
            found = "none"
        place = Place.of_file(SUBMISSION)
        return None, [finding("S1", place, "a description of the runs", found, severity_of(error))]


def _editions(folder: Path, runs: Sequence[str]) -> dict[str, int]:
    names: Counter[str] = Counter()
    for run in runs:
        try:
            names[read_record(folder, f"{run}/{RECORD}").run_id.partition("/")[0]] += 1
        except Unreadable:
            continue  # said when the run is audited
    return dict(names)
