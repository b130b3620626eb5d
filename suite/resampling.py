"""How sure a score is, as pure functions: resampled seeds in, intervals and nulls out.

Every resample is an array of weights over the seeds of a game that sum to 1; a resampled mean is a weighted
mean. G games, S seeds, R resamples; randomness is a required generator. What the methods deliver is measured
by ``make calibration`` (docs/scores.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, t

from suite.scoring import Floats

RESAMPLES = 2000
CONFIDENCE = 0.95
POWER = 0.8
"""The minimum detectable effect is found this often."""


def bootstrap_weights(
    clusters: Sequence[int], seeds: int, resamples: int, generator: np.random.Generator
) -> Floats:
    """Resampled seeds; games of one cluster number share their draw, so that (cluster, seed) is what is drawn.

    Seeds are drawn with replacement, and each draw's distance from the plain mean is stretched by
    sqrt(S / (S - 1)): the mean of S draws would else vary too little by just that factor, which matters for
    few seeds (Rao & Wu 1988, rescaled bootstrap of small strata). So weights may be negative: down to -0.21
    for 2 seeds, -0.07 for 3, -0.02 for 5.

    Args:
        clusters: (G,), such as the fold of each game; all different: every game has its own draw.
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


def null_weights(
    clusters: Sequence[int], seeds: int, resamples: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Two sides drawn from the same runs: disjoint halves of their seeds; a cluster's games share the draw.

    A comparison has S seeds a side and a half has only S // 2, so each half's distance from the mean of all is
    shrunk by sqrt((S // 2) / S): the difference of the sides then varies as that of two times S seeds does.

    Args:
        clusters: (G,), of the runs that are drawn from; all different: every run stands alone.
        seeds: S, at least 2.
        resamples: R.
        generator: of the draws.

    Returns:
        the weights of both sides, each float (G, R, S).
    """
    drawn, of_game = np.unique(np.asarray(clusters), return_inverse=True)
    half = seeds // 2
    runs = np.broadcast_to(np.arange(seeds), (len(drawn), resamples, seeds))
    order = generator.permuted(runs, axis=-1)[of_game]
    shrink = np.sqrt(half / seeds)
    one, other = (1 / seeds + shrink * (chosen / half - 1 / seeds) for chosen in (
        order < half, (order >= half) & (order < 2 * half)
    ))  # fmt: skip
    return one, other


def exchanged_weights(
    clusters: Sequence[int], seeds: int, resamples: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Arms exchanged at random: of the 2 S runs of a game, S are called transfer and the others fresh.

    Where pre-training changes nothing, the arms are exchangeable, and the share of exchanges that are as
    extreme as what was seen is a p-value (Fisher 1935; Davison & Hinkley 1997, chapter 4). The games of one
    cluster are exchanged together, seed by seed, since their transfer runs share a checkpoint.

    Args:
        clusters: (G,), such as the fold of each game.
        seeds: S, of each arm.
        resamples: R.
        generator: of the draws.

    Returns:
        the weights of both sides over the S seeds of transfer, then the S of fresh: each float (G, R, 2 S).
    """
    drawn, of_game = np.unique(np.asarray(clusters), return_inverse=True)
    order = generator.permuted(
        np.broadcast_to(np.arange(2 * seeds), (len(drawn), resamples, 2 * seeds)), axis=-1
    )
    one: Floats = (order < seeds)[of_game] / seeds
    return one, 1 / seeds - one


def degrees_of_freedom(parts: Sequence[tuple[Floats, int]]) -> float:
    """Satterthwaite's (1946) degrees of freedom of a sum of independent parts.

    Args:
        parts: for each part float (R,), the statistic with only that part resampled, and its own degrees of
            freedom.
    """
    variances = np.array([samples.var() for samples, _ in parts])
    own = np.array([degrees for _, degrees in parts], np.float64)
    spread = float((variances**2 / own).sum())
    return float(variances.sum() ** 2 / spread) if spread else float(own.sum())


def interval(samples: Floats, degrees: float) -> tuple[float, float]:
    """The 95 % percentile interval of a resampled statistic, widened for few seeds.

    The percentiles are those that a normal distribution has at Student's t quantiles (Hesterberg 2015): 2.5
    and 97.5 for many degrees of freedom, 1.1 and 98.9 for 8.

    Args:
        samples: float (R,).
        degrees: degrees of freedom.

    Returns:
        lower and upper end.
    """
    tail = norm.cdf(t.ppf((1 - CONFIDENCE) / 2, degrees))
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def p_value(observed: float, samples: Floats) -> float:
    """Two-sided p-value of what was seen among exchanged arms.

    Twice the smaller share of draws at least as extreme, what was seen counted as one of them (Phipson & Smyth
    2010), at most 1.

    Args:
        observed: the statistic as seen.
        samples: float (R,), of exchanged arms.
    """
    slack = 1e-9 * max(1.0, abs(observed))  # the same exchange may round otherwise
    above = np.count_nonzero(samples >= observed - slack)
    below = np.count_nonzero(samples <= observed + slack)
    return float(min(1.0, 2 * (1 + min(above, below)) / (1 + len(samples))))


def minimum_detectable_effect(samples: Floats, degrees: float) -> float | None:
    """How large a true effect must about be to be told from 0, two-sided at 5 %, in 80 % of all cases.

    The standard error times the sum of Student's t quantiles of 97.5 and of 80 % (Bloom 1995). None where the
    resamples do not differ, which tells nothing.

    Args:
        samples: float (R,), bootstrapped.
        degrees: degrees of freedom.
    """
    error = float(samples.std())
    multiple = t.ppf((1 + CONFIDENCE) / 2, degrees) + t.ppf(POWER, degrees)
    return error * float(multiple) if error > 1e-12 else None
