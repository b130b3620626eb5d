"""One rank test of whether runs that are trained again earn what was claimed for them; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb, prod
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from suite.scoring.arrays import Floats

REJECTING_P = 0.01
"""Claims are rejected if p is at most this level: the chance of rejecting an honest lab's claims."""
LEAST_RUNS = 3
MOST_EXACT = 20_000
"""If there are more arrangements than this, as many are drawn."""
_RANKED_APART = 2  # training and evaluation
_TIE = 1e-9


class Stratum(NamedTuple):
    """Runs that differ only in their luck, if claims are honest: first those retrained, then those claimed.

    Attributes:
        retrained: n, how many of the N runs were played again.
        favour: 1 if a higher claim is worth more; -1 for fresh runs, since other runs are compared with them.
        training: float (F, N), figures of training, one row per figure.
        evaluation: float (F', N), figures of the evaluation; no rows if there is none.
    """

    retrained: int
    favour: int
    training: Floats
    evaluation: Floats

    @property
    def runs(self) -> int:
        """The number of runs, N."""
        return int(self.training.shape[1])


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
        float (N,), within (-1/2, 1/2); 0 if there are no figures.
    """
    runs = figures.shape[1]
    ranks = rankdata(figures, axis=1).sum(axis=0) if len(figures) else np.zeros(runs)
    scores: Floats = (rankdata(ranks) - (runs + 1) / 2) / (runs + 1)
    return scores


def rank_test(strata: Sequence[Stratum], generator: np.random.Generator) -> RankTest:
    """Test whether the claimed runs are better than the retrained ones, in a direction that benefits the lab.

    If claims are honest, then in each stratum every choice of n of the N runs as the retrained ones is equally
    likely. Four statistics are sums over strata of how low the chosen runs score: of training and of the
    evaluation, each once with every run counted equally and once with ``favour`` as sign. Each is divided by
    its standard deviation over all arrangements, and the largest is compared (Westfall & Young 1993). The test
    is one-sided: claims that are lower everywhere gain nothing.

    Args:
        strata: independent of each other.
        generator: of the arrangements, if there are more than ``MOST_EXACT``.
    """
    falls = [_falls(stratum) for stratum in strata]
    counts = [len(fall) for fall in falls]
    total = prod(counts)
    exact = total <= MOST_EXACT
    if exact:
        places = np.unravel_index(np.arange(total), counts)
    else:
        drawn = [generator.integers(0, count, MOST_EXACT) for count in counts]
        places = tuple(np.concatenate([[0], own]) for own in drawn)  # the observed arrangement comes first
    deviation = np.sqrt(sum(fall.var(axis=0) for fall in falls))
    scale = np.divide(1.0, deviation, out=np.zeros(_RANKED_APART), where=deviation > _TIE)
    largest = np.full(len(places[0]), -np.inf)
    for signs in _directions(strata):
        summed = sum(sign * fall[own] for sign, fall, own in zip(signs, falls, places, strict=True))
        largest = np.maximum(largest, (summed * scale).max(axis=1))
    return RankTest(float((largest >= largest[0] - _TIE).mean()), len(largest), exact)


def least_p_value(shapes: Sequence[tuple[int, int, int]]) -> float:
    """The p-value of claims that are better in one of the statistics than in any other arrangement.

    Args:
        shapes: of each stratum n, N and favour.
    """
    directions = 2 if any(favour < 0 for _, _, favour in shapes) else 1
    return min(1.0, _RANKED_APART * directions / prod(comb(runs, retrained) for retrained, runs, _ in shapes))


def is_enough(shapes: Sequence[tuple[int, int, int]]) -> bool:
    """True if this many retrained runs could show a false claim at ``REJECTING_P``; arguments as above."""
    return sum(retrained for retrained, _, _ in shapes) >= LEAST_RUNS and least_p_value(shapes) <= REJECTING_P


def _directions(strata: Sequence[Stratum]) -> set[tuple[int, ...]]:
    return {tuple(1 for _ in strata), tuple(stratum.favour for stratum in strata)}


def _falls(stratum: Stratum) -> Floats:
    """The scores of the chosen runs, for every choice; the observed choice comes first: float (C(N, n), 2)."""
    scores = np.stack([run_scores(stratum.training), run_scores(stratum.evaluation)], axis=1)
    chosen = np.array(list(combinations(range(stratum.runs), stratum.retrained)))
    falls: Floats = -scores[chosen].sum(axis=1)
    return falls
