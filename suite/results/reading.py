"""Reading records and ledgers that nobody vouches for, within the sizes that their runs allow.

Whoever looks at a run, its owner too, reads it here: rules and scores see the same arrays of the same bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from protocol import Protocol, Run, RunRecord
from suite.digests import short_digest
from suite.results.columns import Columns
from suite.results.ledger_faults import faults
from suite.results.schema import LEDGER_SCHEMA, version_problem
from suite.untrusted.files import TooLarge, Unreadable, parse_json, read_bytes
from suite.untrusted.processes import Limits, preload
from suite.untrusted.text import first_complaint

preload(__name__)
MAX_RECORD_BYTES = 2**18
MAX_NOTE_BYTES, MAX_NOTES_BYTES = 32 * 2**20, 256 * 2**20
"""Of one file of notes, and of the notes of all runs together."""
_READING_SECONDS, _READING_STEPS_PER_SECOND = 45.0, 1_000_000
"""A machine reads and checks some 20 million steps a second; a busy one may be slow to begin."""
_BYTES_PER_STEP = 24  # an action, and a reward with its step, with room for encodings
_BYTES_PER_ROW = 1024
_ROOM_BYTES = 2**20
_ROW_GROUPS, _LEAST_GROUP_ROWS = 16, 256
"""Of a ledger: more groups than this, and one for so many rows, are nobody's."""
_ROW_GROUP_ROWS = 2**12  # written at once, in little memory
_MEMORY_BYTES, _MEMORY_BYTES_PER_STEP = 192 * 2**20, 3  # ``full`` needs half of it


class LedgerFile(NamedTuple):
    """One run's ledger as it was read, once.

    Attributes:
        table: see LEDGER_SCHEMA.
        columns: the same as arrays.
        sha256: of the bytes that both were read from.
        size_bytes: how many these are.
    """

    table: pa.Table
    columns: Columns
    sha256: str
    size_bytes: int

    @property
    def rows_bytes(self) -> int:
        """The bytes that the rows alone take, as the suite writes them."""
        rows = pa.Table.from_arrays(self.table.columns, schema=LEDGER_SCHEMA)
        written = _Counted()
        pq.write_table(rows, written, compression="zstd", row_group_size=_ROW_GROUP_ROWS)
        return written.size_bytes


class _Counted(io.RawIOBase):
    """A file of which nothing is kept but its size."""

    size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size_bytes += size
        return size


def read_record(folder: Path, file: str) -> RunRecord:
    """A record that nobody vouches for; raises Unreadable."""
    data = read_bytes(folder, file, MAX_RECORD_BYTES)
    parse_json(data)
    try:
        return RunRecord.model_validate_json(data)
    except ValidationError as error:
        raise Unreadable(f"is not a record: {first_complaint(error)}") from error


def read_ledger_file(folder: Path, file: str, run: Run) -> LedgerFile:
    """A run's ledger that nobody vouches for: its schema and sizes are right, its values may be anything.

    Raises:
        Unreadable: it cannot be read, or is no ledger.
    """
    data = read_bytes(folder, file, max_ledger_bytes(run))
    table = read_table(run, data)
    return LedgerFile(table, Columns.of(table, run.games), hashlib.sha256(data).hexdigest(), len(data))


def checked_ledger_file(
    folder: Path, file: str, run: Run, protocol: Protocol, sha256: str | None = None
) -> LedgerFile:
    """A run's ledger in which nothing is wrong by itself.

    Args:
        folder: its results folder.
        file: where it lies in there.
        run: whose ledger it is.
        protocol: the rules.
        sha256: the digest that the run's record names; None: whoever reads it compares them.

    Raises:
        Unreadable: it cannot be read, something is wrong with it, or it is another one.
    """
    ledger = read_ledger_file(folder, file, run)
    if sha256 not in (None, ledger.sha256):
        raise Unreadable(
            f"has digest {short_digest(ledger.sha256)}, and its record names {short_digest(sha256)}"
        )
    for fault in faults(ledger.columns, run, protocol):
        row = "" if fault.row is None else f", row {fault.row}"
        raise Unreadable(f"breaks rule {fault.rule}{row}: it must have {fault.expected}, it has {fault.found}")
    return ledger


def ledger_limits(runs: Iterable[Run]) -> Limits:
    """The limits of a process that reads ledgers of these runs."""
    longest = max((run.most_steps for run in runs), default=0)
    memory_bytes = _MEMORY_BYTES + _MEMORY_BYTES_PER_STEP * longest
    return Limits(memory_bytes, _READING_SECONDS + longest / _READING_STEPS_PER_SECOND)


def max_ledger_bytes(run: Run) -> int:
    """More than the bytes that a run's ledger can have."""
    return _BYTES_PER_STEP * _max_steps(run) + _ROOM_BYTES


def _max_steps(run: Run) -> int:
    """More than the steps that a run can have."""
    return 2 * run.most_steps


def read_table(run: Run, data: bytes) -> pa.Table:
    """A ledger's table, once its own description promises that it fits; raises Unreadable."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        _check_sizes(run, file.metadata)
        _check_places(file.metadata, len(data))
        if problem := schema_problem(file.schema_arrow):
            raise Unreadable(problem)
        table = file.read(use_threads=False)
        table.validate(full=True)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise Unreadable("is not a ledger: " + " ".join(str(error).split())[:200]) from error
    for field in LEDGER_SCHEMA:
        if table[field.name].null_count:
            raise Unreadable(f"is not a ledger: column {field.name} has nulls")
    return table


def _check_sizes(run: Run, metadata: pq.FileMetaData) -> None:
    """Rows, values and bytes are no more than the run can have; a run-length code says much in few bytes."""
    most_rows = _max_steps(run)
    if metadata.num_rows > most_rows:
        raise TooLarge(f"has {metadata.num_rows:,} rows, at most {most_rows:,} can be right")
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    unpacked = sum(max(0, group.total_byte_size) for group in groups)
    most = _BYTES_PER_STEP * most_rows + _BYTES_PER_ROW * metadata.num_rows + _ROOM_BYTES
    if unpacked > most:
        raise TooLarge(f"unpacks to {unpacked:,} bytes, at most {most:,} can be right")
    for place in range(metadata.num_columns):
        values = sum(group.column(place).num_values for group in groups)
        if values > most_rows + metadata.num_rows:  # a list without a value counts as one
            name = metadata.schema.column(place).path[:40]
            raise TooLarge(f"has {values:,} values in {name}, at most {most_rows:,} can be right")


def _check_places(metadata: pq.FileMetaData, size_bytes: int) -> None:
    """Every part of a column has bytes of its own; a footer could name the same ones thousands of times."""
    most_groups = _ROW_GROUPS + metadata.num_rows // _LEAST_GROUP_ROWS
    if metadata.num_row_groups > most_groups:
        raise TooLarge(f"has {metadata.num_row_groups:,} row groups, at most {most_groups:,} can be right")
    places = []
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            part = metadata.row_group(group).column(column)
            begins = [part.data_page_offset]
            begins += [part.dictionary_page_offset] if part.has_dictionary_page else []
            places.append((min(begins), min(begins) + part.total_compressed_size))
    end = 0
    for begin, after in sorted(places):
        if not end <= begin <= after <= size_bytes:
            raise TooLarge("names bytes twice, or beyond its end, in its footer")
        end = after


def schema_problem(schema: pa.Schema) -> str | None:
    """The difference of a file's schema from the ledger's, version first; None: there is none."""
    if problem := version_problem(schema):
        return problem
    if more := sorted((schema.metadata or {}).keys() - LEDGER_SCHEMA.metadata.keys()):
        return f"is not a ledger: metadata {more[0][:40].decode(errors='replace')!r}"
    if schema.equals(LEDGER_SCHEMA):
        return None
    for field in LEDGER_SCHEMA:
        found = [schema.field(place) for place in schema.get_all_field_indices(field.name)]
        if len(found) != 1:
            return f"is not a ledger: {len(found)} columns {field.name}"
        if not found[0].equals(field):
            return f"is not a ledger: column {found[0]}"[:100]
    return f"is not a ledger: columns {', '.join(schema.names)}"[:200]
