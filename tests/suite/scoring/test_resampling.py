"""Resampled weights, intervals and p-values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from suite.scoring.resampling import (
    DRAWS,
    bootstrap_weights,
    degrees_of_freedom,
    exchanges,
    interval,
    minimum_detectable_effect,
    null_weights,
    p_value,
    seed_correlation,
    splits,
    swaps,
)
from tests.suite.helpers import V1

FOLDS = (0, 0, 1)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def all_weights(seeds: int, resamples: int, seed: int) -> dict[str, np.ndarray]:
    null = null_weights(FOLDS, seeds, resamples, generator(seed))
    (exchanged,) = exchanges(FOLDS, splits(seeds), resamples, generator(seed)).parts()
    (swapped,) = exchanges(FOLDS, swaps(seeds), resamples, generator(seed)).parts()
    return {
        "bootstrap": bootstrap_weights(FOLDS, seeds, resamples, generator(seed)),
        "null, one side": null.ours,
        "null, other side": null.theirs,
        "exchanged, one side": exchanged.ours,
        "exchanged, other side": exchanged.theirs,
        "swapped, one side": swapped.ours,
        "swapped, other side": swapped.theirs,
    }


@given(st.integers(2, 6), st.integers(0, 1000))
def test_weights_sum_to_one(seeds, seed):
    """A resampled mean of equal values is that value."""
    for name, weights in all_weights(seeds, 7, seed).items():
        assert weights.shape[:2] == (3, 7), name
        assert np.allclose(weights.sum(axis=-1), 1), name


def test_the_same_seed_draws_alike_and_another_does_not():
    """All weights depend only on the generator's seed."""
    one, again, other = (all_weights(5, 50, seed) for seed in (1, 1, 2))
    for name, weights in one.items():
        assert np.array_equal(weights, again[name]), name
        assert not np.array_equal(weights, other[name]), name


def test_games_of_a_cluster_share_their_draw():
    """The games of fold 0 draw the same seeds; the game of fold 1 has draws of its own."""
    for name, weights in all_weights(5, 50, 0).items():
        assert np.array_equal(weights[0], weights[1]), name
        assert not np.array_equal(weights[0], weights[2]), name


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_resampled_means_vary_as_means_do(seeds):
    """A bootstrapped mean varies by s^2 / S, and a null's difference by 2 s^2 / S, with s^2 unbiased."""
    values = np.arange(seeds, dtype=np.float64) ** 2
    variance = values.var(ddof=1) / seeds
    bootstrapped = bootstrap_weights([0], seeds, 200_000, generator())[0] @ values
    assert bootstrapped.mean() == pytest.approx(values.mean(), rel=0.02)
    assert bootstrapped.var() == pytest.approx(variance, rel=0.02)
    one, other = (weights[0] @ values for weights in null_weights([0], seeds, 200_000, generator()))
    assert (one - other).var() == pytest.approx(2 * variance, rel=0.02)


def test_sides_of_the_null_are_disjoint():
    """Of 5 seeds, two and two others are drawn: no seed pulls both sides in its direction."""
    one, other = null_weights([0], 5, 100, generator())
    chosen, others = one > 0.2, other > 0.2
    assert (chosen.sum(axis=-1) == 2).all()
    assert (others.sum(axis=-1) == 2).all()
    assert not (chosen & others).any()


def test_exchanged_sides_split_all_runs():
    """S of the 2 S runs are on each side; swaps keep one run of each seed on each side."""
    for ways in (splits(3), swaps(3)):
        ((one, other),) = exchanges([0, 1], ways, 100, generator()).parts()
        assert ((one > 0) != (other > 0)).all()
        assert ((one > 0).sum(axis=-1) == 3).all()
    assert ((one > 0)[..., :3] != (one > 0)[..., 3:]).all()


def test_all_ways_to_exchange_by_hand():
    """With 2 seeds per side there are 6 splits and 4 swaps; the first of each moves no run."""
    assert splits(2).astype(int).tolist() == [
        [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1]
    ]  # fmt: skip
    assert swaps(2).astype(int).tolist() == [[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 1, 1]]


@pytest.mark.parametrize(("ways", "expected"), [(splits(2), 216), (swaps(2), 64)])
def test_few_exchanges_are_all_counted(ways, expected):
    """Three folds of 2 seeds have 6^3 splits and 4^3 swaps: each comes once, and the observed one first."""
    ours, complete = exchanges([0, 1, 2], ways, expected, generator())
    assert complete
    assert len({column.tobytes() for column in np.moveaxis(ours, 1, 0)}) == ours.shape[1] == expected
    assert ours[:, 0].tolist() == [[True, True, False, False]] * 3
    ours, complete = exchanges([0, 1, 2], ways, expected - 1, generator())
    assert (complete, ours.shape[1]) == (False, expected - 1)


def test_exchanges_come_in_parts():
    """The weights of many exchanges, part after part, are those of all of them, in their order."""
    drawn = exchanges([0, 1, 1], swaps(2), 10_000, generator())
    assert drawn.complete is True
    drawn = drawn._replace(ours=np.tile(drawn.ours, (1, 600, 1)))
    parts = list(drawn.parts())
    assert len(parts) > 1
    ours, theirs = (np.concatenate(own, axis=1) for own in zip(*parts, strict=True))
    assert np.array_equal(ours, drawn.ours / 2)
    assert np.array_equal(theirs, ~drawn.ours / 2)


def test_all_swaps_of_the_editions_are_counted():
    """Published p-values over all games are exact: no edition has more swaps than are counted."""
    for edition in V1.editions:
        assert 2 ** (edition.seeds * len(edition.folds)) <= DRAWS.exchanges


def test_interval_is_the_percentile_interval_for_many_degrees():
    """The percentiles are 2.5 and 97.5 % with a million degrees of freedom, and 1.1 and 98.9 % with 8."""
    samples = np.arange(10_001) / 10_000
    assert interval(samples, 1e6) == pytest.approx((0.025, 0.975), abs=1e-4)
    assert interval(samples, 8) == pytest.approx((0.0106, 0.9894), abs=1e-4)


@given(st.floats(1, 1e6))
def test_interval_lies_at_the_quantiles_of_student(degrees):
    """Its ends are the quantiles where a normal distribution has Student's, as scipy's distributions say."""
    samples = np.linspace(0, 1, 101)
    tail = norm.cdf(t.ppf(0.025, degrees))
    assert interval(samples, degrees) == pytest.approx(np.quantile(samples, [tail, 1 - tail]), rel=1e-12)


def test_degrees_of_freedom_by_hand():
    """Two equal parts of 10 degrees have 20; if one part does not vary, only the other's degrees count."""
    varied, still = np.array([-1.0, 1.0]), np.zeros(2)
    assert degrees_of_freedom([(varied, 10), (varied, 10)]) == pytest.approx(20)
    assert degrees_of_freedom([(varied, 10), (still, 3)]) == pytest.approx(10)
    assert degrees_of_freedom([(still, 10), (still, 3)]) == 13


def test_p_value_by_hand():
    """p is 2 / 100 beyond all 99 draws and 1 in the middle. Ties count as extreme."""
    draws = np.arange(1.0, 100.0)
    assert p_value(1000.0, draws, complete=False) == pytest.approx(0.02)
    assert p_value(-1000.0, draws, complete=False) == pytest.approx(0.02)
    assert p_value(50.0, draws, complete=False) == 1
    assert p_value(99.0, draws, complete=False) == pytest.approx(0.04)


def test_p_value_of_all_exchanges_is_exact():
    """The largest of 64 exchanges has p = 2 / 64; nothing is added, since the observed one is among them."""
    assert p_value(64.0, np.arange(1.0, 65.0), complete=True) == 2 / 64
    assert p_value(1.0, np.ones(64), complete=True) == 1


def test_seed_correlation_by_hand():
    """The correlation is 1 for equal games, -1 for two opposite ones, -1/3 for three with one opposed."""
    up, down = [1.0, 2.0, 3.0], [30.0, 20.0, 10.0]
    assert seed_correlation(np.array([up, up, [0.0, 5.0, 10.0]])) == pytest.approx(1)
    assert seed_correlation(np.array([up, down])) == pytest.approx(-1)
    assert seed_correlation(np.array([up, down, up])) == pytest.approx(-1 / 3)
    assert seed_correlation(np.array([up, down, [7.0, 7.0, 7.0]])) == pytest.approx(-1)
    assert seed_correlation(np.array([up, [7.0, 7.0, 7.0]])) is None


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 1000))
def test_seed_correlation_is_the_mean_over_pairs_of_games(games, seeds, seed):
    """The correlation is the mean of numpy's correlations over all pairs of games."""
    rewards = generator(seed).standard_normal((games, seeds))
    pairs = np.corrcoef(rewards)[np.triu_indices(games, 1)]
    assert seed_correlation(rewards) == pytest.approx(pairs.mean())


def test_minimum_detectable_effect_by_hand():
    """The factor is 1.96 + 0.84 for many degrees of freedom and larger for few; None without spread."""
    samples = norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    assert minimum_detectable_effect(samples, 1e6) == pytest.approx(2.80, abs=0.01)
    assert minimum_detectable_effect(samples, 8) == pytest.approx(3.56, abs=0.01)
    assert minimum_detectable_effect(np.ones(9), 8) is None
