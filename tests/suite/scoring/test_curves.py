"""Curves of reward over frames, for episodes that can be counted by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from suite.results.columns import start_steps
from suite.scoring.curves import cumulative_rewards, frame_grid, frames_of_game


def test_grid_has_a_hundred_points_and_ends_at_the_budget():
    """The grid of 8,000 frames is 80, 160, ... 8,000."""
    assert frame_grid(8000).tolist() == list(range(80, 8001, 80))


def test_start_steps_by_hand():
    """An episode begins when the previous one in its lane ended, whatever the order of the rows.

    Lane 0 plays episodes of 5 and 3 steps, lane 1 one of 8.
    """
    lanes, numbers, lengths = np.array([1, 0, 0]), np.array([0, 1, 0]), np.array([8, 3, 5])
    assert start_steps(lanes, numbers, lengths).tolist() == [0, 5, 0]


def test_frames_of_a_game_that_all_lanes_play():
    """If every lane plays it, a game's clock is the run's: a vector step of 2 lanes is 8 frames."""
    starts, lengths = np.array([0, 5, 0]), np.array([5, 3, 8])
    assert frames_of_game(np.array([0, 1, 5, 6, 8]), starts, lengths, 4).tolist() == [0, 8, 40, 48, 64]


def test_frames_of_a_game_that_is_played_in_turns():
    """A game in one lane at steps 2 to 5 and in another at 4 to 9 gets 1, then 2, then 1 frames per step."""
    at = np.array([0, 2, 3, 4, 5, 6, 7, 10])
    assert frames_of_game(at, np.array([2, 4]), np.array([4, 6]), 1).tolist() == [0, 0, 1, 2, 4, 6, 7, 10]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=1, max_size=8))
def test_frames_of_a_game_are_counted_step_by_step(episodes):
    """The clock equals the sum of the lanes that play the game at each step."""
    starts, lengths = (np.array(column) for column in zip(*episodes, strict=True))
    playing = [int(((starts <= step) & (step < starts + lengths)).sum()) for step in range(80)]
    found = frames_of_game(np.arange(81), starts, lengths, 4)
    assert found.tolist() == [4 * sum(playing[:step]) for step in range(81)]


def test_cumulative_rewards_by_hand():
    """A reward counts from the first grid point at or after it; a reward after the grid does not count."""
    sums = cumulative_rewards(np.array([10, 20, 21, 60]), np.array([1, 2, -4, 100]), np.array([10, 20, 30, 40]))
    assert sums.tolist() == [1, 3, -1, -1]


@given(st.lists(st.tuples(st.integers(1, 800), st.integers(-9, 9)), max_size=50))
def test_cumulative_rewards_end_at_the_sum(pairs):
    """At the budget, the curve is the sum of all rewards."""
    at, values = np.array([p[0] for p in pairs], np.int64), np.array([p[1] for p in pairs], np.int64)
    assert cumulative_rewards(at, values, frame_grid(800))[-1] == values.sum()
