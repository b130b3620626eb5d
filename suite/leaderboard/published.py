"""The learners that are published for an edition: baselines and submissions, complete or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from protocol import AmtlbError, Edition, Protocol, RunRecord, StoreError, plan
from suite.leaderboard.audited import Audited, audit_results
from suite.results.editions import edition_of
from suite.results.published import ARTIFACTS, baseline_names, edition_folder, published_baselines
from suite.results.store import Store
from suite.submission.packing import is_submission
from suite.untrusted.files import is_folder
from suite.untrusted.text import printable

SUBMISSIONS = ARTIFACTS.parent / "submissions"
"""The folder to which pull requests add submissions, one folder each (docs/submissions.md)."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class LeftOut(NamedTuple):
    """A learner that is not ranked, and why."""

    name: str
    reason: str


class Learners(NamedTuple):
    """The learners of an edition.

    Attributes:
        names: of those that are ranked, as ``read_board`` takes them.
        audits: of the submissions among them, by name.
        left_out: the others.
        records: of the complete runs of those whose runs are not all there.
    """

    names: list[str]
    audits: dict[str, Audited]
    left_out: list[LeftOut]
    records: list[RunRecord]


def learners_of(protocol: Protocol, edition: Edition, submissions: Path = SUBMISSIONS) -> Learners:
    """The published baselines of an edition, and the submissions to it that pass the audit.

    Args:
        protocol: the rules.
        edition: which.
        submissions: the folder with a folder per submission; it need not be there.
    """
    found = Learners(list(published_baselines(edition.name)), {}, [], [])
    for folder in _folders(edition_folder(edition.name)):
        if folder.name not in found.names:
            records = _records(Store(folder, protocol), edition)
            count = f"{len(records)} of {len(plan(protocol, edition))} runs are published"
            found.left_out.append(LeftOut(folder.name, count))
            found.records.extend(records)
    for folder in _folders(submissions):
        try:
            if edition_of(folder, protocol) == edition:
                found.audits[str(folder)] = _audit(Store(folder, protocol), found.names)
        except AmtlbError as error:
            reason = str(error).replace(str(folder), folder.name)  # a page knows nothing of this machine
            found.left_out.append(LeftOut(printable(folder.name), printable(reason)))
    found.names.extend(found.audits)
    return found


def _folders(folder: Path) -> Iterator[Path]:
    if is_folder(folder):
        yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _records(store: Store, edition: Edition) -> list[RunRecord]:
    runs = plan(store.protocol, edition)
    return [store.record(run.run_id) for run in runs if store.is_complete(run.run_id)]


def _audit(store: Store, taken: list[str]) -> Audited:
    """The audit of a submission that passes; raises StoreError where it is not one, or does not pass."""
    name = store.folder.name
    if not _NAME.fullmatch(name):
        raise StoreError("the name of its folder is not made of small letters, digits, - and _")
    if name in {*taken, *baseline_names()}:
        raise StoreError("a baseline has its name")
    if not is_submission(store.folder):
        raise StoreError("it is no submission, as amtlb submit writes it")
    audited = audit_results(store, name)
    if not audited.passes:
        raise StoreError(f"its audit {audited.words}")
    return audited
