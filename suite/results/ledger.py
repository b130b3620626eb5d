"""The ledger of a complete run: one Parquet file, written from its journal, with a row per episode.

The rows stand in the order in which the episodes ended (and by lane where they ended in the same step). The
bytes follow from the episodes alone: not from when the journal was appended to, nor from who played the lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from protocol import EpisodeRecord, StoreError, UnknownName
from suite.results.journal import read_journal
from suite.results.schema import LEDGER_SCHEMA, version_problem
from suite.untrusted.files import is_folder, is_there

LEDGER_BYTES_PER_STEP = 0.70
"""Bytes of a ledger per agent step: measured on the runs of ``lite`` (docs/performance.md)."""
LEDGER_BYTES_PER_RUN = 5_000
"""Bytes of a ledger without steps, by a line through the 80 ledgers of ``smoke`` in ``artifacts/``."""
_ROW_GROUP_STEPS = 1_000_000  # a row group of the ledger is closed once its episodes have so many steps


def write_ledger(journal: Path, ledger: Path) -> None:
    """Write the ledger of a journal, in memory bounded by one row group."""
    with pq.ParquetWriter(ledger, LEDGER_SCHEMA, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        steps = 0
        for episode in read_journal(journal, whole=True):
            rows.append({name: getattr(episode, name) for name in LEDGER_SCHEMA.names})
            steps += episode.length_steps
            if steps >= _ROW_GROUP_STEPS:
                writer.write_table(pa.Table.from_pylist(rows, LEDGER_SCHEMA))
                rows, steps = [], 0
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, LEDGER_SCHEMA))


def read_ledger(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The episodes of a ledger as a table (see LEDGER_SCHEMA), all columns or the named ones.

    Args:
        path: a run's ``ledger.parquet``.
        columns: the columns to read; None: all.

    Raises:
        UnknownName: a ledger has no column of that name, or one is named twice.
        StoreError: the file is missing, is not a ledger or is one of another version.

    Example:
        >>> import amtlb
        >>> run = amtlb.open_results("ppo").folder / "fresh/breakout/seed0"
        >>> table = amtlb.read_ledger(run / "ledger.parquet", ["phase", "episode_return"])
        >>> table.column_names
        ['phase', 'episode_return']
    """
    for name in columns or ():
        if name not in LEDGER_SCHEMA.names or list(columns or ()).count(name) > 1:
            raise UnknownName(
                f"column {name!r} is named twice, or not one of a ledger's: {', '.join(LEDGER_SCHEMA.names)}"
            )
    if not is_there(path) or is_folder(path):
        raise StoreError(f"the ledger {path} is missing, or no file; play the run again")
    try:
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"the ledger {path} cannot be read ({error}); play the run again") from error
    if problem := version_problem(table.schema):
        raise StoreError(f"{path} {problem}; read it with the release that wrote it, or play the run again")
    wanted = [field for field in LEDGER_SCHEMA if columns is None or field.name in columns]
    for field in wanted:
        found = table.schema.field(field.name) if field.name in table.schema.names else None
        if found is None or not found.equals(field) or table[field.name].null_count:
            raise StoreError(f"{path} is not a ledger: it must have the column {field}; play the run again")
    if len(table.schema.names) != len(wanted):
        raise StoreError(f"{path} is not a ledger: it has the columns {', '.join(table.schema.names)}"[:300])
    return table


def episodes_of(table: pa.Table) -> Iterator[EpisodeRecord]:
    """The episodes in rows of a ledger, one by one."""
    for row in table.to_pylist():
        yield EpisodeRecord(**row | {name: tuple(row[name]) for name in ("reward_steps", "rewards")})
