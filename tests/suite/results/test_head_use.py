"""Head use: a learner's notes joined with the ledger, game by game."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from protocol import StoreError, describe, parse_run_id
from suite.results.head_use import PARTS, HeadUse, _by_game, head_columns, join_head_use, read_head_use
from suite.results.published import published_folder
from tests.suite.helpers import V1


def noted(folder, games, steps, weights):
    """Notes of these weights, and the games of the episodes that they are about: (folder, by episode)."""
    columns = {"lane": [0] * len(games), "number": range(len(games)), "length_steps": steps}
    columns |= {f"head_{head}": column for head, column in enumerate(zip(*weights, strict=True))}
    pq.write_table(pa.table(columns), folder / "head_use.parquet")
    return folder, {(0, number, steps[number]): game for number, game in enumerate(games)}


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
    """In the last part, a head a game shares log 2; the same heads in both games share nothing."""
    apart = np.full((2, PARTS, 2), 0.5)
    apart[:, -1] = np.eye(2)
    assert HeadUse(("a", "b"), apart).specialisation_nats == pytest.approx(np.log(2))
    assert HeadUse(("a", "b"), apart[:, ::-1]).specialisation_nats == pytest.approx(0)


def test_notes_are_joined_with_the_ledger(tmp_path):
    """The notes know lanes and numbers, the ledger their games."""
    use = join_head_use(*noted(tmp_path, ["pong", "qbert", "pong"], [4, 6, 4], [[1, 0], [0, 1], [1, 0]]))
    assert use.games == ("pong", "qbert")
    assert use.weights[:, -1] == pytest.approx(np.eye(2))


def test_notes_of_a_run_are_read():
    """A published run of a learner with heads has weights for each of its games, which sum to 1."""
    run = published_folder("multihead_a2c", "smoke") / "generalist/seed0"
    use = read_head_use(run)
    assert use.games == describe(parse_run_id("smoke/generalist/seed0", V1), V1).games
    assert use.weights.sum(axis=2) == pytest.approx(np.ones((len(use.games), PARTS)))


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    """Without a record, or with one of a run that does not exist, nothing is read."""
    with pytest.raises(StoreError, match="record"):
        read_head_use(tmp_path)
    record = (published_folder("multihead_a2c", "smoke") / "generalist/seed0/record.json").read_text()
    (tmp_path / "record.json").write_text(record.replace("smoke/generalist", "huge/generalist"))
    with pytest.raises(StoreError, match="huge"):
        read_head_use(tmp_path)


def test_notes_of_other_episodes_are_refused(tmp_path):
    """Missing notes, and notes that are not about the ledger's episodes, are StoreErrors."""
    with pytest.raises(StoreError, match="learners with heads"):
        join_head_use(tmp_path, {})
    folder, games = noted(tmp_path, ["pong", "qbert"], [4, 6], [[1, 0], [0, 1]])
    table = pq.read_table(folder / "head_use.parquet")
    others = table.set_column(2, "length_steps", pa.array([4, 5]))
    for foreign in (table.slice(1), others):
        pq.write_table(foreign, folder / "head_use.parquet")
        with pytest.raises(StoreError, match="not about the episodes"):
            join_head_use(folder, games)


def test_notes_without_heads_are_refused(tmp_path):
    """A file that has no weights of heads, or too many, or is none, is a StoreError in one line."""
    folder, games = noted(tmp_path, ["pong"], [4], [[1, 0]])
    notes = folder / "head_use.parquet"
    table = pq.read_table(notes)
    crowd = {head: pa.array([1 / 65]) for head in head_columns(65)}
    for other, match in (
        (table.select(["lane", "number", "length_steps"]), "cannot be read"),
        (table.set_column(3, "head_0", pa.array([float("nan")])), "sum to 1"),
        (table.set_column(3, "head_0", pa.array(["?"])), "sum to 1"),
        (pa.table({"lane": [0], "number": [0], "length_steps": [4], **crowd}), "65 heads, at most 64"),
    ):
        pq.write_table(other, notes)
        with pytest.raises(StoreError, match=match):
            join_head_use(folder, games)
    notes.write_bytes(b"nonsense")
    with pytest.raises(StoreError, match="cannot be read"):
        join_head_use(folder, games)
