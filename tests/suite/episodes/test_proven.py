"""An episode that is played again is the one that its ledger claims, or an error says where it is not."""

import pytest

from protocol import StoreError
from suite.emulator.console import Console
from suite.emulator.roms import checked_cartridge
from suite.episodes.choice import choose_row
from suite.episodes.proven import Claims
from suite.episodes.recorded import find_recorded
from tests.suite.episodes.recordings import FRESH, changed, forged, published
from tests.suite.helpers import V1


@pytest.fixture(scope="module")
def console() -> Console:
    return Console(checked_cartridge(V1, "breakout"), V1.environment)


def play(console, recorded, row):
    return list(Claims(V1, recorded, row).play(console, console.step))


def test_an_honest_episode_is_proven(console):
    """Scores go from step to step up to the return, in training and evaluation, whatever the end."""
    run = published(FRESH)
    reasons = set()
    for row in (0, run.rows("training", None)[-1], choose_row(run, "best", None, None)):
        episode = run.episode(row)
        scores = play(console, run, row)
        assert (len(scores), scores[-1]) == (episode.length_steps, episode.episode_return)
        reasons.add(episode.end_reason)
    assert {"game_over", "budget"} <= reasons


def set_to(**fields):
    return lambda row: row.update(fields)


def drop_last_step(row):
    row.update(actions=row["actions"][:-1], length_steps=row["length_steps"] - 1)


def play_on(row):
    row.update(actions=row["actions"] + b"\0", length_steps=row["length_steps"] + 1)


def more_points(row):
    row["rewards"][0] += 1
    row["episode_return"] += 1


def points_later(row):
    row["reward_steps"][0] += 1


def points_beyond(row):
    row["reward_steps"].append(row["length_steps"])
    row["rewards"].append(5)
    row["episode_return"] += 5


def points_out_of_order(row):
    row["reward_steps"].reverse()
    row["rewards"].reverse()


def other_actions(row):
    row["actions"] = bytes(17 - action for action in row["actions"])


@pytest.mark.parametrize(
    "forge",
    [
        points_beyond, points_out_of_order, set_to(lane=8), set_to(lane=-1), set_to(number=99),
        set_to(game="asterix"), set_to(phase="tryout"), set_to(episode_return=99), set_to(length_steps=1),
        set_to(actions=b""), set_to(end_reason="max_frames"), set_to(end_reason="no_reward"),
        set_to(rewards=[]), lambda row: row.update(actions=b"\x12" + row["actions"][1:]),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_is_refused_before_it_is_played(forge, tmp_path):
    """A row that is wrong by itself is an error that names rule and row, when the run is read."""
    row = choose_row(published(FRESH), "best", None, None)
    with pytest.raises(StoreError, match=rf"breaks rule \w\d, row {row}|breaks rule B[145]"):
        find_recorded(str(forged(FRESH, tmp_path, row, forge)), V1, "smoke")


@pytest.mark.parametrize(
    "forge",
    [
        drop_last_step, play_on, more_points, points_later, other_actions,
        set_to(seed=1), set_to(lane=7), set_to(number=99), set_to(end_reason="budget"),
        set_to(end_reason="max_frames"), set_to(end_reason="no_reward"), set_to(ram_sha256=bytes(32)),
    ],
)  # fmt: skip
def test_a_forged_ledger_cannot_be_watched(console, forge):
    """Whatever a row claims that is not what its actions lead to, playing it is an error that names the row."""
    run = published(FRESH)
    row = choose_row(run, "best", None, None)
    assert run.episode(row).end_reason == "game_over"
    assert len(run.episode(row).rewards) > 1
    with pytest.raises(StoreError, match=rf"^row {row} of {FRESH} does not say what was played: expected"):
        play(console, changed(run, row, forge), row)


def test_a_cut_that_was_due_to_nothing_is_refused(console):
    """An evaluation episode that simply stops is no episode, and in training only the budget cuts."""
    run = published(FRESH)
    row = choose_row(run, "best", None, None)

    def stop_early(values):
        values.update(
            actions=values["actions"][:5], length_steps=5, reward_steps=[], rewards=[], episode_return=0
        )

    with pytest.raises(StoreError, match="expected the end of the episode in a later step"):
        play(console, changed(run, row, stop_early), row)
    training = run.rows("training", None)[0]
    with pytest.raises(StoreError, match="expected the end budget"):
        play(console, changed(run, training, stop_early), training)
