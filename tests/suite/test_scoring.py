"""Scores on tables small enough to check by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from suite.scoring import (
    contrast,
    cumulative_rewards,
    frame_grid,
    interquartile_mean,
    mean_over_folds,
    ratio,
    reward_frames,
)

rewards = arrays(np.float64, 5, elements=st.integers(-50, 50).map(float))


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_grid_has_a_hundred_points_and_ends_at_the_budget():
    """The grid of 8,000 frames goes 80, 160, ... 8,000."""
    assert frame_grid(8000).tolist() == list(range(80, 8001, 80))


def test_ratio_is_defined_for_positive_fresh_and_no_negative_transfer():
    """3/2 and 0/4 are ratios; a fresh reward of 0 or below, or two signs, give none."""
    values, defined = ratio(floats(3, 0, 1, -4, 5, -1), floats(2, 4, 0, -2, -5, 2))
    assert values.tolist() == [1.5, 0, 0, 0, 0, 0]
    assert defined.tolist() == [True, True, False, False, False, False]


def test_mean_goes_over_a_folds_games_then_over_folds():
    """(2 + 4) / 2 and 9 make 6; an undefined game and a fold of such games are left out."""
    values = floats(2, 4, 9, 0, 0)
    defined = np.array([True, True, True, False, False])
    mean, known = mean_over_folds(values, defined, [0, 0, 1, 1, 2])
    assert (float(mean), bool(known)) == (6.0, True)


def test_mean_over_folds_of_curves():
    """Each point in time has its own mean; where no game is defined there is none."""
    values = np.array([[1.0, 2.0], [0.0, 4.0]])
    defined = np.array([[False, True], [False, True]])
    mean, known = mean_over_folds(values, defined, [0, 1])
    assert mean.tolist() == [0.0, 3.0]
    assert known.tolist() == [False, True]


def test_contrast_by_hand():
    """(3 - 1) / 4 is 0.5; less negative is better; both zero is 0."""
    result = contrast(floats(3, -1, 0, 5, 0), floats(1, -3, 0, -5, 2))
    assert result.tolist() == [0.5, 0.5, 0.0, 1.0, -1.0]


@given(rewards, rewards)
def test_contrast_is_bounded_and_antisymmetric(one, other):
    """A contrast is in [-1, 1], and swapping the arms flips its sign."""
    assert np.all(np.abs(contrast(one, other)) <= 1)
    assert np.array_equal(contrast(one, other), -contrast(other, one))


@given(rewards, st.integers(1, 1000))
def test_equal_arms_show_no_transfer(values, scale):
    """The same rewards in both arms are contrast 0 and ratio 1, in any unit."""
    assert not contrast(values * scale, values * scale).any()
    values, defined = ratio(values * scale, values * scale)
    assert np.all(values[defined] == 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [((1, 2, 6), 3.0), ((0, 1, 2, 100), 1.5), ((9, 1, 2, 3, -50), 2.0), ((4,), 4.0)],
)
def test_interquartile_mean_by_hand(values, expected):
    """A quarter, rounded down, is cut off at each end."""
    assert interquartile_mean(floats(*values)) == expected


def test_reward_frames_by_hand():
    """A reward in a lane's n-th step came at n vector steps, whatever the order of the episodes.

    Lane 0 plays episodes of 5 and 3 steps, lane 1 one of 8; a vector step is 10 frames.
    """
    lanes, numbers, lengths = np.array([1, 0, 0]), np.array([0, 1, 0]), np.array([8, 3, 5])
    frames = reward_frames(lanes, numbers, lengths, np.array([0, 1, 1, 2]), np.array([7, 0, 2, 4]), 10)
    assert frames.tolist() == [80, 60, 80, 50]


def test_reward_frames_without_rewards():
    """No reward at all is an empty array."""
    none = np.array([], np.int64)
    assert reward_frames(np.array([0]), np.array([0]), np.array([4]), none, none, 10).tolist() == []


def test_cumulative_rewards_by_hand():
    """A reward counts from the first grid point at or after it; one behind the grid does not."""
    sums = cumulative_rewards(np.array([10, 20, 21, 60]), np.array([1, 2, -4, 100]), np.array([10, 20, 30, 40]))
    assert sums.tolist() == [1, 3, -1, -1]


@given(st.lists(st.tuples(st.integers(1, 800), st.integers(-9, 9)), max_size=50))
def test_cumulative_rewards_end_at_the_sum(pairs):
    """At the budget, the curve is the sum of all rewards."""
    at, values = np.array([p[0] for p in pairs], np.int64), np.array([p[1] for p in pairs], np.int64)
    assert cumulative_rewards(at, values, frame_grid(800))[-1] == values.sum()
