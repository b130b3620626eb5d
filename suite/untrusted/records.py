"""Records and ledgers that nobody vouches for, read within the sizes that their runs allow."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from protocol import Run, RunRecord
from suite.results.schema import LEDGER_SCHEMA, version_problem
from suite.untrusted.files import TooLarge, Unreadable, parse_json, read_bytes

MAX_RECORD_BYTES = 2**20
_BYTES_A_STEP = 24  # an action, and a reward with its step, with room for encodings
_BYTES_A_ROW = 1024
_ROOM_BYTES = 2**20


def read_record(folder: Path, file: str) -> RunRecord:
    """A record that nobody vouches for; raises Unreadable."""
    data = read_bytes(folder, file, MAX_RECORD_BYTES)
    parse_json(data)
    try:
        return RunRecord.model_validate_json(data)
    except ValidationError as error:
        raise Unreadable("is not a record: " + " ".join(str(error).split())[:300]) from error


def max_ledger_bytes(run: Run) -> int:
    """More than the bytes that a run's ledger can have."""
    return _BYTES_A_STEP * _max_steps(run) + _ROOM_BYTES


def _max_steps(run: Run) -> int:
    """More than the steps that a run can have."""
    return 2 * run.most_steps


def read_table(run: Run, data: bytes) -> pa.Table:
    """A ledger's table, once its own description promises that it fits; raises Unreadable."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        most_rows = _max_steps(run)
        if file.metadata.num_rows > most_rows:
            raise TooLarge(f"has {file.metadata.num_rows:,} rows, at most {most_rows:,} can be right")
        groups = [file.metadata.row_group(place) for place in range(file.metadata.num_row_groups)]
        unpacked = sum(max(0, group.total_byte_size) for group in groups)
        most = _BYTES_A_STEP * most_rows + _BYTES_A_ROW * file.metadata.num_rows + _ROOM_BYTES
        if unpacked > most:
            raise TooLarge(f"unpacks to {unpacked:,} bytes, at most {most:,} can be right")
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


def schema_problem(schema: pa.Schema) -> str | None:
    """How a file's schema differs from the ledger's, version first; None: not at all."""
    if problem := version_problem(schema):
        return problem
    if schema.equals(LEDGER_SCHEMA):
        return None
    for field in LEDGER_SCHEMA:
        if field.name not in schema.names:
            return f"is not a ledger: no column {field.name}"
        if not schema.field(field.name).equals(field):
            return f"is not a ledger: column {schema.field(field.name)}"[:100]
    return f"is not a ledger: columns {schema.names}"[:200]
