"""A figure with its interval and its null, and the published statistics, on tables checkable by hand."""

import numpy as np
import pytest

from suite.scoring.draws import draw_pairs, draw_sides, draw_single_games
from suite.scoring.estimates import (
    UNDEFINED,
    estimate,
    estimate_curve,
    estimate_each,
)
from suite.scoring.resampling import Draws
from suite.scoring.statistics import (
    Sides,
    contrast_iqm,
    contrast_mean,
    contrasts,
    difference_iqm,
    mean_ratio,
    mean_win_probability,
    ratios,
    win_probabilities,
)

OURS = np.array([[6.0, 6.0], [2.0, 4.0], [-1.0, -3.0]])
THEIRS = np.array([[2.0, 2.0], [3.0, 3.0], [-6.0, -6.0]])


def sides() -> Sides:
    equal = np.full((3, 1, 2), 0.5)
    return Sides(OURS, THEIRS, equal, equal)


def resamples(seed: int = 0, games: int = 3, seeds: int = 2, draws: int = 400):
    generator = np.random.Generator(np.random.Philox(key=seed))
    return draw_pairs(range(games), seeds, Draws(draws, draws), generator)


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (contrast_iqm, [1 / 3]),  # of 1/2, 0 and 1/2, of which none is cut off
        (contrast_mean, [1 / 3]),
        (mean_ratio([0, 0, 1]), [2.0]),  # of 3 and 1; the negative game has no ratio
        (mean_win_probability, [(1 + 0.5 + 1) / 3]),
        (difference_iqm, [(4 + 0 + 4) / 3]),
    ],
)
def test_statistics_over_games_by_hand(statistic, expected):
    """Means 6 and 2, 3 and 3, -2 and -6."""
    values, defined = statistic(sides())
    assert values == pytest.approx(expected)
    assert defined.all()


def test_statistics_of_each_game_by_hand():
    """The contrasts are 1/2, 0, 1/2; the ratios 3, 1 and none; the wins 1, 1/2 and 1."""
    assert contrasts(sides()).values.ravel().tolist() == [0.5, 0.0, 0.5]
    assert win_probabilities(sides()).values.ravel().tolist() == [1.0, 0.5, 1.0]
    values, defined = ratios(sides())
    assert values[:2].ravel().tolist() == [3.0, 1.0]
    assert defined.ravel().tolist() == [True, True, False]


def test_an_estimate_follows_from_its_draws():
    """The same draws give the same figure; other draws give another figure with the same value."""
    one, again, other = (estimate(contrast_mean, OURS, THEIRS, resamples(seed)) for seed in (1, 1, 2))
    assert one == again
    assert one.value == other.value
    assert one != other


def test_an_undefined_figure_has_nothing_beside_it():
    """If no game has a ratio, there is no figure; the same holds for the one game that has none."""
    assert estimate(mean_ratio([0, 1, 2]), OURS, -(THEIRS**2), resamples()) == UNDEFINED
    assert [figure.value for figure in estimate_each(ratios, OURS, THEIRS, resamples())] == [3.0, 1.0, None]
    assert estimate_each(ratios, OURS, THEIRS, resamples())[2] == UNDEFINED


def test_certain_runs_have_no_width():
    """If seeds do not differ, the interval is the value, and the null shows no effect."""
    figure = estimate_each(contrasts, np.array([[3.0, 3.0]]), np.array([[1.0, 1.0]]), resamples(games=1))[0]
    assert figure.interval
    assert figure.null
    assert (figure.interval.low, figure.value, figure.interval.high) == pytest.approx((0.5, 0.5, 0.5))
    assert (figure.null.low, figure.null.high, figure.null.minimum_detectable_effect) == (0, 0, None)


def test_a_strong_effect_is_found():
    """For five games that all gain tenfold, the interval excludes 0 and p is as small as it can be."""
    generator = np.random.Generator(np.random.Philox(key=3))
    fresh = generator.uniform(80, 120, (5, 5))
    figure = estimate(contrast_iqm, 10 * fresh[:, ::-1], fresh, resamples(games=5, seeds=5, draws=2000))
    assert figure.interval
    assert figure.null
    assert figure.interval.low > 0.75
    assert figure.null.high < 0.1
    assert figure.null.p_value == pytest.approx(2 / 2001)


def test_a_curve_ends_at_the_figure():
    """Each point is estimated from the same draws; as long as nothing is defined, there is no estimate."""
    curve_of = (
        np.stack([np.zeros_like(OURS), OURS], axis=-1),
        np.stack([np.zeros_like(THEIRS), THEIRS], axis=-1),
    )
    curve = estimate_curve(mean_ratio([0, 1, 2]), *curve_of, resamples())
    figure = estimate(mean_ratio([0, 1, 2]), OURS, THEIRS, resamples())
    assert figure.interval
    assert figure.null
    assert curve.values == (None, figure.value)
    assert curve.low == (None, figure.interval.low)
    assert curve.high == (None, figure.interval.high)
    assert curve.null_low == (None, figure.null.low)
    assert curve.null_high == (None, figure.null.high)


def test_a_curve_that_ends_undefined_is_told_while_it_lasts():
    """If no game has a ratio at the end, earlier points keep theirs."""
    ours = np.stack([OURS[:1], OURS[:1]], axis=-1)
    theirs = np.stack([THEIRS[:1], -THEIRS[:1]], axis=-1)
    curve = estimate_curve(mean_ratio([0]), ours, theirs, resamples(games=1))
    assert curve.values == (3.0, None)
    assert curve.high == (pytest.approx(3.0), None)


def test_the_null_of_clustered_runs_moves_in_clusters():
    """If games share runs, the null draws them together and is wider than game by game."""
    generator = np.random.Generator(np.random.Philox(key=5))
    shared = np.tile(generator.standard_normal((1, 6)), (12, 1))

    def null(clusters) -> float:
        drawn = draw_sides(clusters, clusters, 6, Draws(400, 400), np.random.Generator(np.random.Philox(key=1)))
        figure = estimate(mean_win_probability, shared, shared, drawn)
        assert figure.null
        return figure.null.high - figure.null.low

    assert null([0] * 12) > 2 * null(range(12))


def test_draws_of_some_games_are_those_of_all():
    """A selection of games keeps their draws, and its degrees of freedom are those of the selected games."""
    drawn = draw_sides([0, 0, 1], range(3), 3, Draws(10, 10), np.random.Generator(np.random.Philox(key=0)))
    some = drawn.of_games([0, 1])
    assert np.array_equal(some.ours, drawn.ours[:2])
    assert np.array_equal(some.exchanges.ours, drawn.exchanges.ours[:2])
    assert (drawn.degrees, some.degrees) == ((4, 6), (2, 4))


def test_a_pair_of_runs_is_drawn_together():
    """The two arms of one learner draw the same seeds, and all games of a fold share them."""
    drawn = draw_pairs([0, 0, 1], 4, Draws(10, 10), np.random.Generator(np.random.Philox(key=0)))
    assert np.array_equal(drawn.ours, drawn.theirs)
    assert np.array_equal(drawn.ours[0], drawn.ours[1])
    assert not np.array_equal(drawn.ours[0], drawn.ours[2])
    assert drawn.degrees == (6,)


def test_luck_that_both_arms_share_cancels():
    """If a seed earns the same in both arms, the interval is that of their difference, not of the seeds."""
    generator = np.random.Generator(np.random.Philox(key=4))
    luck = np.exp(generator.standard_normal((1, 4)))
    fresh = luck * np.exp(0.1 * generator.standard_normal((8, 4)))
    transfer = luck * np.exp(0.1 * generator.standard_normal((8, 4)))
    folds = [0, 0, 1, 1, 2, 2, 3, 3]
    widths = []
    for drawn in (
        draw_pairs(folds, 4, Draws(400, 400), np.random.Generator(np.random.Philox(key=0))),
        draw_sides(folds, range(8), 4, Draws(400, 400), np.random.Generator(np.random.Philox(key=0))),
    ):
        figure = estimate(contrast_iqm, transfer, fresh, drawn)
        assert figure.interval
        widths.append(figure.interval.high - figure.interval.low)
    assert widths[0] < widths[1] / 3


def test_p_values_of_single_games_are_exact():
    """With 4 seeds per side there are 70 exchanges: if all of ours earn more, p is 2 / 70 whatever the seed."""
    ours, theirs = np.array([[5.0, 6.0, 7.0, 8.0]] * 3), np.array([[1.0, 2.0, 3.0, 4.0]] * 3)
    for seed in (0, 1):
        drawn = draw_single_games(3, 4, Draws(100, 100), np.random.Generator(np.random.Philox(key=seed)))
        found = [figure.null for figure in estimate_each(contrasts, ours, theirs, drawn)]
        assert [null and null.p_value for null in found] == pytest.approx([2 / 70] * 3)


def test_of_no_games_nothing_is_said():
    """If no game counts, figures and curves are undefined at every point."""
    drawn = resamples().of_games([])
    nothing = np.empty((0, 2, 5))
    for statistic in (contrast_iqm, contrast_mean, mean_win_probability, mean_ratio([])):
        assert estimate(statistic, nothing[..., 0], nothing[..., 0], drawn) == UNDEFINED
    assert estimate_curve(contrast_iqm, nothing, nothing, drawn).values == (None,) * 5
