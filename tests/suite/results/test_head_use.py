"""Head use: a learner's notes joined with the ledger, game by game."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from protocol import StoreError
from suite.results.head_use import PARTS, HeadUse, _by_game, join_head_use, read_head_use
from suite.results.journal import JournalRecorder
from suite.results.ledger import write_ledger


def run_folder(tmp_path, games, steps, weights):
    """A run folder whose one lane played these episodes, with notes of these weights."""
    recorder = JournalRecorder(tmp_path / "journal", 1)
    for number, (game, length) in enumerate(zip(games, steps, strict=True)):
        recorder.begin(0, "training", number, game, 1)
        for _ in range(length):
            recorder.step(np.zeros(1, np.uint8), np.zeros(1, np.int32))
        recorder.end(0, "game_over", np.zeros(128, np.uint8))
    recorder.close()
    write_ledger(tmp_path / "journal", tmp_path / "ledger.parquet")
    columns = {"lane": [0] * len(games), "number": range(len(games)), "length_steps": steps}
    columns |= {f"head_{head}": column for head, column in enumerate(zip(*weights, strict=True))}
    (tmp_path / "notes").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "notes" / "head_use.parquet")
    return tmp_path


def test_parts_are_means_over_steps():
    """An episode over the first half of a game's steps fills ten parts, one across a boundary is split."""
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    use = _by_game(["a", "a", "b"], np.array([10, 10, 7]), weights)
    assert use.games == ("a", "b")
    assert use.weights[0, :10] == pytest.approx(np.tile([1.0, 0.0], (10, 1)))
    assert use.weights[0, 10:] == pytest.approx(np.tile([0.0, 1.0], (10, 1)))
    assert use.weights[1] == pytest.approx(np.full((PARTS, 2), 0.5))
    split = _by_game(["a", "a"], np.array([1, 39]), weights[:2])
    assert split.weights[0, 0] == pytest.approx([0.5, 0.5])
    assert split.weights[0, 1] == pytest.approx([0.0, 1.0])


def test_specialisation_is_the_information_that_games_and_heads_share():
    """A head a game shares log 2; the same heads in both games share nothing."""
    apart = np.zeros((2, PARTS, 2))
    apart[0, :, 0] = apart[1, :, 1] = 1
    assert HeadUse(("a", "b"), apart).specialisation_nats == pytest.approx(np.log(2))
    assert HeadUse(("a", "b"), np.full((2, PARTS, 2), 0.5)).specialisation_nats == pytest.approx(0)


def test_notes_are_joined_with_the_ledger(tmp_path):
    """The notes know lanes and numbers, the ledger their games."""
    folder = run_folder(tmp_path, ["pong", "qbert", "pong"], [4, 6, 4], [[1, 0], [0, 1], [1, 0]])
    use = read_head_use(folder)
    assert use.games == ("pong", "qbert")
    assert use.weights[:, -1] == pytest.approx(np.eye(2))


def test_notes_of_other_episodes_are_refused(tmp_path):
    """Missing notes, and notes that are not about the ledger's episodes, are StoreErrors."""
    with pytest.raises(StoreError, match="learners with heads"):
        join_head_use(tmp_path, {})
    folder = run_folder(tmp_path, ["pong", "qbert"], [4, 6], [[1, 0], [0, 1]])
    notes = folder / "notes" / "head_use.parquet"
    table = pq.read_table(notes)
    others = table.set_column(2, "length_steps", pa.array([4, 5]))
    for foreign in (table.slice(1), others):
        pq.write_table(foreign, notes)
        with pytest.raises(StoreError, match="not about the episodes"):
            read_head_use(folder)


def test_notes_without_heads_are_refused(tmp_path):
    """A file that has no weights of heads, or is none, is a StoreError in one line."""
    folder = run_folder(tmp_path, ["pong"], [4], [[1, 0]])
    notes = folder / "notes" / "head_use.parquet"
    table = pq.read_table(notes)
    pq.write_table(table.select(["lane", "number", "length_steps"]), notes)
    with pytest.raises(StoreError, match="cannot be read"):
        read_head_use(folder)
    pq.write_table(table.set_column(3, "head_0", pa.array([float("nan")])), notes)
    with pytest.raises(StoreError, match="sum to 1"):
        read_head_use(folder)
    pq.write_table(table.set_column(3, "head_0", pa.array(["?"])), notes)
    with pytest.raises(StoreError, match="sum to 1"):
        read_head_use(folder)
    notes.write_bytes(b"nonsense")
    with pytest.raises(StoreError, match="cannot be read"):
        read_head_use(folder)
