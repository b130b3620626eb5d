"""Duels of two learners: won pairs of runs, and draws by seed if runs of one seed are correlated."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from suite.scoring.arrays import Floats
from suite.scoring.duels import MOST_SEED_CORRELATION, duel, duel_of_arms
from suite.scoring.estimates import UNDEFINED
from suite.scoring.published import published_scores
from suite.scoring.resampling import seed_correlation
from suite.scoring.scores import Scores
from tests.suite.helpers import V1

GENERATOR_KEY = 6


def rewards(correlation: float) -> tuple[Floats, Floats]:
    """Two learners' rewards in 12 games with 4 seeds, each with its own luck per seed."""
    generator = np.random.Generator(np.random.Philox(key=GENERATOR_KEY))
    ours, theirs = (
        np.sqrt(correlation) * generator.standard_normal((1, 4))
        + np.sqrt(1 - correlation) * generator.standard_normal((12, 4))
        for _ in range(2)
    )
    return ours, theirs


def test_a_duel_is_the_share_of_won_pairs():
    """The pairs of (1, 5) with (1, 3) are one tie, one loss and two wins: 2.5 of 4."""
    assert duel(np.array([[1.0, 5.0]]), np.array([[1.0, 3.0]]), [0], [0]).value == pytest.approx(2.5 / 4)


def test_correlated_runs_are_drawn_by_seed():
    """If either learner's seeds are lucky in all games, p is one of the values that 70 exchanges allow."""
    alone, lucky, plain = range(12), rewards(0.8), rewards(0.0)
    for ours, theirs in (lucky, (lucky[0], plain[1]), (plain[0], lucky[1])):
        together = duel(ours, theirs, alone, alone).null
        assert together
        assert 35 * together.p_value == pytest.approx(round(35 * together.p_value))
    together, independent = duel(*lucky, alone, alone).null, duel(*plain, alone, alone).null
    assert together
    assert independent
    assert together.high - together.low > 2 * (independent.high - independent.low)


def test_arms_are_drawn_as_they_were_trained():
    """Transfer runs of one fold and seed are drawn together, fresh runs alone, whichever side they are on."""
    learners = published_scores(V1, "lite")
    reset, uniform, ppo = (learners[name] for name in ("ppo_reset", "uniform", "ppo"))
    folds, alone = [game.fold for game in reset.transfer.games], range(len(reset.transfer.games))

    def earned(scores: Scores, arm: str) -> Floats:
        return np.array([getattr(game, f"{arm}_rewards") for game in scores.transfer.games])

    ours, theirs, fresh = earned(reset, "transfer"), earned(uniform, "transfer"), earned(ppo, "fresh")
    assert max(map(seed_correlation, (ours, theirs, fresh))) <= MOST_SEED_CORRELATION  # nothing else decides
    assert duel_of_arms(reset, "transfer", uniform, "transfer") == duel(ours, theirs, folds, folds)
    assert duel(ours, theirs, folds, folds) != duel(ours, theirs, alone, alone)
    assert duel_of_arms(reset, "transfer", ppo, "fresh") == duel(ours, fresh, folds, alone)
    assert duel_of_arms(ppo, "fresh", reset, "transfer") == duel(fresh, ours, alone, folds)


def test_a_duel_over_no_games_is_undefined():
    """If no game counts, the figure is undefined."""
    assert duel(np.empty((0, 2)), np.empty((0, 2)), [], []) == UNDEFINED


@given(
    arrays(np.float64, st.tuples(st.just(2), st.integers(1, 4), st.integers(2, 4)), elements=st.integers(0, 3)),
)
def test_both_directions_of_a_duel_say_the_same(both):
    """Seen from the other side a duel is turned, ends of its interval and null too, and p is the same."""
    assume(both[0].tolist() != both[1].tolist())  # of equals, both directions are the same question
    alone = range(both.shape[1])
    found, turned = duel(both[0], both[1], alone, alone), duel(both[1], both[0], alone, alone)
    assert found.value + turned.value == pytest.approx(1)
    assert found.interval.low + turned.interval.high == pytest.approx(1)
    assert found.interval.high + turned.interval.low == pytest.approx(1)
    assert found.null.p_value == turned.null.p_value
    assert found.null.low + turned.null.high == pytest.approx(1)
