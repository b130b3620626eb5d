"""The published statistics, of two sides whose seeds are weighted; pure functions.

Each takes ``Sides`` and returns ``Sampled``: (R,) over all games, or (G, R) by game.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from suite.scoring.arrays import Floats, Sampled
from suite.scoring.measures import (
    contrast,
    interquartile_mean,
    mean_over_folds,
    ratio,
    weighted_means,
    win_probability,
)


class Sides(NamedTuple):
    """Two arms or learners, in the same games.

    Attributes:
        ours: float (G, S), a figure of each of our runs.
        theirs: float (G, S').
        our_weights: float (G, R, S), the weight of each of our seeds in each resample.
        their_weights: float (G, R, S').
    """

    ours: Floats
    theirs: Floats
    our_weights: Floats
    their_weights: Floats

    def means(self) -> tuple[Floats, Floats]:
        """The weighted means of both sides, float (G, R) each."""
        return weighted_means(self.ours, self.our_weights), weighted_means(self.theirs, self.their_weights)


Statistic = Callable[[Sides], Sampled]


def contrasts(sides: Sides) -> Sampled:
    """The contrast of each game, (G, R)."""
    return Sampled.everywhere(contrast(*sides.means()))


def ratios(sides: Sides) -> Sampled:
    """The ratio of each game, (G, R)."""
    return ratio(*sides.means())


def contrast_iqm(sides: Sides) -> Sampled:
    """The interquartile mean of the games' contrasts, (R,)."""
    return Sampled.everywhere(interquartile_mean(contrast(*sides.means())))


def contrast_mean(sides: Sides) -> Sampled:
    """The mean of the games' contrasts, (R,)."""
    return Sampled.everywhere(contrast(*sides.means()).mean(axis=0))


def mean_ratio(folds: Sequence[int]) -> Statistic:
    """r: the mean of the ratios of a fold, then over folds, for games of these folds; (R,)."""
    return lambda sides: mean_over_folds(ratios(sides), folds)


def win_probabilities(sides: Sides) -> Sampled:
    """The probability that one of our runs beats one of theirs, by game, (G, R)."""
    return Sampled.everywhere(win_probability(*sides))


def mean_win_probability(sides: Sides) -> Sampled:
    """The probability that one of our runs beats one of theirs, mean over games, (R,)."""
    return Sampled.everywhere(win_probability(*sides).mean(axis=0))


def difference_iqm(sides: Sides) -> Sampled:
    """The interquartile mean over games of our means minus theirs, (R,)."""
    ours, theirs = sides.means()
    return Sampled.everywhere(interquartile_mean(ours - theirs))
