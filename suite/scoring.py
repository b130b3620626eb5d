"""What runs are worth, as pure functions: arrays in, numbers out.

No I/O, no emulator, no torch. G games, S seeds, R resamples, T points in time; games always stand first.
Where a statistic has no meaning, a boolean array of the same shape says so beside the values (which are 0
there), never a NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import trim_mean

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

GRID_POINTS = 100
WINDOW_POINTS = GRID_POINTS // 10
"""Jumpstart and asymptote are taken over a tenth of the grid."""


def frame_grid(budget_frames: int) -> Ints:
    """The points in time of every curve: int64 (100,), evenly spaced, the last one the whole budget."""
    return np.arange(1, GRID_POINTS + 1, dtype=np.int64) * budget_frames // GRID_POINTS


def start_steps(lanes: Ints, numbers: Ints, length_steps: Ints) -> Ints:
    """When, in vector steps of the run, each training episode began; all lanes are stepped together.

    Args:
        lanes: int (E,), the lane of each training episode of a run.
        numbers: int (E,), its number in the lane.
        length_steps: int (E,), its length.

    Returns:
        int64 (E,).
    """
    order = np.lexsort((numbers, lanes))
    starts = np.cumsum(length_steps[order]) - length_steps[order]
    # The same cumulated sum runs over all lanes: take away what lay before the lane's first episode.
    first_of_lane = np.searchsorted(lanes[order], lanes[order])
    in_lane = np.empty(len(lanes), np.int64)
    in_lane[order] = starts - starts[first_of_lane]
    return in_lane


def frames_of_game(at_steps: Ints, starts: Ints, length_steps: Ints, frame_skip: int) -> Ints:
    """How many frames a game had been given, over all lanes, at points in a run's time.

    A game's own clock: each vector step counts a frame skip for each lane that plays the game then.

    Args:
        at_steps: int (N,), vector steps of the run that have been played.
        starts: int (E,), when each episode of the game began, in vector steps.
        length_steps: int (E,), their lengths.
        frame_skip: emulator frames an agent step.

    Returns:
        int64 (N,).
    """
    begun, ended = np.sort(starts), np.sort(starts + length_steps)
    corners = np.union1d(begun, ended)
    # Steps played by corner k: of each episode begun by then k - start, less k - end of each one ended.
    sums = [np.concatenate([[0], np.cumsum(times)]) for times in (begun, ended)]
    counts = [np.searchsorted(times, corners, "right") for times in (begun, ended)]
    played = (counts[0] - counts[1]) * corners - sums[0][counts[0]] + sums[1][counts[1]]
    frames: Ints = np.rint(np.interp(at_steps, corners, played)).astype(np.int64) * frame_skip
    return frames


def cumulative_rewards(at_frames: Ints, rewards: Ints, grid_frames: Ints) -> Ints:
    """C[t]: the sum of the raw rewards that came by each point of the grid.

    Args:
        at_frames: int (R,), when each reward came.
        rewards: int (R,), in game points.
        grid_frames: int (T,), ascending.

    Returns:
        int64 (T,).
    """
    sums = np.zeros(len(grid_frames) + 1, np.int64)
    np.add.at(sums, np.searchsorted(grid_frames, at_frames), rewards)
    curve: Ints = np.cumsum(sums[:-1])
    return curve


def ratio(transfer: Floats, fresh: Floats) -> tuple[Floats, Bools]:
    """rho = C_T / C_F and where it is defined: where C_F > 0 and C_T >= 0.

    Args:
        transfer, fresh: float (...), of shapes that fit.

    Returns:
        values (0 where undefined) and a mask, both of the common shape.
    """
    defined = (fresh > 0) & (transfer >= 0)
    return np.divide(transfer, fresh, out=np.zeros(defined.shape), where=defined), defined


def mean_over_folds(values: Floats, defined: Bools, fold_of_game: Sequence[int]) -> tuple[Floats, Bools]:
    """The mean over a fold's games, then over folds; undefined games, and folds without any other, left out.

    Args:
        values: float (G, ...).
        defined: bool (G, ...).
        fold_of_game: the fold of each game, (G,).

    Returns:
        values (0 where no game is defined) and a mask, both (...).
    """
    folds = np.asarray(fold_of_game)
    means, counted = [], []
    for fold in np.unique(folds):
        mean, any_defined = _masked_mean(values[folds == fold], defined[folds == fold])
        means.append(mean)
        counted.append(any_defined)
    return _masked_mean(np.stack(means), np.stack(counted))


def _masked_mean(values: Floats, defined: Bools) -> tuple[Floats, Bools]:
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0), count > 0


def contrast(transfer: Floats, fresh: Floats) -> Floats:
    """kappa = (C_T - C_F) / (|C_T| + |C_F|), in [-1, 1]; 0 where both are 0.

    Args:
        transfer, fresh: float (...), of shapes that fit.
    """
    size = np.abs(transfer) + np.abs(fresh)
    kappa: Floats = np.divide(transfer - fresh, size, out=np.zeros_like(size), where=size > 0)
    return kappa


def interquartile_mean(values: Floats) -> Floats:
    """The mean over games of what is left of float (G, ...) when the lowest and highest quarter are cut off.

    Each cut is rounded down to whole games (scipy's ``trim_mean``). Returns float (...).
    """
    means: Floats = np.asarray(trim_mean(values, 0.25, axis=0), np.float64)
    return means


def weighted_means(values: Floats, weights: Floats) -> Floats:
    """Means over resampled seeds: float (G, S) and weights (G, R, S), see suite.resampling, give (G, R)."""
    means: Floats = np.einsum("grs,gs->gr", weights, values)
    return means


def win_probability(ours: Floats, theirs: Floats, our_weights: Floats, their_weights: Floats) -> Floats:
    """The probability that one of our runs beats one of theirs, by game; a tie counts half.

    With equal weights it is the Mann-Whitney U divided by the number of pairs of seeds; its mean over games is
    the probability of improvement of Agarwal et al. 2021.

    Args:
        ours: float (G, S), a figure of each of our runs.
        theirs: float (G, S').
        our_weights: float (G, R, S), how much each of our seeds counts.
        their_weights: float (G, R, S').

    Returns:
        float (G, R), kept within [0, 1].
    """
    pairs = np.heaviside(ours[:, :, None] - theirs[:, None, :], 0.5)
    beaten = np.einsum("grs,gst->grt", our_weights, pairs)
    won: Floats = np.clip((beaten * their_weights).sum(axis=-1), 0.0, 1.0)
    return won


def human_normalised(returns: Floats, random: Floats, human: Floats) -> Floats:
    """Returns in units of human minus random: a difference of two such values is the human-normalised gain.

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
