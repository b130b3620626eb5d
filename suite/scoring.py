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
    return np.rint(np.interp(at_steps, corners, played)).astype(np.int64) * frame_skip


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
    return np.cumsum(sums[:-1])


def ratio(transfer: Floats, fresh: Floats) -> tuple[Floats, Bools]:
    """rho = C_T / C_F and where it is defined: where C_F > 0 and C_T >= 0.

    Args:
        transfer, fresh: float (...), the same shape.

    Returns:
        values (0 where undefined) and a mask, both of that shape.
    """
    defined = (fresh > 0) & (transfer >= 0)
    return np.divide(transfer, fresh, out=np.zeros_like(fresh), where=defined), defined


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
        transfer, fresh: float (...), the same shape.
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


def wins(ours: Floats, theirs: Floats) -> Floats:
    """Who has more, for every pair of seeds: 1 where ours has, 0.5 where they are equal, else 0.

    Args:
        ours: float (G, S).
        theirs: float (G, S').

    Returns:
        float (G, S, S').
    """
    return np.heaviside(ours[:, :, None] - theirs[:, None, :], 0.5)


def win_probability(pairs: Floats, our_weights: Floats, their_weights: Floats) -> Floats:
    """The probability that one of our runs beats one of theirs, by game.

    With equal weights it is the Mann-Whitney U divided by the number of pairs, ties counted half (Agarwal et
    al. 2021 call its mean over games the probability of improvement).

    Args:
        pairs: float (G, S, S'), see ``wins``.
        our_weights: float (G, R, S), how much each of our seeds counts.
        their_weights: float (G, R, S').

    Returns:
        float (G, R), kept within [0, 1].
    """
    return np.clip(np.einsum("grs,gst,grt->gr", our_weights, pairs, their_weights, optimize=True), 0.0, 1.0)


def human_normalised_gain(transfer: Floats, fresh: Floats, random: Floats, human: Floats) -> Floats:
    """(R_T - R_F) / (human - random), of mean episode returns.

    Args:
        transfer, fresh: float (G, ...), mean episode returns in game points.
        random, human: float (G,), reference returns.

    Returns:
        float (G, ...).
    """
    span = (human - random).reshape(-1, *[1] * (transfer.ndim - 1))
    gain: Floats = (transfer - fresh) / span
    return gain


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
