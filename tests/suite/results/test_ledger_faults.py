"""The gate in front of every ledger: any value outside its set is found, in any column and row."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import END_REASONS, PHASES, describe, parse_run_id
from suite.results.columns import Columns
from suite.results.ledger_faults import faults
from suite.results.published import published_folder
from suite.results.reading import read_ledger_file, read_table
from suite.results.schema import LEDGER_SCHEMA
from suite.untrusted.files import Unreadable
from tests.suite.helpers import V1

RUNS = [
    describe(parse_run_id(f"smoke/{run}", V1), V1)
    for run in ("fresh/breakout/seed0", "generalist/seed0", "pretrain/fold1/seed0")
]
TABLES = [
    read_ledger_file(published_folder("ppo", "smoke"), f"{run.run_id.path}/ledger.parquet", run).table
    for run in RUNS
]
ROWS = [table.to_pylist() for table in TABLES]
Row = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]


def _ints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _other_int(name: str, bits: int) -> Callable[[Draw, Row, Any], Any]:
    """Any number of the column's type but the right one."""
    return lambda draw, row, run: draw(_ints(bits).filter(lambda value: value != row[name]))


def _other_word(known: Callable[[Any], tuple[str, ...]]) -> Callable[[Draw, Row, Any], str]:
    """Any text that is none of the words, near ones first."""

    def word(draw: Draw, row: Row, run: Any) -> str:
        near = st.sampled_from([one + " " for one in known(run)] + [one.upper() for one in known(run)] + [""])
        texts = st.text(st.characters(codec="utf-8"), max_size=20)
        found: str = draw(st.one_of(near, texts).filter(lambda text: text not in known(run)))
        return found

    return word


def _actions(draw: Draw, row: Row, run: Any) -> bytes:
    """Another number of actions, or one that there is not."""
    own: bytes = row["actions"]
    place = draw(st.integers(0, len(own) - 1))
    illegal = own[:place] + bytes([draw(st.integers(18, 255))]) + own[place + 1 :]
    return bytes(draw(st.sampled_from([illegal, own[:place], own + own[:1], b""])))


def _reward_steps(draw: Draw, row: Row, run: Any) -> list[int]:
    """Another number of steps, or one outside of the episode."""
    own: list[int] = row["reward_steps"]
    outside = draw(st.one_of(st.integers(-(2**31), -1), st.integers(row["length_steps"], 2**31 - 1)))
    if not own:
        return [outside]
    place = draw(st.integers(0, len(own) - 1))
    return list(draw(st.sampled_from([own[:-1], [*own, outside], [*own[:place], outside, *own[place + 1 :]]])))


def _rewards(draw: Draw, row: Row, run: Any) -> list[int]:
    """Another number of rewards, or another reward."""
    own: list[int] = row["rewards"]
    if not own:
        return [draw(_ints(32))]
    place = draw(st.integers(0, len(own) - 1))
    other = draw(_ints(32).filter(lambda value: value != own[place]))
    return list(draw(st.sampled_from([own[:-1], [*own, 1], [*own[:place], other, *own[place + 1 :]]])))


OUTSIDE: dict[str, Callable[[Draw, Row, Any], Any]] = {
    "phase": _other_word(lambda run: PHASES),
    "lane": _other_int("lane", 16),
    "number": _other_int("number", 32),
    "game": _other_word(lambda run: run.games),
    "length_steps": _other_int("length_steps", 32),
    "episode_return": _other_int("episode_return", 64),
    "end_reason": _other_word(lambda run: END_REASONS),
    "actions": _actions,
    "reward_steps": _reward_steps,
    "rewards": _rewards,
}
"""By column, how a value outside its set is drawn; seeds and RAM are derived, others look at them."""


def test_every_column_is_held():
    """The columns that the gate does not hold follow from the run's name or from the emulator."""
    assert {*LEDGER_SCHEMA.names} - OUTSIDE.keys() == {"seed", "ram_sha256"}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.run_id.path)
def test_a_valid_ledger_has_no_fault(run):
    """The ledgers that the properties start from pass the gate."""
    assert list(faults(Columns.of(TABLES[RUNS.index(run)], run.games), run, V1)) == []


@pytest.mark.parametrize("column", OUTSIDE)
@given(data=st.data())
def test_any_value_outside_its_set_is_found(column, data):
    """One value of a valid ledger, in any row, is another than it can be: the gate has a fault."""
    which = data.draw(st.integers(0, len(RUNS) - 1))
    run, rows = RUNS[which], [dict(row) for row in ROWS[which]]
    row = rows[data.draw(st.integers(0, len(rows) - 1))]
    row[column] = OUTSIDE[column](data.draw, row, run)
    table = pa.Table.from_pylist(rows, LEDGER_SCHEMA)
    assert list(faults(Columns.of(table, run.games), run, V1))


@given(data=st.data())
def test_many_wrong_values_break_no_check(data):
    """However many values of a ledger are wrong at once, the gate meets no error."""
    which = data.draw(st.integers(0, len(RUNS) - 1))
    run, rows = RUNS[which], [dict(row) for row in ROWS[which]]
    cell = st.tuples(st.integers(0, len(rows) - 1), st.sampled_from([*OUTSIDE]))
    for place, column in data.draw(st.lists(cell, min_size=1, max_size=6, unique=True)):
        rows[place][column] = OUTSIDE[column](data.draw, rows[place], run)
    columns = Columns.of(pa.Table.from_pylist(rows, LEDGER_SCHEMA), run.games)
    list(faults(columns, run, V1))


def _lives_on(row: Row, most: int) -> bool:
    """True if an episode continues after this many steps in a row without a reward, counted step by step."""
    barren = 0
    for step in range(row["length_steps"] - 1):
        barren = 0 if step in row["reward_steps"] else barren + 1
        if barren >= most:
            return True
    return False


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.run_id.path)
def test_an_episode_past_the_no_reward_rule_is_found(run):
    """Under a rule that is due sooner, the first twenty episodes that it would have cut are those found."""
    place = RUNS.index(run)
    for most in range(1, 120):
        rules = V1.environment.model_copy(update={"max_steps_without_reward": most})
        found = faults(Columns.of(TABLES[place], run.games), run, V1.model_copy(update={"environment": rules}))
        late = [fault.row for fault in found if fault.expected.startswith("a cut after")]
        assert late == [number for number, row in enumerate(ROWS[place]) if _lives_on(row, most)][:20], most


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.run_id.path)
def test_every_claimed_cut_that_was_not_due_is_found(run):
    """An episode that ends otherwise than by game over can end for one reason only, whatever is due."""
    place = RUNS.index(run)
    for most in (5, 20, V1.environment.max_steps_without_reward):
        for cap in (30, 60, V1.environment.max_episode_frames // 4):
            rules = V1.environment.model_copy(
                update={"max_steps_without_reward": most, "max_episode_frames": 4 * cap}
            )
            protocol = V1.model_copy(update={"environment": rules})
            for reason in ("max_frames", "no_reward", "budget"):
                rows = [row | {"end_reason": reason} for row in ROWS[place] if row["phase"] == "training"]
                table = pa.Table.from_pylist(rows, LEDGER_SCHEMA)
                found = faults(Columns.of(table, run.games), run, protocol)
                wrong = [fault.row for fault in found if fault.rule == "B3" and fault.found == reason]
                assert (
                    wrong
                    == [
                        number
                        for number, row in enumerate(rows)
                        if row["length_steps"] <= cap and _cut_due(row, most, cap) != reason
                    ][:20]
                )


def _cut_due(row: Row, most: int, cap: int) -> str:
    """The cut that was due in an episode's last step, in the order in which the lanes ask."""
    last_reward = max(row["reward_steps"], default=-1)
    if row["length_steps"] == cap:
        return "max_frames"
    return "no_reward" if row["length_steps"] - 1 - last_reward >= most else "budget"


def _schemas() -> dict[str, pa.Table]:
    """The valid table with each column in turn left out, doubled, renamed, of another type, and with a null."""
    table = TABLES[0]
    found = {"columns in another order": table.select(table.column_names[::-1])}
    for place, name in enumerate(table.column_names):
        field, column = table.schema.field(name), table[name].to_pylist()
        nullable = pa.field(name, field.type)
        found |= {
            f"no {name}": table.drop_columns([name]),
            f"{name} twice": table.append_column(field, table[name]),
            f"{name} by another name": table.rename_columns(
                [one + "_" * (one == name) for one in table.column_names]
            ),
            f"{name} as text": table.set_column(place, name, pa.array(map(str, column))),
            f"{name} with a null": table.set_column(place, nullable, pa.array([None, *column[1:]], field.type)),
        }
    return found


SCHEMAS = _schemas()


@pytest.mark.parametrize("name", SCHEMAS)
def test_any_other_schema_is_refused(name):
    """A table whose columns are not exactly those of a ledger is read by nobody."""
    sink = pa.BufferOutputStream()
    pq.write_table(SCHEMAS[name].replace_schema_metadata(LEDGER_SCHEMA.metadata), sink)
    with pytest.raises(Unreadable, match="is not a ledger"):
        read_table(RUNS[0], sink.getvalue().to_pybytes())
