"""The measures of rewards, as pure functions: arrays in, numbers out.

G games, S seeds, R resamples, T points in time; games are always the first axis. A measure that may be
undefined is ``Sampled``: values, and where they are defined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suite.scoring.arrays import Floats, Sampled
from suite.scoring.curves import GRID_POINTS

WINDOW_POINTS = GRID_POINTS // 10
"""Jumpstart and asymptote each cover a tenth of the grid."""


def ratio(transfer: Floats, fresh: Floats) -> Sampled:
    """rho = C_T / C_F, and where it is defined: where C_F > 0 and C_T >= 0.

    Args:
        transfer, fresh: float (...), of compatible shapes.

    Returns:
        of the common shape.
    """
    defined = (fresh > 0) & (transfer >= 0)
    return Sampled(np.divide(transfer, fresh, out=np.zeros(defined.shape), where=defined), defined)


def mean_over_folds(figures: Sampled, fold_of_game: Sequence[int]) -> Sampled:
    """The mean over a fold's games, then over folds; skips undefined games, and folds that have no other games.

    Args:
        figures: (G, ...).
        fold_of_game: the fold of each game, (G,).

    Returns:
        (...), defined where at least one game is.
    """
    folds = np.asarray(fold_of_game)
    means = [
        _mean_over_games(Sampled(figures.values[folds == fold], figures.defined[folds == fold]))
        for fold in np.unique(folds)
    ]
    return _mean_over_games(
        Sampled(np.stack([mean.values for mean in means]), np.stack([mean.defined for mean in means]))
    )


def _mean_over_games(figures: Sampled) -> Sampled:
    count = figures.defined.sum(axis=0)
    total = np.where(figures.defined, figures.values, 0.0).sum(axis=0)
    return Sampled(np.divide(total, count, out=np.zeros_like(total), where=count > 0), count > 0)


def contrast(transfer: Floats, fresh: Floats) -> Floats:
    """kappa = (C_T - C_F) / (|C_T| + |C_F|), in [-1, 1]; 0 where both are 0.

    Args:
        transfer, fresh: float (...), of compatible shapes.
    """
    size = np.abs(transfer) + np.abs(fresh)
    kappa: Floats = np.divide(transfer - fresh, size, out=np.zeros_like(size), where=size > 0)
    return kappa


def interquartile_mean(values: Floats) -> Floats:
    """The mean over games of float (G, ...) without the lowest and the highest quarter.

    Each cut is rounded down to whole games, as by scipy's ``trim_mean``. Returns float (...).
    """
    cut = len(values) // 4
    middle = np.partition(values, (cut, len(values) - cut - 1), axis=0)[cut : len(values) - cut]
    means: Floats = np.mean(middle, axis=0, dtype=np.float64)
    return means


def weighted_means(values: Floats, weights: Floats) -> Floats:
    """Means over resampled seeds: float (G, S) and weights (G, R, S) of ``resampling`` give (G, R).

    Weights may be negative (``bootstrap_weights``). Where all values of a game have one sign, a mean that would
    have the other one is 0: two arms of which both had the wrong sign would turn the sign of their contrast.
    """
    least = np.where((values >= 0).all(axis=1, keepdims=True), 0.0, -np.inf)
    most = np.where((values <= 0).all(axis=1, keepdims=True), 0.0, np.inf)
    means: Floats = np.clip(np.einsum("grs,gs->gr", weights, values), least, most)
    return means


def win_probability(ours: Floats, theirs: Floats, our_weights: Floats, their_weights: Floats) -> Floats:
    """The probability that one of our runs beats one of theirs, by game; a tie counts half.

    With equal weights it is the Mann-Whitney U divided by the number of pairs of seeds. Its mean over games is
    the probability of improvement of Agarwal et al. 2021.

    Args:
        ours: float (G, S), a figure of each of our runs.
        theirs: float (G, S').
        our_weights: float (G, R, S), the weight of each of our seeds.
        their_weights: float (G, R, S').

    Returns:
        float (G, R), limited to [0, 1].
    """
    pairs = np.heaviside(ours[:, :, None] - theirs[:, None, :], 0.5)
    beaten = np.einsum("grs,gst->grt", our_weights, pairs)
    won: Floats = np.clip((beaten * their_weights).sum(axis=-1), 0.0, 1.0)
    return won


def human_normalised(returns: Floats, random: Floats, human: Floats) -> Floats:
    """Returns in units of human minus random; a difference of two such values is the human-normalised gain.

    Args:
        returns: float (G, S), mean episode returns in game points.
        random, human: float (G,), reference returns.
    """
    units: Floats = returns / (human - random)[:, None]
    return units


def jumpstart(curves: Floats, budget_steps: int) -> Floats:
    """Mean reward over the first tenth of the frames, in game points per 1,000 agent steps.

    Args:
        curves: float (..., 100), cumulative rewards on the grid.
        budget_steps: agent steps of the whole grid.

    Returns:
        float (...).
    """
    rate: Floats = curves[..., WINDOW_POINTS - 1] * (1000 * GRID_POINTS / WINDOW_POINTS / budget_steps)
    return rate


def asymptote(curves: Floats, budget_steps: int) -> Floats:
    """Mean reward over the last tenth of the frames; arguments and units as in ``jumpstart``."""
    last = curves[..., -1] - curves[..., -1 - WINDOW_POINTS]
    rate: Floats = last * (1000 * GRID_POINTS / WINDOW_POINTS / budget_steps)
    return rate
