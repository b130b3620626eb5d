"""Curves as a tidy table and as event files: each point is the mean of real episodes."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from protocol import StoreError, UnknownName, describe, parse_run_id
from suite.episodes.event_files import write_events
from suite.episodes.tidy import SCHEMA, curve_table, find_results, trailing_means, write_table
from suite.results.ledger import read_ledger
from tests.suite.episodes.recordings import copied
from tests.suite.helpers import V1


@pytest.fixture(scope="module")
def table():
    return curve_table(find_results(["ppo", "uniform"], None))


def test_a_point_by_hand():
    """Nothing is known before the first episode has ended; then each point is the mean of what has ended."""
    frames, means = trailing_means(
        np.array([10, 20, 20, 50]), np.array([1, 2, 6, 7]), np.array([5, 10, 20, 60])
    )
    assert frames.tolist() == [10, 20, 60]
    assert means.tolist() == [1, 3, 4]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=300))
def test_a_point_has_the_last_hundred_episodes(returns):
    """With many episodes, the last 100 count and no earlier one."""
    ended = np.arange(1, len(returns) + 1)
    frames, means = trailing_means(ended, np.array(returns), ended)
    assert frames.tolist() == ended.tolist()
    for end, mean in zip(ended, means, strict=True):
        assert mean == pytest.approx(np.mean(returns[max(0, end - 100) : end]))


def test_the_last_point_is_the_mean_of_the_ledger(table):
    """A fresh run with fewer than 100 episodes ends at the mean of its whole training episodes."""
    (_, store), _ = find_results(["ppo", "uniform"], None)
    run = describe(parse_run_id("smoke/fresh/breakout/seed0", V1), V1)
    ledger = read_ledger(store.ledger_path(run.run_id)).to_pylist()
    whole = [row for row in ledger if row["phase"] == "training" and row["end_reason"] != "budget"]
    points = [
        row
        for row in table.to_pylist()
        if (row["learner"], row["run_id"]) == ("ppo", "smoke/fresh/breakout/seed0")
    ]
    assert points[-1]["frames"] == run.budget_frames
    assert points[-1]["return"] == pytest.approx(np.mean([row["episode_return"] for row in whole]))
    assert [row["frames"] for row in points] == sorted({row["frames"] for row in points})
    assert points[0]["frames"] % (run.budget_frames // 100) == 0


def test_every_arm_game_and_seed_is_there(table):
    """The table has the columns that it promises, and no cell is empty."""
    assert table.schema == SCHEMA
    assert set(table["arm"].to_pylist()) == {"fresh", "pretrain", "transfer", "generalist"}
    assert set(table["game"].to_pylist()) == set(V1.edition("smoke").games)
    assert set(table["seed"].to_pylist()) == {0, 1}
    assert set(table["learner"].to_pylist()) == {"ppo", "uniform"}
    assert not any(column.null_count for column in table.columns)


@pytest.mark.parametrize("name", ["curves.csv", "curves.parquet"])
def test_files_hold_the_table(table, tmp_path, name):
    """Both formats are read again as they were written."""
    write_table(table, tmp_path / name)
    read = pyarrow.csv.read_csv if name.endswith("csv") else pyarrow.parquet.read_table
    assert read(tmp_path / name).to_pylist() == table.to_pylist()


@pytest.mark.parametrize("name", ['=HYPERLINK("http:x")', "+e5", "-e5", "@SUM(A1)"])
def test_no_name_is_a_formula_in_a_spreadsheet(table, tmp_path, name):
    """A folder's name that opens like a formula is quoted in CSV, and stands as it is in Parquet."""
    named = table.slice(0, 3).set_column(0, SCHEMA.field("learner"), pa.array([name, "ppo", name]))
    for file in ("curves.csv", "curves.parquet"):
        write_table(named, tmp_path / file)
    assert pyarrow.csv.read_csv(tmp_path / "curves.csv")["learner"].to_pylist() == [
        f"'{name}",
        "ppo",
        f"'{name}",
    ]
    assert pyarrow.parquet.read_table(tmp_path / "curves.parquet").equals(named)


def test_tensorboard_reads_the_events(table, tmp_path):
    """TensorBoard finds a run's curve under its learner and id, by game, over frames."""
    runs = set(zip(table["learner"].to_pylist(), table["run_id"].to_pylist(), strict=True))
    assert write_events(table, tmp_path / "events") == len(runs)
    run = "smoke/generalist/seed1"
    found = EventAccumulator(str(tmp_path / "events" / "ppo" / run), size_guidance={"tensors": 0}).Reload()
    games = V1.edition("smoke").games
    assert set(found.Tags()["tensors"]) == {f"return/{game}" for game in games}
    points = [
        (row["frames"], row["return"])
        for row in table.to_pylist()
        if (row["learner"], row["run_id"], row["game"]) == ("ppo", run, games[0])
    ]
    events = found.Tensors(f"return/{games[0]}")
    assert [event.step for event in events] == [frames for frames, _ in points]
    read = [event.tensor_proto.float_val[0] for event in events]
    assert read == pytest.approx([value for _, value in points], rel=1e-6)
    with pytest.raises(StoreError, match="exists"):
        write_events(table, tmp_path / "events")


def test_each_learner_has_a_folder_of_events_inside(table, tmp_path):
    """Names that lead elsewhere, or that are one name without their slashes, have folders of their own."""
    run = table["run_id"][0]
    rows = table.filter(pc.equal(table["run_id"], run)).slice(0, 2)
    names = ["..", "a/b", "a-b"]
    place = table.schema.get_field_index("learner")
    named = [rows.set_column(place, SCHEMA.field("learner"), pa.array([name] * len(rows))) for name in names]
    assert write_events(pa.concat_tables(named), tmp_path / "in" / "events") == 3
    assert sorted(path.name for path in (tmp_path / "in/events").iterdir()) == ["a-b", "a-b-2", "learner"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["events"]


def test_folders_with_few_runs_are_enough(tmp_path):
    """A folder in which one run is complete has the curve of that run, labelled by the folder."""
    copied("ppo/fresh/breakout/seed0", tmp_path / "mine")
    table = curve_table(find_results([str(tmp_path / "mine")], None))
    assert set(table["learner"].to_pylist()) == {"mine"}
    assert set(table["run_id"].to_pylist()) == {"smoke/fresh/breakout/seed0"}


def test_a_ledger_that_is_not_its_records_draws_no_curve(tmp_path):
    """Curves are drawn from what scores are computed from: of a ledger that was replaced there is none."""
    run = copied("ppo/fresh/breakout/seed0", tmp_path / "mine")
    shutil.copy(copied("ppo/fresh/breakout/seed1", tmp_path / "other") / "ledger.parquet", run)
    with pytest.raises(StoreError, match=r"the ledger of smoke/fresh/breakout/seed0 cannot be used"):
        curve_table(find_results([str(tmp_path / "mine")], None))


def test_results_that_cannot_be_read_are_named(tmp_path):
    """Unknown names, empty folders, another edition and other formats are errors that name them."""
    (tmp_path / "empty").mkdir()
    copied("ppo/fresh/breakout/seed0", tmp_path / "mine")
    for names, edition, kind, word in (
        (["nobody"], None, UnknownName, "'nobody'"),
        ([str(tmp_path / "empty")], None, StoreError, "empty"),
        ([str(tmp_path / "mine")], "lite", StoreError, "edition smoke"),
        (["ppo"], "huge", UnknownName, "huge"),
    ):
        with pytest.raises(kind, match=word):
            find_results(names, edition)
    with pytest.raises(UnknownName, match=r"curves\.txt.*\.csv or \.parquet"):
        write_table(SCHEMA.empty_table(), tmp_path / "curves.txt")
