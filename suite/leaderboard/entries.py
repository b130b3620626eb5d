"""The learners of a leaderboard: their results, what these cost, and what the verifier says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from protocol import Edition, Protocol, RunId, RunRecord, describe, parse_run_id
from suite.leaderboard.audited import Audited, audit_results
from suite.results.reading import read_ledger_file
from suite.results.results import open_results
from suite.results.shared_plays import shared_plays
from suite.results.store import LEDGER, Store
from suite.scoring.comparison import Comparison, compare_contenders, read_contenders
from suite.scoring.outcomes import Outcomes
from suite.scoring.published import published_scores
from suite.untrusted.files import is_folder

Listener = Callable[[str], None]


class Entry(NamedTuple):
    """One learner of a leaderboard.

    Attributes:
        label: its name there.
        store: where its runs lie.
        outcomes: of these runs.
        audited: the verifier's verdict.
        same_as: another learner that has its runs, whole or in good part; empty: none. A published baseline was
            there first, and has none.
    """

    label: str
    store: Store
    outcomes: Outcomes
    audited: Audited
    same_as: str = ""

    @property
    def verdict(self) -> str:
        """The verdict in words, and whose runs these are if another learner has them, too."""
        return f"{self.audited.words}; same runs as {self.same_as}" if self.same_as else self.audited.words

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """Of all its runs."""
        return self.outcomes.records


class Board(NamedTuple):
    """Learners of one edition, side by side.

    Attributes:
        protocol: the rules.
        edition: that all have played.
        comparison: their scores, claims and duels, the highest transfer contrast first.
        entries: by label, in the same order.
    """

    protocol: Protocol
    edition: Edition
    comparison: Comparison
    entries: dict[str, Entry]

    @property
    def records(self) -> list[RunRecord]:
        """Of all runs of all learners."""
        return [record for entry in self.entries.values() for record in entry.records]


def _same_as(store: Store, outcomes: Outcomes, others: Iterable[Entry]) -> str:
    """The first of these learners that has played at least half of the transfer runs; empty: none has."""
    digests = {parse_run_id(one.run_id, outcomes.protocol): one.ledger_sha256 for one in outcomes.records}
    transfer = {run_id: digest for run_id, digest in digests.items() if run_id.arm == "transfer"}
    return next((other.label for other in others if _has_most_of(transfer, store, other)), "")


def _has_most_of(digests: Mapping[RunId, str], store: Store, other: Entry) -> bool:
    """True if a learner's runs are at least half of these, as the audit knows them again in published ones."""
    theirs = {record.run_id: record.ledger_sha256 for record in other.records}
    found, left = 0, len(digests)
    for run_id, digest in digests.items():
        if 2 * (found + left) < len(digests) or 2 * found >= len(digests):
            break
        left -= 1
        found += digest == theirs[str(run_id)] or _is_shared(run_id, store, other.store)
    return 2 * found >= len(digests)


def _is_shared(run_id: RunId, *stores: Store) -> bool:
    own, theirs = (
        read_ledger_file(store.folder, f"{run_id.path}/{LEDGER}", describe(run_id, store.protocol)).table
        for store in stores
    )
    return shared_plays(own, theirs).training.is_most


def read_board(
    names: Sequence[str],
    edition: str | None,
    listener: Listener,
    audits: Mapping[str, Audited] = MappingProxyType({}),
) -> Board:
    """Read, score and audit learners of one edition.

    Args:
        names: each a results folder, a submission or, where there is no such folder, a published baseline.
        edition: of all; None: that of the first folder, or ``smoke`` where there is no folder.
        listener: called with a line about each step.
        audits: by name, those that were made already.

    Raises:
        StoreError: a folder is of another edition, incomplete or cannot be read, or is named twice.
        ForeignProtocol: a folder was played under another protocol.
        UnknownName: a name is neither a folder nor a published baseline.
    """
    listener("reading")
    contenders = read_contenders(names, edition)
    first = contenders[0].outcomes
    listener("scoring")
    comparison = compare_contenders(contenders, published_scores(first.protocol, first.edition.name))
    entries: dict[str, Entry] = {}
    for name, one in zip(names, contenders, strict=True):
        listener(f"auditing {one.label}")
        store = open_results(name, first.edition.name).store
        audited = audits.get(name) or audit_results(store, one.label)
        same_as = _same_as(store, one.outcomes, entries.values())
        entries[one.label] = Entry(one.label, store, one.outcomes, audited, same_as)
        if same_as and is_folder(names[[*entries].index(same_as)]) and not entries[same_as].same_as:
            entries[same_as] = entries[same_as]._replace(same_as=one.label)  # who was first, no order tells
    ranked = sorted(
        comparison.contenders,
        key=lambda one: (
            one.scores.transfer.contrast.value is None,
            -(one.scores.transfer.contrast.value or 0),
        ),
    )
    return Board(
        first.protocol,
        first.edition,
        comparison.model_copy(update={"contenders": tuple(ranked)}),
        {one.label: entries[one.label] for one in ranked},
    )
