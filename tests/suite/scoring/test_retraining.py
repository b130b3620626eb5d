"""The rank test of retrained runs, on tables that can be checked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.scoring.retraining import (
    FIGURES,
    Shape,
    Stratum,
    directions,
    is_enough,
    least_p_value,
    rank_test,
    run_scores,
)

SCORED = frozenset({"reward", "mean", "best"})
FOLD = SCORED | {"pretraining"}


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=0))


def stratum(
    played: float, claimed: list[float], kind: str = "fold", names: tuple[str, ...] = FIGURES
) -> Stratum:
    """One retrained run and its claims, which earn the same in each of these figures."""
    return Stratum(1, kind, dict.fromkeys(names, np.array([[played, *claimed]])))


def test_scores_are_ranks_of_summed_ranks():
    """Ranks (1, 2, 3) and (2, 1, 3) sum to (3, 3, 6): ranks 1.5, 1.5, 3, centred on 2, divided by 4."""
    figures = np.array([[10.0, 20.0, 30.0], [5.0, 1.0, 9.0]])
    assert run_scores(figures).tolist() == [-0.125, -0.125, 0.25]


def test_p_is_the_share_of_arrangements():
    """If both runs are lowest of three, 1 of the 9 arrangements is as extreme; with lowest and highest, 6."""
    lowest = [stratum(1, [2, 3])] * 2
    assert rank_test(lowest, generator()) == (1 / 9, 9, True)
    # Sums of ranks of the 9: 2, 3 3, 4 4 4, 5 5, 6. A lowest and a highest sum to 4, as do 6 or fewer.
    assert rank_test([stratum(1, [2, 3]), stratum(9, [2, 3])], generator()).p_value == 6 / 9


def test_claims_that_are_lower_everywhere_gain_nothing():
    """Retrained runs of one kind that earn more than was claimed are no reason for doubt: p is 1."""
    assert rank_test([stratum(9, [2, 3])] * 3, generator()).p_value == 1


def test_each_figure_has_its_ways_of_being_too_good():
    """All runs, all with fresh ones the other way, and each kind alone; a figure of one kind has one way."""
    kinds = [Shape(1, 5, "fresh", SCORED), Shape(1, 5, "fold", FOLD), Shape(1, 5, "generalist", SCORED)]
    found = [(one.name, one.signs) for one in directions(kinds)]
    assert [signs for name, signs in found if name == "reward"] == [
        (1, 1, 1),
        (-1, 1, 1),
        (-1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
    ]
    assert [signs for name, signs in found if name == "pretraining"] == [(0, 1, 0)]
    assert len(found) == len(set(found)) == 3 * 5 + 1


def test_fresh_runs_claimed_weaker_are_seen():
    """Transfer claimed high and fresh claimed low is as extreme as all claimed high: 2 of 81 arrangements."""
    high, low = [stratum(1, [2, 3])] * 2, [stratum(9, [2, 3], kind="fresh", names=("reward",))] * 2
    assert rank_test(high + low, generator()).p_value == 2 / 81
    honest = [stratum(9, [2, 3])] * 2
    assert rank_test(high + honest, generator()).p_value > 0.5


@pytest.mark.parametrize("name", FIGURES)
def test_one_figure_alone_is_enough(name):
    """Runs of which all but one figure match the claims are as extreme as possible by that one."""
    tied = dict.fromkeys(FIGURES, np.zeros((1, 3)))
    one = Stratum(1, "fold", tied | {name: np.array([[1.0, 2.0, 3.0]])})
    assert rank_test([one] * 3, generator()).p_value == 1 / 27


def test_what_is_not_scored_hides_nothing():
    """Transfer runs that are claimed too high are seen, however low their pre-training is claimed."""
    hidden = Stratum(
        1, "fold", {"reward": np.array([[1.0, 2.0, 3.0]]), "pretraining": np.array([[9.0, 2.0, 3.0]])}
    )
    assert (
        rank_test([hidden] * 4, generator()).p_value == 2 / 81
    )  # the opposite is as extreme in the other figure


def test_one_kind_alone_is_enough():
    """Transfer runs claimed too high are seen among honest runs of other kinds."""
    high = [stratum(1, [2, 3, 4, 5])] * 6
    honest = [stratum(3.5, [2, 3, 4, 5], kind="fresh", names=tuple(SCORED))] * 8
    assert rank_test(high + honest, generator()).p_value < 0.01


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
        values.append(rank_test([Stratum(1, "fold", {"reward": own}) for own in rolled], generator()).p_value)
    for level in np.unique(values):
        assert np.mean(np.array(values) <= level) <= level + 1e-9


@pytest.mark.parametrize(
    ("shapes", "least", "enough"),
    [
        ([Shape(1, 5, "generalist", SCORED)] * 3, 3 / 125, False),  # one way for each of three figures
        ([Shape(1, 5, "generalist", SCORED)] * 4, 3 / 625, True),
        ([Shape(1, 7, "generalist", SCORED)] * 3, 3 / 343, True),  # three runs are the fewest
        ([Shape(1, 5, "fold", FOLD)] * 4, 4 / 625, True),
        ([Shape(1, 5, "fresh", SCORED)] * 4, 6 / 625, True),  # too high or too low
        ([Shape(4, 8, "generalist", SCORED)], 3 / 70, False),  # all generalists of lite alone never do
        (
            [Shape(2, 100, "generalist", SCORED)],
            3 / 4950,
            False,
        ),  # two runs never do, however many were claimed
    ],
)
def test_too_few_runs_are_known_before(shapes, least, enough):
    """The smallest possible p follows from the number of runs."""
    assert least_p_value(shapes) == pytest.approx(least)
    assert is_enough(shapes) is enough
