"""One rank test of whether runs that are trained again earn what was claimed for them; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb, prod
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import rankdata

from suite.scoring.arrays import Floats

REJECTING_P = 0.01
"""Claims are rejected if p is at most this level: the chance of rejecting an honest lab's claims."""
LEAST_RUNS = 3
MOST_EXACT = 20_000
"""If there are more arrangements than this, as many are drawn."""
_TIE = 1e-9

Kind = Literal["fresh", "fold", "generalist"]
"""The runs of a stratum: fresh runs of a game, the pretrain and transfer runs of a fold, or generalists."""
KINDS: tuple[Kind, ...] = ("fresh", "fold", "generalist")
FIGURES = ("reward", "mean", "best", "pretraining")
"""The figures that are scored of runs, and ranked apart: the reward of the whole budget in training; the mean
and the best return of the evaluation; the reward of a pre-training."""


class Stratum(NamedTuple):
    """Runs that differ only in their luck, if claims are honest: first those retrained, then those claimed.

    Attributes:
        retrained: n, how many of the N runs were played again.
        kind: of its runs.
        figures: by name, out of FIGURES: float (F, N), a row per game.
    """

    retrained: int
    kind: Kind
    figures: Mapping[str, Floats]

    @property
    def runs(self) -> int:
        """The number of runs, N."""
        return int(next(iter(self.figures.values())).shape[1])


class Shape(NamedTuple):
    """As much of a stratum as is known before its runs are played again.

    Attributes:
        retrained: n.
        runs: N.
        kind: of its runs.
        names: of its figures.
    """

    retrained: int
    runs: int
    kind: Kind
    names: frozenset[str]


class Direction(NamedTuple):
    """A way in which claims may be too good: one figure, and a sign for each stratum.

    Attributes:
        name: of the figure.
        signs: 1 where a higher claim is worth more, -1 where a lower one is, 0 where it does not count.
    """

    name: str
    signs: tuple[int, ...]


class RankTest(NamedTuple):
    """The result of the test.

    Attributes:
        p_value: the share of arrangements that favour the claims at least as much as the observed one.
        arrangements: how many were examined.
        exact: whether these are all arrangements.
    """

    p_value: float
    arrangements: int
    exact: bool


def run_scores(figures: Floats) -> Floats:
    """The rank of each run by the sum of its ranks in every figure, centred, divided by N + 1.

    The sum of ranks over many figures is O'Brien's (Biometrics 40, 1984); N + 1 is van Elteren's weight of a
    stratum (1960). Ties share their mean rank.

    Args:
        figures: float (F, N).

    Returns:
        float (N,), within (-1/2, 1/2).
    """
    runs = figures.shape[1]
    ranks = rankdata(figures, axis=1).sum(axis=0)
    scores: Floats = (rankdata(ranks) - (runs + 1) / 2) / (runs + 1)
    return scores


def directions(shapes: Sequence[Shape]) -> list[Direction]:
    """The ways in which claims of these strata may be too good, each once.

    Each figure counts alone. For each one, all runs may be claimed too high; or all but the fresh ones, and
    these too low, since transfer is measured against them; or the runs of one kind alone.
    """
    found: dict[Direction, None] = {}
    for name in FIGURES:
        has = [name in shape.names for shape in shapes]
        worth = [-1 if shape.kind == "fresh" else 1 for shape in shapes]
        ways = [[1] * len(shapes), worth]
        ways += [
            [sign * (shape.kind == kind) for sign, shape in zip(worth, shapes, strict=True)] for kind in KINDS
        ]
        for signs in ways:
            own = Direction(name, tuple(sign * one for sign, one in zip(signs, has, strict=True)))
            if any(own.signs):
                found[own] = None
    return list(found)


def rank_test(strata: Sequence[Stratum], generator: np.random.Generator) -> RankTest:
    """Test whether the claimed runs are better than the retrained ones, in a direction that benefits the lab.

    If claims are honest, then in each stratum every choice of n of the N runs as the retrained ones is equally
    likely. The statistic of a direction is the sum over strata of how low the chosen runs score in its figure.
    Each is divided by its standard deviation over all arrangements, and the largest is compared (Westfall &
    Young 1993). The test is one-sided: claims that are lower everywhere gain nothing.

    Args:
        strata: independent of each other.
        generator: of the arrangements, if there are more than ``MOST_EXACT``.
    """
    falls = [_falls(stratum) for stratum in strata]
    counts = [len(next(iter(fall.values()))) for fall in falls]
    total = prod(counts)
    exact = total <= MOST_EXACT
    if exact:
        places = np.unravel_index(np.arange(total), counts)
    else:
        drawn = [generator.integers(0, count, MOST_EXACT) for count in counts]
        places = tuple(np.concatenate([[0], own]) for own in drawn)  # the observed arrangement comes first
    largest = np.full(len(places[0]), -np.inf)
    for direction in directions([_shape(stratum) for stratum in strata]):
        own = [
            (sign * fall[direction.name], place)
            for sign, fall, place in zip(direction.signs, falls, places, strict=True)
            if sign
        ]
        deviation = float(np.sqrt(sum(fall.var() for fall, _ in own)))
        if deviation > _TIE:
            largest = np.maximum(largest, sum(fall[place] for fall, place in own) / deviation)
    return RankTest(float((largest >= largest[0] - _TIE).mean()), len(largest), exact)


def least_p_value(shapes: Sequence[Shape]) -> float:
    """The smallest p-value that claims can have, if no runs tie: of those that are best in one direction alone.

    As extreme is, at most, one arrangement of each direction that can reach as much, since it has as many runs.
    """
    arrangements = prod(comb(shape.runs, shape.retrained) for shape in shapes)
    reached = [_most(direction, shapes) for direction in directions(shapes)]
    return min(1.0, sum(most >= max(reached) - _TIE for most in reached) / arrangements)


def _most(direction: Direction, shapes: Sequence[Shape]) -> float:
    """The largest statistic of a direction: n of N ranks sum to n (N - n) / 2 less than the middle at most.

    The variance of such a sum is n (N - n) (N + 1) / 12; both are divided by N + 1, as ``run_scores`` are.
    """
    counts = [(one.retrained, one.runs) for one, sign in zip(shapes, direction.signs, strict=True) if sign]
    largest = sum(n * (runs - n) / 2 / (runs + 1) for n, runs in counts)
    return largest / float(np.sqrt(sum(n * (runs - n) / 12 / (runs + 1) for n, runs in counts)))


def is_enough(shapes: Sequence[Shape]) -> bool:
    """True if this many retrained runs could show a false claim at ``REJECTING_P``."""
    return sum(shape.retrained for shape in shapes) >= LEAST_RUNS and least_p_value(shapes) <= REJECTING_P


def _shape(stratum: Stratum) -> Shape:
    return Shape(stratum.retrained, stratum.runs, stratum.kind, frozenset(stratum.figures))


def _falls(stratum: Stratum) -> dict[str, Floats]:
    """By figure, how low the chosen runs score, for every choice, the observed one first: float (C(N, n),)."""
    chosen = np.array(list(combinations(range(stratum.runs), stratum.retrained)))
    return {name: -run_scores(own)[chosen].sum(axis=1) for name, own in stratum.figures.items()}
