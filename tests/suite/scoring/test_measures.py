"""Measures on tables that are small enough to compute by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import mannwhitneyu, trim_mean

from suite.scoring.arrays import Sampled
from suite.scoring.measures import (
    asymptote,
    contrast,
    human_normalised,
    interquartile_mean,
    jumpstart,
    mean_over_folds,
    ratio,
    weighted_means,
    win_probability,
)
from suite.scoring.resampling import bootstrap_weights

rewards = arrays(np.float64, 5, elements=st.integers(-50, 50).map(float))


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_ratio_is_defined_for_positive_fresh_and_no_negative_transfer():
    """3/2 and 0/4 are ratios; a fresh reward of 0 or below, or different signs, give none."""
    values, defined = ratio(floats(3, 0, 1, -4, 5, -1), floats(2, 4, 0, -2, -5, 2))
    assert values.tolist() == [1.5, 0, 0, 0, 0, 0]
    assert defined.tolist() == [True, True, False, False, False, False]


def test_mean_goes_over_a_folds_games_then_over_folds():
    """The mean of (2 + 4) / 2 and 9 is 6; an undefined game, and a fold of such games, are left out."""
    values = floats(2, 4, 9, 0, 0)
    defined = np.array([True, True, True, False, False])
    mean, known = mean_over_folds(Sampled(values, defined), [0, 0, 1, 1, 2])
    assert (float(mean), bool(known)) == (6.0, True)


def test_mean_over_folds_of_curves():
    """Each point in time has its own mean; if no game is defined there, it has none."""
    values = np.array([[1.0, 2.0], [0.0, 4.0]])
    defined = np.array([[False, True], [False, True]])
    mean, known = mean_over_folds(Sampled(values, defined), [0, 1])
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
    """A quarter of the games, rounded down, is cut off at each end."""
    assert interquartile_mean(floats(*values)) == expected


@given(arrays(np.float64, st.tuples(st.integers(1, 60), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)))
def test_interquartile_mean_is_a_trimmed_mean(values):
    """It is scipy's mean trimmed by a quarter, to the bit."""
    assert np.array_equal(interquartile_mean(values), trim_mean(values, 0.25, axis=0))


def test_interquartile_mean_of_each_resample():
    """Games are the first axis: each column has its own mean of its own middle."""
    values = np.array([[0, 10], [1, 20], [2, 30], [100, -9]], np.float64)
    assert interquartile_mean(values).tolist() == [1.5, 15.0]


def test_weighted_means_by_hand():
    """The means of 10 and 20 with weights (1, 0) and (1/4, 3/4) are 10 and 17.5."""
    weights = np.array([[[1.0, 0.0], [0.25, 0.75]]])
    assert weighted_means(np.array([[10.0, 20.0]]), weights).tolist() == [[10.0, 17.5]]


def test_win_probability_by_hand():
    """The pairs of (1, 5) with (1, 3) are one tie, one loss and two wins: 2.5 of 4."""
    equal = np.full((1, 1, 2), 0.5)
    assert win_probability(np.array([[1.0, 5.0]]), np.array([[1.0, 3.0]]), equal, equal).tolist() == [[0.625]]


def test_win_probability_of_chosen_seeds():
    """Weights on single seeds select one pair: 1 against 3 is lost, 5 against 1 is won."""
    ours = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    theirs = np.array([[[0.0, 1.0], [1.0, 0.0]]])
    assert win_probability(np.array([[1.0, 5.0]]), np.array([[1.0, 3.0]]), ours, theirs).tolist() == [
        [0.0, 1.0]
    ]


@given(rewards, rewards)
def test_win_probability_is_the_mann_whitney_statistic(one, other):
    """With equal weights it is scipy's U over the number of pairs."""
    equal = np.full((1, 1, 5), 0.2)
    found = win_probability(one[None], other[None], equal, equal)[0, 0]
    assert found == pytest.approx(mannwhitneyu(one, other).statistic / 25)


def test_human_normalised_by_hand():
    """150 in a game from 100 (random) to 200 (human) is 0.5 above 100, also for negative scores."""
    units = human_normalised(np.array([[150.0, 100.0], [-10.0, -20.0]]), floats(100, -20), floats(200, 20))
    assert (units[:, 0] - units[:, 1]).tolist() == [0.5, 0.25]


def test_jumpstart_and_asymptote_by_hand():
    """30 points in the first tenth of 1,000 steps are 300 per thousand; 7 in the last tenth are 70."""
    curve = np.full(100, 30.0)
    curve[:9] = 0
    curve[89:] = 50
    curve[99] = 57
    assert (float(jumpstart(curve, 1000)), float(asymptote(curve, 1000))) == (300.0, 70.0)


def test_a_resampled_mean_keeps_the_sign_that_all_runs_have():
    """The mean of rewards of one sign never has the other sign, even with negative weights; other means may."""
    weights = np.broadcast_to(floats(1.25, -0.25), (3, 1, 2))
    assert weighted_means(np.array([[1.0, 9.0], [-1, -9], [-1, 9]]), weights).tolist() == [[0], [0], [-3.5]]


@given(arrays(np.float64, (1, 4), elements=st.integers(0, 9)), st.integers(1, 5))
def test_no_resample_turns_the_sign_of_a_contrast(fresh, times):
    """If every transfer run earns as much as its fresh run or a multiple of that, no resample shows a loss."""
    generator = np.random.Generator(np.random.Philox(key=1))
    weights = bootstrap_weights([0], 4, 50, generator)
    assert (contrast(weighted_means(times * fresh, weights), weighted_means(fresh, weights)) >= 0).all()
