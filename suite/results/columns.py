"""A ledger as arrays: the one form in which rules, scores, replay and retraining look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from protocol import END_REASONS, PHASES

_SOME = 20
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Columns(NamedTuple):
    """A ledger as arrays, one place per episode; lists are flat, with offsets.

    Attributes:
        phase: int (E,), its place in PHASES; -1: another word.
        lane, number, length: int (E,).
        game: int (E,), its place in the run's games; -1: a foreign game.
        seed: uint64 (E,).
        claimed_return: int (E,).
        reason: int (E,), its place in END_REASONS; -1: another word.
        actions, action_ends: uint8 (A,), and int (E,), where each episode's actions end.
        reward_steps, reward_step_ends: int (R,), and int (E,), where each episode's ends.
        rewards, reward_ends: int (R,), and int (E,), where each episode's rewards end.
    """

    phase: Ints
    lane: Ints
    number: Ints
    length: Ints
    game: Ints
    seed: npt.NDArray[np.uint64]
    claimed_return: Ints
    reason: Ints
    actions: npt.NDArray[np.uint8]
    action_ends: Ints
    reward_steps: Ints
    reward_step_ends: Ints
    rewards: Ints
    reward_ends: Ints

    @classmethod
    def of(cls, table: pa.Table, games: Sequence[str]) -> Columns:
        """The arrays of a table whose schema is the ledger's, for a run of these games."""
        table = table.combine_chunks()

        def ints(name: str) -> Ints:
            values: Ints = _one(table, name).to_numpy(zero_copy_only=False).astype(np.int64)
            return values

        actions = _one(table, "actions").cast(pa.large_binary())
        ends = np.frombuffer(actions.buffers()[1], np.int64)[: len(actions) + 1]
        steps, rewards = _one(table, "reward_steps"), _one(table, "rewards")
        return cls(
            phase=_places(_one(table, "phase"), PHASES),
            lane=ints("lane"),
            number=ints("number"),
            length=ints("length_steps"),
            game=_places(_one(table, "game"), games),
            seed=_one(table, "seed").to_numpy(),
            claimed_return=ints("episode_return"),
            reason=_places(_one(table, "end_reason"), END_REASONS),
            actions=np.frombuffer(actions.buffers()[2] or b"", np.uint8)[: ends[-1]],
            action_ends=ends[1:],
            reward_steps=_flat(steps),
            reward_step_ends=_ends(steps),
            rewards=_flat(rewards),
            reward_ends=_ends(rewards),
        )

    @property
    def evaluation(self) -> Bools:
        """bool (E,), whether it is an evaluation episode."""
        found: Bools = self.phase == PHASES.index("evaluation")
        return found

    @property
    def training(self) -> Bools:
        """bool (E,), whether it is a training episode."""
        found: Bools = self.phase == PHASES.index("training")
        return found

    @property
    def reward_counts(self) -> Ints:
        """int (E,), how many rewards each episode has."""
        return np.diff(self.reward_ends, prepend=0)

    @property
    def ends(self) -> Ints:
        """int (E,), when each episode ended, in vector steps; evaluation follows upon training."""
        return start_steps(self.lane, self.number, self.length) + self.length


def start_steps(lanes: Ints, numbers: Ints, length_steps: Ints) -> Ints:
    """When, in vector steps of the run, each episode began; all lanes are stepped together.

    Args:
        lanes: int (E,), the lane of each episode of a run.
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


def first(mask: Bools) -> int | None:
    """The first row where something is so; None: nowhere."""
    place = int(np.argmax(mask)) if len(mask) else 0
    return place if len(mask) and mask[place] else None


def some(rows: Ints) -> list[int]:
    """The first few of many."""
    return [int(row) for row in rows[:_SOME]]


def _one(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _places(column: pa.Array, names: Sequence[str]) -> Ints:
    places: Ints = pc.fill_null(pc.index_in(column, value_set=pa.array(names)), -1).to_numpy().astype(np.int64)
    return places


def _flat(column: pa.Array) -> Ints:
    values: Ints = column.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def _ends(column: pa.Array) -> Ints:
    ends: Ints = np.cumsum(column.value_lengths().to_numpy(zero_copy_only=False), dtype=np.int64)
    return ends
