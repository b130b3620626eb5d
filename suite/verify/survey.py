"""What lies in a submission's folder, before any run is looked at: its files, its description, its edition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from protocol import StoreError, UnknownName
from suite.results.reading import read_record
from suite.results.store import LEDGER, NOTES, RECORD, SCORES, SUBMISSION, SUMS
from suite.submission.description import MAX_SUBMISSION_BYTES, Submission, parse_submission
from suite.untrusted.files import PASSED_OVER, Unreadable, list_files, read_bytes, severity_of
from suite.untrusted.processes import Failure, within_bounds
from suite.verify.findings import WHOLE, Finding, Place, finding

MAX_NOTES_DEPTH = 3
_NOTES = rf"{NOTES}/(?:[^/]+/){{0,{MAX_NOTES_DEPTH}}}[^/]+"
_RUN = re.compile(rf"(?P<run>(?:[a-z0-9_]+/)+seed\d+)/(?:{RECORD}|{LEDGER}|{_NOTES})")
_TOP = (SUBMISSION, SCORES, SUMS)
_LEFT_BY_SYSTEMS = re.compile(
    r"(?:.*/)?(?:\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini|\.directory|\.gitattributes|\.gitignore|\.gitkeep)"
    r"|(?:README|LICENSE|CITATION)(?:\.[A-Za-z]+)?",
    re.IGNORECASE,
)
"""What honest people's systems, and their habits, add to a folder; nothing of it is read."""
_SHOWN = 20


class Survey(NamedTuple):
    """What lies in a folder.

    Attributes:
        files: the relative paths of all files of the layout, sorted.
        runs: the paths of the folders that hold runs, such as ``fresh/pong/seed0``, sorted.
        findings: what does not belong there, or cannot be read.
        submission: what is declared of the runs; None: it could not be read.
        editions: how many records name each edition.
    """

    files: tuple[str, ...]
    runs: tuple[str, ...]
    findings: tuple[Finding, ...]
    submission: Submission | None
    editions: Mapping[str, int]


def survey(folder: Path) -> Survey:
    """Look at a submission's folder, in a process within bounds.

    Raises:
        UnknownName: there is no such folder.
        StoreError: it cannot be listed, or holds no run.
    """
    if not folder.is_dir():
        said = "is a file: unpack it, and name the folder" if folder.exists() else "does not exist"
        raise UnknownName(f"{folder} {said}; a submission is a folder such as `amtlb submit` writes")
    found = within_bounds(_survey, str(folder))
    if isinstance(found, Failure | Unreadable):
        reason = found.reason if isinstance(found, Failure) else found
        raise StoreError(f"{folder} cannot be verified: {reason}")
    assert isinstance(found, Survey)
    if not found.runs:
        raise StoreError(f"{folder} holds no run; {_where_runs_may_be(folder)}")
    return found


def _where_runs_may_be(folder: Path) -> str:
    inner = [path for path in sorted(folder.iterdir())[:100] if path.is_dir() and (path / SUBMISSION).exists()]
    if inner:
        return f"the submission lies in {inner[0]}: name that folder"
    if archives := sorted(path.name for path in folder.glob("*.zip")):
        return f"unpack {archives[0]} and name its folder"
    return "a submission is what `amtlb submit` writes"


def _survey(name: str) -> Survey | Unreadable:
    folder = Path(name)
    try:
        files, odd = list_files(folder)
    except Unreadable as error:
        return error
    own = [file for file in files if file in _TOP or _RUN.fullmatch(file)]
    runs = sorted({match["run"] for file in own if (match := _RUN.fullmatch(file))})
    submission, findings = _described(folder, files)
    return Survey(
        files=tuple(own),
        runs=tuple(runs),
        findings=(*_layout(sorted({*files} - {*own}), odd), *findings),
        submission=submission,
        editions=_editions(folder, runs),
    )


def _layout(strangers: Sequence[str], odd: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """S3; what systems leave behind is named once and passed over."""
    passed = [file for file in strangers if _LEFT_BY_SYSTEMS.fullmatch(file)]
    passed += [path for path, what in odd if what == PASSED_OVER]
    if passed:
        shown = ", ".join(passed[:5]) + (f" and {len(passed) - 5} more" if len(passed) > 5 else "")
        yield finding("S3", WHOLE, "files of the layout only", f"{shown}: passed over, not read", "warning")
    expected = f"files of the layout only; notes at most {MAX_NOTES_DEPTH} folders deep"
    left = [(file, expected, "another") for file in strangers if not _LEFT_BY_SYSTEMS.fullmatch(file)]
    left += [(path, "plain files and folders", what) for path, what in odd if what != PASSED_OVER]
    for path, right, what in left[:_SHOWN]:
        yield finding("S3", Place.of_file(path[:200]), right, what)
    if len(left) > _SHOWN:
        yield finding("S3", WHOLE, expected, f"{len(left) - _SHOWN:,} more")


def _described(folder: Path, files: Sequence[str]) -> tuple[Submission | None, list[Finding]]:
    """What is declared of the runs, and a finding where nothing can be read of it."""
    try:
        return parse_submission(read_bytes(folder, SUBMISSION, MAX_SUBMISSION_BYTES)), []
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
