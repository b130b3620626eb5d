"""The ledgers of a results folder, each checked and turned into figures in a process within bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from protocol import Protocol, Run, RunRecord, StoreError
from suite.machine import available_cores
from suite.results.columns import Columns
from suite.results.reading import checked_ledger_file, ledger_limits
from suite.results.store import LEDGER, Store
from suite.untrusted.files import Unreadable
from suite.untrusted.processes import Failure, run_sharded

Figures = TypeVar("Figures")
Figured = Callable[[Columns, Run], Figures]


class _Task(NamedTuple):
    """A run of a results folder.

    Attributes:
        folder: the results folder.
        protocol: its rules.
        run: which run.
        ledger_sha256: the digest that its record names.
    """

    folder: Path
    protocol: Protocol
    run: Run
    ledger_sha256: str


def from_each_ledger(
    store: Store, runs: Sequence[Run], records: Sequence[RunRecord], figured: Figured[Figures]
) -> list[Figures]:
    """The results of a function for the ledger of each run, on all cores.

    Args:
        store: the results folder.
        runs: complete runs of it.
        records: of the same runs, in the same order.
        figured: is called, in another process, with columns in which no error was found
            (``suite.results.ledger_faults``).

    Returns:
        what it found, in the order of the runs.

    Raises:
        StoreError: a ledger cannot be read, breaks a rule or is not the one that its record names.
    """
    tasks = [
        _Task(store.folder, store.protocol, run, record.ledger_sha256)
        for run, record in zip(runs, records, strict=True)
    ]
    found: dict[int, Figures] = {}
    for place, outcome in run_sharded(partial(_read, figured), tasks, available_cores(), ledger_limits(runs)):
        if isinstance(outcome, Failure):
            run_id = runs[place].run_id
            raise StoreError(f"the ledger of {run_id} cannot be used: {outcome.reason}")
        found[place] = outcome
    return [found[place] for place in range(len(tasks))]


def _read(figured: Figured[Figures], task: _Task) -> Figures | Failure:
    path = f"{task.run.run_id.path}/{LEDGER}"
    try:
        ledger = checked_ledger_file(task.folder, path, task.run, task.protocol, task.ledger_sha256)
    except Unreadable as error:
        return Failure(f"it {error}{'; play the run again' if error.lost else ''}")
    return figured(ledger.columns, task.run)
