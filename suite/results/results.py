"""A results folder or a published baseline, opened for reading: its runs, their records and ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from protocol import Edition, RunId, RunRecord, StoreError, current_protocol, parse_run_id
from suite.results.editions import complete_runs, edition_of
from suite.results.ledger import read_ledger
from suite.results.published import DEFAULT_EDITION, source_folder
from suite.results.store import Store
from suite.untrusted.files import is_folder


@dataclass(frozen=True)
class Results:
    """The complete runs of a results folder; ``open_results`` makes one.

    Attributes:
        store: where the runs lie.
        edition: the edition that they belong to.

    Example:
        >>> import amtlb
        >>> results = amtlb.open_results("ppo")
        >>> len(results.run_ids), str(results.run_ids[0])
        (20, 'smoke/fresh/asterix/seed0')
        >>> results.record("smoke/fresh/breakout/seed0").learner
        'baselines.ppo:make'
        >>> results.ledger("smoke/fresh/breakout/seed0", ["game", "episode_return"]).column_names
        ['game', 'episode_return']
    """

    store: Store
    edition: Edition

    @property
    def folder(self) -> Path:
        """The results folder."""
        return self.store.folder

    @property
    def run_ids(self) -> tuple[RunId, ...]:
        """The names of the complete runs, in the order of the edition's plan."""
        return tuple(run.run_id for run in complete_runs(self.store))

    def record(self, run_id: RunId | str) -> RunRecord:
        """The record of a run: its learner, its budget, its machine and its digests.

        Raises:
            UnknownName: the protocol has no run of that name.
            StoreError: the run is not complete here, or its record cannot be read.
            ForeignProtocol: it was played under other rules.
        """
        return self.store.record(self._complete(run_id))

    def ledger(self, run_id: RunId | str, columns: Sequence[str] | None = None) -> pa.Table:
        """The ledger of a run as a table with one row per episode, in the order in which they ended.

        Args:
            run_id: which run.
            columns: the columns to read (docs/api.md lists them); None: all.

        Raises:
            UnknownName: the protocol has no run of that name.
            StoreError: the run is not complete here, or its ledger cannot be read.
        """
        return read_ledger(self.store.ledger_path(self._complete(run_id)), columns)

    def _complete(self, run_id: RunId | str) -> RunId:
        """The run's id, once it is sure that the run is here."""
        parsed = parse_run_id(str(run_id), self.store.protocol)
        if parsed.edition != self.edition.name or not self.store.is_complete(parsed):
            raise StoreError(f"{self.folder} has no complete run {run_id}; `run_ids` names those that it has")
        return parsed


def edition_of_names(names: Sequence[str]) -> str:
    """The edition of names if none is asked for: that of the first folder, ``smoke`` where there is none."""
    folder = next((name for name in names if is_folder(name)), None)
    return DEFAULT_EDITION if folder is None else open_results(folder).edition.name


def open_results(source: str | Path, edition: str | None = None) -> Results:
    """Open a results folder, or a published baseline by its name, for reading.

    Args:
        source: a folder such as ``results/smoke/baselines.ppo`` or, where there is no folder of that path, the
            name of a published baseline such as ``ppo`` (``published_baselines`` lists them).
        edition: ``smoke``, ``lite`` or ``full``; None: that of the folder, and ``smoke`` for a baseline.

    Raises:
        UnknownName: there is neither a folder nor a baseline of that name, or no such edition.
        StoreError: the folder holds no complete run, or runs of another edition.

    Example:
        >>> import amtlb
        >>> results = amtlb.open_results("uniform")
        >>> fresh = [run_id for run_id in results.run_ids if run_id.arm == "fresh"]
        >>> sum(results.ledger(run_id).num_rows for run_id in fresh) > 0
        True
    """
    protocol = current_protocol()
    folder = source_folder(source, edition or DEFAULT_EDITION)
    found = edition_of(folder, protocol)
    if edition is not None and protocol.edition(edition) != found:
        raise StoreError(
            f"{folder} holds runs of edition {found.name}, not of {edition}; name results of edition {edition}"
        )
    return Results(Store(folder, protocol), found)
