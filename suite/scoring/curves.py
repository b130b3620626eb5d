"""Curves of reward over the frames of a game, computed from episodes; pure functions of arrays."""

from __future__ import annotations

import numpy as np

from suite.scoring.arrays import Ints

GRID_POINTS = 100


def frame_grid(budget_frames: int) -> Ints:
    """The points in time of every curve: int64 (100,), evenly spaced; the last point is the whole budget."""
    return np.arange(1, GRID_POINTS + 1, dtype=np.int64) * budget_frames // GRID_POINTS


def frames_of_game(at_steps: Ints, starts: Ints, length_steps: Ints, frame_skip: int) -> Ints:
    """The frames that a game had received, over all lanes, at points in a run's time.

    This is the game's own clock: each vector step adds one frame skip for each lane that plays the game at that
    step.

    Args:
        at_steps: int (N,), vector steps of the run that have been played.
        starts: int (E,), when each episode of the game began, in vector steps.
        length_steps: int (E,), their lengths.
        frame_skip: emulator frames per agent step.

    Returns:
        int64 (N,).
    """
    begun, ended = np.sort(starts), np.sort(starts + length_steps)
    corners = np.union1d(begun, ended)
    # Steps played by corner k: the sum of k - start over episodes that have begun, minus k - end over those
    # that have ended.
    sums = [np.concatenate([[0], np.cumsum(times)]) for times in (begun, ended)]
    counts = [np.searchsorted(times, corners, "right") for times in (begun, ended)]
    played = (counts[0] - counts[1]) * corners - sums[0][counts[0]] + sums[1][counts[1]]
    frames: Ints = np.rint(np.interp(at_steps, corners, played)).astype(np.int64) * frame_skip
    return frames


def cumulative_rewards(at_frames: Ints, rewards: Ints, grid_frames: Ints) -> Ints:
    """C[t]: the sum of the raw rewards earned by each point of the grid.

    Args:
        at_frames: int (R,), when each reward was earned.
        rewards: int (R,), in game points.
        grid_frames: int (T,), ascending.

    Returns:
        int64 (T,).
    """
    sums = np.zeros(len(grid_frames) + 1, np.int64)
    np.add.at(sums, np.searchsorted(grid_frames, at_frames), rewards)
    curve: Ints = np.cumsum(sums[:-1])
    return curve
