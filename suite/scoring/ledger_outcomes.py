"""From one run's ledger to arrays: the reward of the run in each of its games."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from protocol import END_REASONS, Run
from suite.results.columns import Columns, start_steps
from suite.scoring.arrays import Floats, Ints
from suite.scoring.curves import cumulative_rewards, frame_grid, frames_of_game


class GameOutcome(NamedTuple):
    """The rewards of one run in one game.

    Attributes:
        curve: float (100,), cumulative reward at each hundredth of the game's budget.
        whole_episodes: the number of training episodes that the budget did not cut.
        training_return: their mean return, in game points; 0 if there is none.
        evaluation_returns: float (episodes,), of its evaluation; empty if the run has none.
        has_negative_reward: whether any reward, in training or evaluation, was below 0.
    """

    curve: Floats
    whole_episodes: int
    training_return: float
    evaluation_returns: Floats
    has_negative_reward: bool


def game_outcomes(columns: Columns, run: Run) -> dict[str, GameOutcome]:
    """The rewards of the episodes of a run's ledger, by game.

    Args:
        columns: of a ledger in which no error was found (``suite.results.ledger_faults``).
        run: gives the games, their budget and the frame skip.
    """
    episode_of_reward = np.repeat(np.arange(len(columns.lane)), columns.reward_counts)
    training = columns.training
    starts = start_steps(columns.lane, columns.number, columns.length)  # evaluation follows training
    paid_in_training = _by_game(columns, episode_of_reward, np.flatnonzero(training[episode_of_reward]), run)
    came_after = starts[episode_of_reward] + columns.reward_steps + 1
    whole = columns.reason != END_REASONS.index("budget")
    negative = {*columns.game[episode_of_reward[columns.rewards < 0]].tolist()}
    outcomes = {}
    for code, game in enumerate(run.games):
        own, paid = training & (columns.game == code), paid_in_training[code]
        at_frames = frames_of_game(came_after[paid], starts[own], columns.length[own], run.frame_skip)
        curve = cumulative_rewards(at_frames, columns.rewards[paid], frame_grid(run.budget_frames))
        uncut = columns.claimed_return[own & whole]
        evaluated = columns.claimed_return[columns.evaluation & (columns.game == code)]
        outcomes[game] = GameOutcome(
            curve=curve.astype(np.float64),
            whole_episodes=len(uncut),
            training_return=float(uncut.mean()) if len(uncut) else 0.0,
            evaluation_returns=evaluated.astype(np.float64),
            has_negative_reward=code in negative,
        )
    return outcomes


def _by_game(columns: Columns, episode_of_reward: Ints, places: Ints, run: Run) -> list[Ints]:
    """By game, the places of its own rewards among the given places, in the ledger's order."""
    codes = columns.game[episode_of_reward[places]]
    # Sorted once, because a mask per game over all rewards would cost the square of the number of games.
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(run.games) + 1))
    return [places[order[begin:end]] for begin, end in pairwise(ends)]
