"""What runs are worth, as pure functions: arrays in, numbers out.

No I/O, no emulator, no torch. G games, S seeds, T points in time; where a statistic has no meaning, a
boolean array of the same shape says so beside the values (which are 0 there), never a NaN.
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


def frame_grid(budget_frames: int) -> Ints:
    """The points in time of every curve: int64 (100,), evenly spaced, the last one the whole budget."""
    return np.arange(1, GRID_POINTS + 1, dtype=np.int64) * budget_frames // GRID_POINTS


def reward_frames(
    lanes: Ints,
    numbers: Ints,
    length_steps: Ints,
    episode_of_reward: Ints,
    reward_steps: Ints,
    frames_a_step: int,
) -> Ints:
    """When, in frames of the whole run, each reward came.

    All lanes are stepped together, so a reward in a lane's n-th step (from 1) came when the run had spent
    n vector steps.

    Args:
        lanes: int (E,), the lane of each training episode.
        numbers: int (E,), its number in the lane.
        length_steps: int (E,), its length.
        episode_of_reward: int (R,), the index, in 0 .. E - 1, of the episode of each reward.
        reward_steps: int (R,), the step, from 0, of each reward in its episode.
        frames_a_step: emulator frames a vector step: frame skip times number of lanes.

    Returns:
        int64 (R,).
    """
    order = np.lexsort((numbers, lanes))
    ends = np.cumsum(length_steps[order])
    starts = ends - length_steps[order]
    # The same cumulated sum runs over all lanes: take away what lay before the lane's first episode.
    first_of_lane = np.searchsorted(lanes[order], lanes[order])
    in_lane = np.empty(len(lanes), np.int64)
    in_lane[order] = starts - starts[first_of_lane]
    return (in_lane[episode_of_reward] + reward_steps + 1) * frames_a_step


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


def interquartile_mean(values: Floats) -> float:
    """The mean of what is left of float (G,) when the lowest and the highest quarter are cut off."""
    return float(trim_mean(values, 0.25))
