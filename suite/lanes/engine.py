"""The engine contract, the consoles of a block of lanes, and the engine that plays them in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self
from typing import Protocol as Contract

import numpy as np
import numpy.typing as npt

from protocol import Protocol
from suite.emulator.console import RAM_BYTES, Console
from suite.emulator.roms import Cartridge, checked_cartridge

IDLE = 255
"""The action of a lane that is not stepped."""


class LaneArrays(NamedTuple):
    """The data that an engine and its caller exchange; the first axis of each array is the lane.

    Attributes:
        actions: uint8 (L,), written by the caller: 0 to 17, or IDLE.
        next_game: int16 (L,), written by the caller: index of the game to begin, -1: none.
        seeds: uint64 (L,), written by the caller: seeds of the episodes to begin.
        rewards: int32 (L,), raw game points of the last step; 0 where idle.
        game_over: uint8 (L,), 1 where the game ended in the last step.
        ram: uint8 (L, 128), after the last step.
        observations: uint8 (L, stack, size, size), oldest picture first.
    """

    actions: npt.NDArray[np.uint8]
    next_game: npt.NDArray[np.int16]
    seeds: npt.NDArray[np.uint64]
    rewards: npt.NDArray[np.int32]
    game_over: npt.NDArray[np.uint8]
    ram: npt.NDArray[np.uint8]
    observations: npt.NDArray[np.uint8]

    @classmethod
    def layout(cls, protocol: Protocol, lanes: int) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Shape and dtype of each array, in the order of the fields."""
        return [
            ((lanes,), np.dtype(np.uint8)),
            ((lanes,), np.dtype(np.int16)),
            ((lanes,), np.dtype(np.uint64)),
            ((lanes,), np.dtype(np.int32)),
            ((lanes,), np.dtype(np.uint8)),
            ((lanes, RAM_BYTES), np.dtype(np.uint8)),
            ((lanes, *protocol.environment.observation_shape), np.dtype(np.uint8)),
        ]

    @classmethod
    def size_bytes(cls, protocol: Protocol, lanes: int) -> int:
        """The size of a buffer for all arrays, each of which begins on a new cache line."""
        return sum(_aligned(shape, dtype) for shape, dtype in cls.layout(protocol, lanes))

    @classmethod
    def over(cls, buffer: bytearray | memoryview, protocol: Protocol, lanes: int) -> Self:
        """The arrays as views of one buffer."""
        views, offset = [], 0
        for shape, dtype in cls.layout(protocol, lanes):
            views.append(np.ndarray(shape, dtype, buffer, offset))
            offset += _aligned(shape, dtype)
        return cls(*views)


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return -(-int(np.prod(shape)) * dtype.itemsize // 64) * 64


class Engine(Contract):
    """Plays lanes. Both engines produce the same bits for the same actions, games and seeds."""

    arrays: LaneArrays

    def step(self, actions: npt.NDArray[np.uint8]) -> None:
        """Play one agent step in every lane that is not IDLE, then fill the arrays."""

    def begin(self, episodes: Mapping[int, tuple[str, int]]) -> None:
        """Begin an episode, given as (game, seed), in each of these lanes; fill its observation."""

    def close(self) -> None:
        """Free the engine's resources; it cannot be used afterwards."""


class LaneBlock:
    """The consoles of some lanes, which read from and write to shared arrays.

    A lane keeps the console of every game that it has played (about 0.9 MB each), because loading a ROM takes
    100 ms and beginning an episode 5 ms.

    Args:
        lanes: the indices of the lanes.
        arrays: of all lanes.
        cartridges: the games, in the order of the indices in ``next_game``.
    """

    def __init__(
        self,
        lanes: Sequence[int],
        arrays: LaneArrays,
        cartridges: Mapping[str, Cartridge],
        protocol: Protocol,
    ) -> None:
        self._lanes = tuple(lanes)
        self._arrays = arrays
        self._cartridges = tuple(cartridges.values())
        self._environment = protocol.environment
        self._consoles: dict[tuple[int, int], Console] = {}
        self._playing: dict[int, Console] = {}
        observations = {lane: arrays.observations[lane] for lane in self._lanes}
        self._stacks = observations
        self._older = {lane: stack[:-1] for lane, stack in observations.items()}
        self._newer = {lane: stack[1:] for lane, stack in observations.items()}
        self._newest = {lane: stack[-1] for lane, stack in observations.items()}
        self._rams = {lane: arrays.ram[lane] for lane in self._lanes}

    def begin(self) -> None:
        """Begin the episodes that ``next_game`` and ``seeds`` ask for in these lanes."""
        for lane in self._lanes:
            game = int(self._arrays.next_game[lane])
            if game < 0:
                continue
            console = self._consoles.get((lane, game))
            if console is None:
                console = self._consoles[lane, game] = Console(self._cartridges[game], self._environment)
            console.begin(int(self._arrays.seeds[lane]))
            self._stacks[lane][...] = 0
            console.first_picture(self._newest[lane])
            console.ram(self._rams[lane])
            self._playing[lane] = console

    def step(self) -> None:
        """Play one agent step, with ``actions``, in these lanes."""
        arrays = self._arrays
        rewards, game_over = arrays.rewards, arrays.game_over
        actions = arrays.actions.tolist()
        for lane in self._lanes:
            action = actions[lane]
            if action == IDLE:
                rewards[lane] = game_over[lane] = 0
                continue
            console = self._playing[lane]
            self._older[lane][...] = self._newer[lane]
            rewards[lane] = console.step_and_show(action, self._newest[lane])
            game_over[lane] = console.game_over
            console.ram(self._rams[lane])


def checked_cartridges(protocol: Protocol, games: Sequence[str]) -> dict[str, Cartridge]:
    """Each game with its ROM, whose hash is checked; raises RomError for the first that is wrong."""
    return {game: checked_cartridge(protocol, game) for game in games}


class InProcessEngine:
    """Plays all lanes one after another in this process.

    Args:
        protocol: the rules.
        games: the games that ``begin`` may name.
        lanes: how many lanes.

    Raises:
        RomError: a ROM is missing or wrong.
    """

    def __init__(self, protocol: Protocol, games: Sequence[str], lanes: int) -> None:
        cartridges = checked_cartridges(protocol, games)
        self._index = {game: index for index, game in enumerate(cartridges)}
        self.arrays = LaneArrays.over(bytearray(LaneArrays.size_bytes(protocol, lanes)), protocol, lanes)
        self._block = LaneBlock(range(lanes), self.arrays, cartridges, protocol)

    def step(self, actions: npt.NDArray[np.uint8]) -> None:
        """Play one agent step (see Engine)."""
        self.arrays.actions[:] = actions
        self._block.step()

    def begin(self, episodes: Mapping[int, tuple[str, int]]) -> None:
        """Begin episodes (see Engine)."""
        order_episodes(self.arrays, self._index, episodes)
        self._block.begin()

    def close(self) -> None:
        """Do nothing: the process frees everything by itself."""


def order_episodes(
    arrays: LaneArrays, index: Mapping[str, int], episodes: Mapping[int, tuple[str, int]]
) -> None:
    """Write which lanes begin which game with which seed."""
    arrays.next_game[:] = -1
    for lane, (game, seed) in episodes.items():
        arrays.next_game[lane] = index[game]
        arrays.seeds[lane] = seed
