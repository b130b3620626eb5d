"""The rules of one ledger: whatever stands in it, each check ends in a verdict."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import END_REASONS, PHASES, describe, parse_run_id
from suite.results.columns import Columns
from suite.results.published import published_folder
from suite.results.reading import read_ledger_file, read_record
from suite.results.schema import LEDGER_SCHEMA
from suite.verify.ledger_rules import check_ledger
from tests.suite.helpers import V1

RUN = describe(parse_run_id("smoke/generalist/seed0", V1), V1)
FOLDER = published_folder("ppo", "smoke")
ROWS = read_ledger_file(FOLDER, f"{RUN.run_id.path}/ledger.parquet", RUN).table.to_pylist()
RECORD = read_record(FOLDER, f"{RUN.run_id.path}/record.json")
SETS = {"phase": PHASES, "game": RUN.games, "end_reason": END_REASONS, "lane": range(V1.lanes)}


@settings(max_examples=60)
@given(data=st.data())
def test_values_that_can_be_leave_no_rule_unchecked(data):
    """Phases, games, ends and lanes that exist, in any rows: every check goes through, changes are found."""
    rows = [dict(row) for row in ROWS]
    for _ in range(data.draw(st.integers(1, 4))):
        row, name = data.draw(st.sampled_from(rows)), data.draw(st.sampled_from([*SETS]))
        row[name] = data.draw(st.sampled_from(SETS[name]))
    table = pa.Table.from_pylist(rows, LEDGER_SCHEMA)
    found = check_ledger(V1, RUN, Columns.of(table, RUN.games), RECORD).findings
    assert {one.severity for one in found} <= {"error"}
    changed = any(
        row[name] != own[name]
        for row, own in zip(rows, ROWS, strict=True)
        for name in ("phase", "game", "lane")
    )
    assert bool(found) or not changed


@settings(max_examples=60)
@given(order=st.permutations(range(len(ROWS))))
def test_rows_in_any_other_order_are_found(order):
    """A ledger's rows stand in the order of their ends alone, and no other order breaks a check."""
    table = pa.Table.from_pylist([ROWS[place] for place in order], LEDGER_SCHEMA)
    found = check_ledger(V1, RUN, Columns.of(table, RUN.games), RECORD).findings
    assert {one.severity for one in found} <= {"error"}
    assert bool(found) == (order != [*range(len(ROWS))])
