"""From one run's ledger to arrays: what the run earned in each of its games."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from protocol import Run, StoreError
from suite.results.ledger import read_ledger
from suite.scoring.arrays import Bools, Floats, Ints
from suite.scoring.curves import cumulative_rewards, frame_grid, frames_of_game, start_steps

_COLUMNS = [
    "phase",
    "lane",
    "number",
    "game",
    "length_steps",
    "episode_return",
    "end_reason",
    "reward_steps",
    "rewards",
]


class GameOutcome(NamedTuple):
    """What one run earned in one game.

    Attributes:
        curve: float (100,), cumulative reward at each hundredth of the game's budget.
        whole_episodes: how many training episodes the budget did not cut.
        training_return: their mean return, in game points; 0 where there is none.
        evaluation_returns: float (episodes,), of its evaluation; empty where the run has none.
        has_negative_reward: whether any reward, in training or evaluation, was below 0.
    """

    curve: Floats
    whole_episodes: int
    training_return: float
    evaluation_returns: Floats
    has_negative_reward: bool


def read_ledger_outcomes(path: Path, run: Run) -> dict[str, GameOutcome]:
    """What the episodes of one run's ledger earned, by game.

    Args:
        path: the ledger.
        run: says which games, their budget and the frame skip.

    Raises:
        StoreError: the ledger cannot be read, or has no training episode of one of the games.
    """
    return table_outcomes(read_ledger(path, _COLUMNS), str(path), run)


def table_outcomes(table: pa.Table, name: str, run: Run) -> dict[str, GameOutcome]:
    """What the episodes of a ledger's table earned, by game; ``name`` is what errors call it."""
    games = run.games
    if not pc.list_value_length(table["rewards"]).equals(pc.list_value_length(table["reward_steps"])):
        raise StoreError(f"{name} is not a ledger: not every reward has its step; play the run again")
    is_training: Bools = pc.equal(table["phase"], "training").to_numpy()
    evaluated, table = _Episodes.of(table.filter(~is_training), games), table.filter(is_training)
    trained = _Episodes.of(table, games)
    lengths = _ints(table["length_steps"])
    starts = start_steps(_ints(table["lane"]), _ints(table["number"]), lengths)
    whole: Bools = pc.not_equal(table["end_reason"], "budget").to_numpy()
    came_after = starts[trained.episode_of_reward] + _ints(pc.list_flatten(table["reward_steps"])) + 1
    outcomes = {}
    for code, game in enumerate(games):
        own, paid = trained.codes == code, trained.paid[code]
        if not own.any():
            raise StoreError(f"the ledger {name} has no training episode of {game}; play the run again")
        at_frames = frames_of_game(came_after[paid], starts[own], lengths[own], run.frame_skip)
        curve = cumulative_rewards(at_frames, trained.rewards[paid], frame_grid(run.budget_frames))
        uncut = trained.returns[own & whole]
        outcomes[game] = GameOutcome(
            curve=curve.astype(np.float64),
            whole_episodes=len(uncut),
            training_return=float(uncut.mean()) if len(uncut) else 0.0,
            evaluation_returns=evaluated.returns[evaluated.codes == code].astype(np.float64),
            has_negative_reward=trained.has_negative(code) or evaluated.has_negative(code),
        )
    return outcomes


class _Episodes(NamedTuple):
    """The episodes of one phase and their rewards, with the game of each as its place in the list of games.

    Attributes:
        codes, returns: int (E,), of each episode; the code is -1 where the game is not in the list.
        episode_of_reward, rewards: int (R,), of each reward.
        paid: by game, the places of its rewards, int (R of the game,), in the ledger's order.
    """

    codes: Ints
    returns: Ints
    episode_of_reward: Ints
    rewards: Ints
    paid: list[Ints]

    @classmethod
    def of(cls, table: pa.Table, games: Sequence[str]) -> _Episodes:
        codes = _ints(pc.fill_null(pc.index_in(table["game"], value_set=pa.array(games)), -1))
        parents = _ints(pc.list_parent_indices(table["rewards"].combine_chunks()))
        # Sorted once: a mask per game over all rewards would cost the square of the games.
        order = np.argsort(codes[parents], kind="stable")
        ends = np.searchsorted(codes[parents][order], np.arange(len(games) + 1))
        paid = [order[begin:end] for begin, end in pairwise(ends)]
        return cls(
            codes, _ints(table["episode_return"]), parents, _ints(pc.list_flatten(table["rewards"])), paid
        )

    def has_negative(self, code: int) -> bool:
        """Whether a game had a reward below 0."""
        return bool((self.rewards[self.paid[code]] < 0).any())


def _ints(column: pa.ChunkedArray | pa.Array) -> Ints:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values: Ints = array.to_numpy(zero_copy_only=False).astype(np.int64)
    return values
