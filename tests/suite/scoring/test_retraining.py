"""The rank test of retrained runs, on tables that can be checked by hand."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.scoring.retraining import Stratum, is_enough, least_p_value, rank_test, run_scores


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=0))


def stratum(played: float, claimed: list[float], favour: int = 1, evaluation: bool = True) -> Stratum:
    """One retrained run and its claims, with one figure, in training and, if requested, in the evaluation."""
    figures = np.array([[played, *claimed]])
    return Stratum(1, favour, figures, figures if evaluation else figures[:0])


def test_scores_are_ranks_of_summed_ranks():
    """Ranks (1, 2, 3) and (2, 1, 3) sum to (3, 3, 6): ranks 1.5, 1.5, 3, centred on 2, divided by 4."""
    figures = np.array([[10.0, 20.0, 30.0], [5.0, 1.0, 9.0]])
    assert run_scores(figures).tolist() == [-0.125, -0.125, 0.25]
    assert run_scores(figures[:0]).tolist() == [0, 0, 0]


def test_p_is_the_share_of_arrangements():
    """If both runs are lowest of three, 1 of the 9 arrangements is as extreme; with lowest and highest, 6."""
    lowest = [stratum(1, [2, 3])] * 2
    assert rank_test(lowest, generator()) == (1 / 9, 9, True)
    # Sums of ranks of the 9: 2, 3 3, 4 4 4, 5 5, 6. A lowest and a highest sum to 4, as do 6 or fewer.
    assert rank_test([stratum(1, [2, 3]), stratum(9, [2, 3])], generator()).p_value == 6 / 9


def test_claims_that_are_lower_everywhere_gain_nothing():
    """Retrained runs of one kind that earn more than was claimed are no reason for doubt: p is 1."""
    assert rank_test([stratum(9, [2, 3])] * 3, generator()).p_value == 1


def test_fresh_runs_claimed_weaker_are_seen():
    """Transfer claimed high and fresh claimed low is as extreme as all claimed high: 2 of 81 arrangements."""
    high, low = [stratum(1, [2, 3])] * 2, [stratum(9, [2, 3], favour=-1)] * 2
    assert rank_test(high + low, generator()).p_value == 2 / 81
    honest = [stratum(9, [2, 3], favour=1)] * 2
    assert rank_test(high + honest, generator()).p_value > 0.5


def test_the_evaluation_alone_is_enough():
    """Runs whose training matches the claims but whose evaluation does not are as extreme as possible."""
    tied = np.zeros((1, 3))
    one = Stratum(1, 1, tied, np.array([[1.0, 2.0, 3.0]]))
    assert rank_test([one] * 3, generator()).p_value == 1 / 27


def test_equal_figures_say_nothing():
    """If all runs earn the same, p is 1."""
    assert rank_test([stratum(5, [5, 5])] * 4, generator()).p_value == 1


def test_many_arrangements_are_drawn():
    """Above 20,000 arrangements, as many are drawn, and the observed one counts as one: p is never 0."""
    found = rank_test([stratum(1, [2, 3, 4, 5])] * 8, generator())
    assert (found.arrangements, found.exact) == (20_001, False)
    assert 1 / 20_001 <= found.p_value < 0.001


@given(st.lists(st.permutations([0.0, 1.0, 2.0]), min_size=1, max_size=3))
def test_p_is_a_probability_of_the_null(tables):
    """Over all arrangements of any table, p is at most a in no more than a share a of them."""
    values = []
    for place in np.ndindex(*[3] * len(tables)):
        rolled = [np.roll(table, -shift)[None] for table, shift in zip(tables, place, strict=True)]
        values.append(rank_test([Stratum(1, 1, own, own[:0]) for own in rolled], generator()).p_value)
    for level in np.unique(values):
        assert np.mean(np.array(values) <= level) <= level + 1e-9


@pytest.mark.parametrize(
    ("shapes", "least", "enough"),
    [
        ([(1, 5, 1)] * 3, 2 / 125, False),  # transfer and generalist of lite: two statistics
        ([(1, 5, 1)] * 4, 2 / 625, True),
        ([(1, 7, 1)] * 3, 2 / 343, True),  # three runs are the fewest
        ([(1, 5, -1)] * 4, 4 / 625, True),  # with fresh runs: four
        ([(4, 8, 1)], 2 / comb(8, 4), False),  # all generalists of lite alone never do
        ([(2, 100, 1)], 2 / comb(100, 2), False),  # two runs never do, however many were claimed
    ],
)
def test_too_few_runs_are_known_before(shapes, least, enough):
    """The smallest possible p follows from the number of runs."""
    assert least_p_value(shapes) == pytest.approx(least)
    assert is_enough(shapes) is enough
