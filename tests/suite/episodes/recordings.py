"""Recorded runs for tests: those that are published, and copies whose ledger was changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from suite.digests import file_digest
from suite.episodes.recorded import Recorded, find_recorded
from suite.results.schema import LEDGER_SCHEMA
from suite.results.store import LEDGER, RECORD
from tests.suite.helpers import V1

FRESH, GENERALIST = "ppo/fresh/breakout/seed0", "ppo/generalist/seed0"


def published(name: str) -> Recorded:
    return find_recorded(name, V1, "smoke")


def changed(recorded: Recorded, row: int, change: Callable[[dict[str, Any]], None]) -> Recorded:
    """The same run, one of whose episodes claims something else."""
    rows = recorded.table.to_pylist()
    change(rows[row])
    return replace(recorded, table=pa.Table.from_pylist(rows, LEDGER_SCHEMA))


def copied(name: str, folder: Path) -> Path:
    """The files of a published run in a results folder of one's own."""
    import shutil

    from suite.results.published import published_folder

    baseline, _, path = name.partition("/")
    shutil.copytree(published_folder(baseline, "smoke") / path, folder / path)
    return folder / path


def forged(name: str, folder: Path, row: int, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a published run whose ledger claims something else, and whose record names that ledger."""
    copy = copied(name, folder)
    table = changed(published(name), row, change).table
    pq.write_table(table, copy / LEDGER)
    record = json.loads((copy / RECORD).read_text(encoding="utf-8"))
    record["ledger_sha256"] = file_digest(copy / LEDGER)
    (copy / RECORD).write_text(json.dumps(record), encoding="utf-8")
    return copy
