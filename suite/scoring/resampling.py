"""The uncertainty of a score, as pure functions: resampled seeds in, intervals and nulls out.

Every resample is an array of weights over the seeds of a game that sum to 1; a resampled mean is a weighted
mean. G games, S seeds, R resamples; randomness is a required generator. ``make calibration`` measures how
reliable the methods are (docs/scores.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv, ndtr, stdtrit

from suite.scoring.arrays import Bools, Floats


class Draws(NamedTuple):
    """The numbers of draws for a comparison.

    Attributes:
        resamples: for each interval and each null.
        exchanges: for each p-value; where there are no more than these, all are counted, each once.
    """

    resamples: int
    exchanges: int


DRAWS = Draws(resamples=2000, exchanges=2**16)
"""Of published figures; 2^16 are all swaps of ``lite``, and more than those of ``full``, 2^15."""
CONFIDENCE = 0.95
_PART = 2**12
POWER = 0.8
"""The power at which the minimum detectable effect is stated."""


class Weights(NamedTuple):
    """The weight of each seed of two sides in each resample.

    Attributes:
        ours, theirs: float (G, R, S).
    """

    ours: Floats
    theirs: Floats

    def of_games(self, places: list[int]) -> Weights:
        """The weights of some of the games."""
        return Weights(self.ours[places], self.theirs[places])


def bootstrap_weights(
    clusters: Sequence[int], seeds: int, resamples: int, generator: np.random.Generator
) -> Floats:
    """Resampled seeds; games of one cluster number share their draw, so the unit is (cluster, seed).

    Seeds are drawn with replacement, and the distance of each draw from the plain mean is stretched by sqrt(S /
    (S - 1)). Otherwise the mean of S draws would vary too little by exactly that factor, which matters for few
    seeds (Rao & Wu 1988, rescaled bootstrap of small strata). Weights may therefore be negative: down to -0.21
    for 2 seeds, -0.07 for 3, -0.02 for 5.

    Args:
        clusters: (G,), such as the fold of each game; if all are different, every game has its own draw.
        seeds: S, at least 2.
        resamples: R.
        generator: of the draws.

    Returns:
        float (G, R, S).
    """
    drawn, of_game = np.unique(np.asarray(clusters), return_inverse=True)
    counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), (len(drawn), resamples))
    stretch = np.sqrt(seeds / (seeds - 1))
    weights: Floats = 1 / seeds + stretch * (counts / seeds - 1 / seeds)
    return weights[of_game]


def equal_weights(values: Floats) -> Floats:
    """Equal weights for all seeds: float (G, 1, S), for float (G, S)."""
    return np.full((values.shape[0], 1, values.shape[1]), 1 / values.shape[1])


def null_weights(
    clusters: Sequence[int], seeds: int, resamples: int, generator: np.random.Generator
) -> Weights:
    """Two sides drawn from the same runs: disjoint halves of their seeds; the games of a cluster share draws.

    A comparison has S seeds per side, but a half has only S // 2. The distance of each half from the mean of
    all is therefore shrunk by sqrt((S // 2) / S), so that the difference of the sides varies as that of two
    times S seeds does.

    Args:
        clusters: (G,), of the runs that are drawn from; if all are different, every run is drawn alone.
        seeds: S, at least 2.
        resamples: R.
        generator: of the draws.

    Returns:
        of both sides.
    """
    drawn, of_game = np.unique(np.asarray(clusters), return_inverse=True)
    half = seeds // 2
    runs = np.broadcast_to(np.arange(seeds), (len(drawn), resamples, seeds))
    order = generator.permuted(runs, axis=-1)[of_game]
    shrink = np.sqrt(half / seeds)
    halves = (order < half, (order >= half) & (order < 2 * half))
    return Weights(*(1 / seeds + shrink * (chosen / half - 1 / seeds) for chosen in halves))


class Exchanges(NamedTuple):
    """Arms whose runs are exchanged at random.

    Attributes:
        ours: which runs come to our side, of the S seeds of ours and then the S of theirs: bool (G, R, 2 S).
        complete: whether these are all exchanges, each once, so that a p-value is exact.
    """

    ours: Bools
    complete: bool

    def of_games(self, places: list[int]) -> Exchanges:
        """The exchanges of some of the games."""
        return Exchanges(self.ours[places], self.complete)

    def parts(self) -> Iterator[Weights]:
        """The weights of both sides over the 2 S runs, float (G, R', 2 S), for some exchanges after others.

        All at once would take a gigabyte in ``full``.
        """
        seeds = self.ours.shape[-1] // 2
        for start in range(0, self.ours.shape[1], _PART):
            one: Floats = self.ours[:, start : start + _PART] / seeds
            yield Weights(one, 1 / seeds - one)


def splits(seeds: int) -> Bools:
    """All ways to select S of 2 S runs as ours: bool (C(2 S, S), 2 S); the first one leaves the runs unchanged.

    This is for runs that share nothing with a run of the other side.
    """
    chosen = list(combinations(range(2 * seeds), seeds))
    ours = np.zeros((len(chosen), 2 * seeds), np.bool_)
    ours[np.arange(len(chosen))[:, None], chosen] = True
    return ours


def swaps(seeds: int) -> Bools:
    """All ways to swap runs of one seed between the sides: bool (2^S, 2 S); the first one swaps none.

    This is for two arms of one learner: runs of one seed share the learner's seed, so only such pairs are
    exchangeable.
    """
    swapped = np.arange(2**seeds)[:, None] >> np.arange(seeds) & 1 == 1
    return np.concatenate([~swapped, swapped], axis=1)


def exchanges(
    clusters: Sequence[int], arrangements: Bools, most: int, generator: np.random.Generator
) -> Exchanges:
    """Exchanged arms: every exchange once if there are at most so many, otherwise so many random ones.

    If pre-training changes nothing, the arms are exchangeable, and the share of exchanges that are as extreme
    as the observed one is a p-value (Fisher 1935; Davison & Hinkley 1997, chapter 4). The games of one cluster
    are exchanged together, seed by seed, since their transfer runs share a checkpoint.

    Args:
        clusters: (G,), such as the fold of each game.
        arrangements: bool (M, 2 S), the exchanges of one cluster: ``splits`` or ``swaps``. With K clusters
            there are M^K exchanges in all.
        most: R.
        generator: of the draws; not used if all exchanges are listed.
    """
    drawn, of_game = np.unique(np.asarray(clusters), return_inverse=True)
    ways = len(arrangements)
    complete = ways ** len(drawn) <= most
    if complete:
        chosen = np.indices((ways,) * len(drawn)).reshape(len(drawn), -1)
    else:
        chosen = generator.integers(ways, size=(len(drawn), most))
    return Exchanges(arrangements[chosen][of_game], complete)


def seed_correlation(rewards: Floats) -> float | None:
    """The mean correlation between runs of one seed in different games, over all pairs of games.

    Each game's rewards are standardised over its seeds; the variance of their sum over G games is then G + G (G
    - 1) times the mean correlation. Games whose runs all earn the same are left out. The estimate is noisy:
    without any correlation it varies by about sqrt(2 / (G (G - 1) (S - 1))), which is 0.11 for 8 games and 4
    seeds.

    Args:
        rewards: float (G, S), of one arm.

    Returns:
        between -1 and 1; None: fewer than two games have runs that differ.
    """
    spread = rewards.std(axis=1, ddof=1)
    varied = spread > 1e-12 * np.maximum(1.0, np.abs(rewards).max(axis=1, initial=0.0))
    games = int(np.count_nonzero(varied))
    if games < 2:
        return None
    centred = rewards[varied] - rewards[varied].mean(axis=1, keepdims=True)
    total = float((centred / spread[varied, None]).sum(axis=0).var(ddof=1))
    return (total - games) / (games * (games - 1))


def degrees_of_freedom(parts: Sequence[tuple[Floats, int]]) -> float:
    """Satterthwaite's (1946) degrees of freedom of a sum of independent parts.

    Args:
        parts: for each part float (R,), the statistic when only that part is resampled, and its own degrees of
            freedom.
    """
    variances = np.array([samples.var() for samples, _ in parts])
    own = np.array([degrees for _, degrees in parts], np.float64)
    spread = float((variances**2 / own).sum())
    return float(variances.sum() ** 2 / spread) if spread else float(own.sum())


def interval(samples: Floats, degrees: float) -> tuple[float, float]:
    """The 95 % percentile interval of a resampled statistic, widened for few seeds.

    The percentiles are those of a normal distribution at Student's t quantiles (Hesterberg 2015): 2.5 and 97.5
    for many degrees of freedom, 1.1 and 98.9 for 8.

    Args:
        samples: float (R,).
        degrees: degrees of freedom.

    Returns:
        lower and upper end.
    """
    tail = ndtr(stdtrit(degrees, (1 - CONFIDENCE) / 2))
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def p_value(observed: float, samples: Floats, complete: bool) -> float:
    """Two-sided p-value of the observed statistic among exchanged arms.

    Of the share of exchanges that are at least as high and the share that are at least as low, it is twice the
    smaller one, and at most 1. The complete set of exchanges includes the observed one; to a drawn set it is
    added as one more (Phipson & Smyth 2010).

    Args:
        observed: the statistic as observed.
        samples: float (R,), of exchanged arms.
        complete: whether these are all exchanges, so that p is exact.
    """
    slack = 1e-9 * max(1.0, abs(observed))  # the same exchange may round differently
    above = np.count_nonzero(samples >= observed - slack)
    below = np.count_nonzero(samples <= observed + slack)
    seen = 0 if complete else 1
    return float(min(1.0, 2 * (seen + min(above, below)) / (seen + len(samples))))


def minimum_detectable_effect(samples: Floats, degrees: float) -> float | None:
    """The approximate size of a true effect that is detected, two-sided at 5 %, in 80 % of all cases.

    It is the bootstrap's standard error times ``detectable_multiple``; None if the resamples do not differ,
    since they then show nothing.

    Args:
        samples: float (R,), bootstrapped.
        degrees: degrees of freedom.
    """
    error = float(samples.std())
    return error * detectable_multiple(round(degrees, 1)) if error > 1e-12 else None


@cache
def detectable_multiple(degrees: float) -> float:
    """The detectable effect in units of the estimated standard error: 2.80 for many degrees of freedom.

    One benchmark states the effect, in units of its own standard error s1. Another benchmark tests the effect
    against its own standard error s2. Both are estimates, independent of each other. The multiple c therefore
    solves E[Phi(c s1 - t s2)] = 0.8, where t is Student's 97.5 % point, and s1^2 and s2^2 are chi-squared over
    their degrees of freedom. The sum of the t quantiles of 97.5 and 80 % (Bloom 1995) treats s1 as s2, and its
    power falls short of 80 %.

    Args:
        degrees: degrees of freedom, at least 1.
    """
    from scipy.optimize import brentq  # commands that only print scores start without it

    shares = (np.arange(60) + 0.5) / 60
    chi_squared = 2 * gammaincinv(degrees / 2, shares)  # its quantiles
    error = np.sqrt(chi_squared / degrees)
    threshold = stdtrit(degrees, (1 + CONFIDENCE) / 2) * error

    def shortfall(multiple: float) -> float:
        return float(ndtr(multiple * error[:, None] - threshold).mean()) - POWER

    return float(brentq(shortfall, 0.0, 1000.0))
