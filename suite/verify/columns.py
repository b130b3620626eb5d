"""A ledger as arrays: what the rules of one run look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from protocol import END_REASONS, PHASES, Protocol, Run
from suite.scoring.curves import start_steps
from suite.verify.findings import Place

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Columns(NamedTuple):
    """A ledger as arrays, a place an episode; lists are flat, with offsets.

    Attributes:
        evaluation: bool (E,), whether it is an evaluation episode.
        lane, number, length: int (E,).
        game: int (E,), its place in the run's games; -1: a foreign game.
        seed: uint64 (E,).
        claimed_return: int (E,).
        reason: int (E,), its place in END_REASONS.
        actions, action_ends: uint8 (A,), and int (E,), where each episode's actions end.
        reward_steps, rewards, reward_ends: int (R,), and int (E,), where each episode's rewards end.
    """

    evaluation: Bools
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
    rewards: Ints
    reward_ends: Ints


class Ledger:
    """One run's ledger and what the protocol says of the run."""

    def __init__(self, protocol: Protocol, run: Run, file: str, table: pa.Table) -> None:
        self.protocol, self.run, self.file = protocol, run, file
        self.columns = _columns(table, run.games)
        self.games = table["game"]

    def at(self, row: int | None = None) -> Place:
        """The ledger, or one of its rows, as the place of a finding."""
        return Place(self.run.run_id, self.file, row)


def _columns(table: pa.Table, games: Sequence[str]) -> Columns:
    table = table.combine_chunks()

    def ints(name: str) -> Ints:
        values: Ints = _one(table, name).to_numpy(zero_copy_only=False).astype(np.int64)
        return values

    actions = _one(table, "actions").cast(pa.large_binary())
    ends = np.frombuffer(actions.buffers()[1], np.int64)[: len(actions) + 1]
    steps, rewards = _one(table, "reward_steps"), _one(table, "rewards")
    return Columns(
        evaluation=_places(_one(table, "phase"), PHASES) == PHASES.index("evaluation"),
        lane=ints("lane"),
        number=ints("number"),
        length=ints("length_steps"),
        game=_places(_one(table, "game"), games),
        seed=_one(table, "seed").to_numpy(),
        claimed_return=ints("episode_return"),
        reason=_places(_one(table, "end_reason"), END_REASONS),
        actions=np.frombuffer(actions.buffers()[2] or b"", np.uint8)[: ends[-1]],
        action_ends=ends[1:],
        reward_steps=steps.flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        rewards=rewards.flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        reward_ends=np.cumsum(rewards.value_lengths().to_numpy(zero_copy_only=False), dtype=np.int64),
    )


def _one(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _places(column: pa.Array, names: Sequence[str]) -> Ints:
    places: Ints = pc.fill_null(pc.index_in(column, value_set=pa.array(names)), -1).to_numpy().astype(np.int64)
    return places


def ends(columns: Columns) -> Ints:
    """When each episode ended, in vector steps; evaluation follows upon training."""
    return start_steps(columns.lane, columns.number, columns.length) + columns.length


def first(mask: Bools) -> int | None:
    """The first row where something is so; None: nowhere."""
    place = int(np.argmax(mask)) if len(mask) else 0
    return place if len(mask) and mask[place] else None


def some(rows: Ints, most: int = 20) -> list[int]:
    """The first few of many."""
    return [int(row) for row in rows[:most]]
