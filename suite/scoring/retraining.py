"""One rank test of whether runs that were played again earn what was claimed of them; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb, prod
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from suite.scoring.arrays import Floats

LEVEL = 0.01
"""Claims are rejected where p is no larger: the chance to reject an honest lab's."""
LEAST_RUNS = 3
MOST_EXACT = 20_000
"""With more arrangements than these, as many are drawn."""
PHASES = 2
_TIE = 1e-9


class Stratum(NamedTuple):
    """Runs that differ in their luck alone, if claims are honest: those played again first, then the claimed.

    Attributes:
        retrained: n, how many of the N runs were played again.
        favour: 1 where a claim is worth more the higher it is; -1 for fresh runs, since others are set
            against them.
        training: float (F, N), figures of training, a row a figure.
        evaluation: float (F', N), figures of the evaluation; no row where there is none.
    """

    retrained: int
    favour: int
    training: Floats
    evaluation: Floats

    @property
    def runs(self) -> int:
        """N."""
        return int(self.training.shape[1])


class RankTest(NamedTuple):
    """What the test says.

    Attributes:
        p_value: the share of arrangements that favour the claims as much as the one that was seen.
        arrangements: how many were looked at.
        exact: whether these are all that there are.
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
        float (N,), within (-1/2, 1/2); 0 where there is no figure.
    """
    runs = figures.shape[1]
    ranks = rankdata(figures, axis=1).sum(axis=0) if len(figures) else np.zeros(runs)
    scores: Floats = (rankdata(ranks) - (runs + 1) / 2) / (runs + 1)
    return scores


def rank_test(strata: Sequence[Stratum], generator: np.random.Generator) -> RankTest:
    """Are the claimed runs better than those played again, in a way that somebody gains by?

    In each stratum every choice of n of the N runs as those played again is equally likely, if claims are
    honest. Four statistics are sums over strata of how low the chosen runs score: of training and of the
    evaluation, each once with every run counted alike and once with ``favour`` as sign. Each is divided by its
    standard deviation over all arrangements, and the largest is compared (Westfall & Young 1993). The test is
    one-sided: claims that are lower everywhere gain nothing.

    Args:
        strata: independent of each other.
        generator: of the arrangements, where there are more than ``MOST_EXACT``.
    """
    falls = [_falls(stratum) for stratum in strata]
    counts = [len(fall) for fall in falls]
    total = prod(counts)
    exact = total <= MOST_EXACT
    if exact:
        places = np.unravel_index(np.arange(total), counts)
    else:
        drawn = [generator.integers(0, count, MOST_EXACT) for count in counts]
        places = tuple(np.concatenate([[0], own]) for own in drawn)  # what was seen comes first
    deviation = np.sqrt(sum(fall.var(axis=0) for fall in falls))
    scale = np.divide(1.0, deviation, out=np.zeros(PHASES), where=deviation > _TIE)
    largest = np.full(len(places[0]), -np.inf)
    for signs in _directions(strata):
        summed = sum(sign * fall[own] for sign, fall, own in zip(signs, falls, places, strict=True))
        largest = np.maximum(largest, (summed * scale).max(axis=1))
    return RankTest(float((largest >= largest[0] - _TIE).mean()), len(largest), exact)


def least_p_value(shapes: Sequence[tuple[int, int, int]]) -> float:
    """The p-value of claims that are better in one of the statistics than any other arrangement would be.

    Args:
        shapes: of each stratum n, N and favour.
    """
    directions = 2 if any(favour < 0 for _, _, favour in shapes) else 1
    return min(1.0, PHASES * directions / prod(comb(runs, retrained) for retrained, runs, _ in shapes))


def is_enough(shapes: Sequence[tuple[int, int, int]]) -> bool:
    """Whether so many runs played again could show a false claim at ``LEVEL``; arguments as above."""
    return sum(retrained for retrained, _, _ in shapes) >= LEAST_RUNS and least_p_value(shapes) <= LEVEL


def _directions(strata: Sequence[Stratum]) -> set[tuple[int, ...]]:
    return {tuple(1 for _ in strata), tuple(stratum.favour for stratum in strata)}


def _falls(stratum: Stratum) -> Floats:
    """How low the chosen runs score, for every choice, the one that was seen first: float (C(N, n), 2)."""
    scores = np.stack([run_scores(stratum.training), run_scores(stratum.evaluation)], axis=1)
    chosen = np.array(list(combinations(range(stratum.runs), stratum.retrained)))
    falls: Floats = -scores[chosen].sum(axis=1)
    return falls
