"""The edition of a results folder, and its complete runs."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from protocol import Edition, Protocol, Run, StoreError, UnknownName, plan
from suite.results.reading import read_record
from suite.results.store import RECORD, Store
from suite.untrusted.files import Unreadable, is_there

_LEVELS, _LOOKED_AT = 4, 200


def edition_of(folder: Path, protocol: Protocol) -> Edition:
    """The edition that the runs of a results folder belong to.

    Raises:
        UnknownName: there is no such folder.
        StoreError: it holds no run, or none that can be read.
    """
    if not is_there(folder):
        raise UnknownName(f"{folder} does not exist; name a results folder such as `amtlb benchmark` writes")
    store, unread = Store(folder, protocol), ""
    for edition in protocol.editions:
        for run in plan(protocol, edition):
            if not store.is_complete(run.run_id):
                continue
            try:
                record = read_record(folder, f"{run.run_id.path}/{RECORD}")
            except Unreadable as error:
                unread = unread or f"the record of {run.run_id} {error}"
                continue  # Store.record says what is wrong with it, once its edition is known
            return protocol.edition(record.run_id.partition("/")[0])
    if unread:
        raise StoreError(f"{folder} holds no run whose record can be read: {unread}")
    raise StoreError(f"{folder} holds no complete run; {_way_out(folder)}")


def _way_out(folder: Path) -> str:
    """A results folder above or below one that holds no run; without one, the command that plays runs."""
    above = [*folder.resolve().parents][:_LEVELS]
    below = sorted(path for levels in ("*", "*/*") for path in islice(folder.glob(levels), _LOOKED_AT))
    for place in (*below, *above):
        if any(islice(place.glob(f"fresh/*/seed*/{RECORD}"), 1)):
            return f"{place} does, name that one"
    return f"`amtlb benchmark --learner MODULE:FUNCTION --out {folder}` plays an edition into it"


def complete_runs(store: Store) -> list[Run]:
    """The complete runs of a results folder, of whatever edition; raises StoreError where there is none."""
    edition = edition_of(store.folder, store.protocol)
    return [run for run in plan(store.protocol, edition) if store.is_complete(run.run_id)]
