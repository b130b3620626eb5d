"""The best, the last or a named episode; and next to it the one after the same frames of training."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from protocol import UnknownName
from suite.episodes.choice import choose_beside, choose_row, trained_frames
from suite.results.schema import LEDGER_SCHEMA
from tests.suite.episodes.recordings import FRESH, GENERALIST, published


def test_best_and_last_are_of_the_phase_and_game():
    """The best has the highest return of its phase and game, the first of several; the last ended last."""
    run = published(GENERALIST)
    for phase in ("training", "evaluation"):
        for game in run.run.games:
            rows = run.rows(phase, game)
            returns = [run.episode(row).episode_return for row in rows]
            assert choose_row(run, "best", phase, game) == rows[returns.index(max(returns))]
            assert choose_row(run, "last", phase, game) == rows[-1]


def test_evaluation_is_shown_unless_there_is_none():
    """Without a phase it is an evaluation episode, and a training episode of a run without evaluation."""
    assert published(FRESH).episode(choose_row(published(FRESH), "best", None, None)).phase == "evaluation"
    pretrained = published("ppo/pretrain/fold0/seed0")
    row = choose_row(pretrained, "last", None, pretrained.run.games[0])
    assert pretrained.episode(row).phase == "training"


@pytest.mark.parametrize(
    ("name", "episode", "phase", "game", "words"),
    [
        (GENERALIST, "best", None, None, "choose one by --game: asterix"),
        (FRESH, "worst", None, None, "'worst'"),
        (FRESH, "-1", None, None, "'-1'"),
        (FRESH, "9999", None, None, "9999"),
        (FRESH, "0", "evaluation", None, "row 0 of .* is no evaluation"),
        (FRESH, "best", None, "pong", "'pong'"),
    ],
)
def test_an_episode_that_is_not_there_is_named(name, episode, phase, game, words):
    """A choice that no episode fits is an error that says what there is."""
    with pytest.raises(UnknownName, match=words):
        choose_row(published(name), episode, phase, game)


def test_frames_of_training_are_counted_on_the_clock_of_the_game():
    """By hand: two lanes; a game's clock runs by 4 frames for each lane that plays it, and stands otherwise."""
    places = [(0, 0, "asterix", 3), (1, 0, "breakout", 5), (0, 1, "breakout", 4), (1, 1, "asterix", 2)]
    rows = [
        {"phase": "training", "lane": lane, "number": number, "game": game, "length_steps": steps, "seed": 0}
        | {"episode_return": 0, "end_reason": "game_over", "actions": b"", "reward_steps": [], "rewards": []}
        | {"ram_sha256": bytes(32)}
        for lane, number, game, steps in places
    ]
    run = replace(published(GENERALIST), table=pa.Table.from_pylist(rows, LEDGER_SCHEMA))
    # breakout: lane 1 in steps 0 to 4, lane 0 in steps 3 to 6; asterix: lane 0 in 0 to 2, lane 1 in 5 and 6.
    assert trained_frames(run, "breakout").tolist() == [0, 0, 3 * 4, (5 + 2) * 4]
    assert trained_frames(run, "asterix").tolist() == [0, 0, 3 * 4, 3 * 4]


def test_beside_is_the_episode_after_the_same_frames():
    """No other training episode of the game began closer; a run beside itself shows what began then."""
    fresh, other = published(FRESH), published(GENERALIST)
    began, others = trained_frames(fresh, "breakout"), trained_frames(other, "breakout")
    rows = other.rows("training", "breakout")
    for row in fresh.rows("training", None):
        assert began[choose_beside(fresh, row, fresh, "last")] == began[row]
        distance = abs(others[choose_beside(fresh, row, other, "last")] - began[row])
        assert distance == np.abs(others[rows] - began[row]).min()


def test_evaluation_beside_evaluation_is_the_same_choice():
    """Next to the best evaluation episode stands the other run's best one of that game."""
    fresh, other = published(FRESH), published(GENERALIST)
    row = choose_row(fresh, "best", None, None)
    assert choose_beside(fresh, row, other, "best") == choose_row(other, "best", "evaluation", "breakout")
    with pytest.raises(UnknownName, match="does not play 'breakout'"):
        choose_beside(fresh, row, published("ppo/fresh/asterix/seed0"), "best")
