"""The replay of a recorded episode, alone, from nothing but its actions and its place in the run."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from protocol import EpisodeRecord, Protocol, Run
from suite.emulator.console import RAM_BYTES, Console
from suite.emulator.roms import checked_cartridge


class Replay(NamedTuple):
    """The results of an episode's actions.

    Attributes:
        reward_steps: the steps, from 0, whose reward was not zero.
        rewards: those rewards, in raw game points.
        over_after: the number of steps played when the game ended; None: it has not ended.
        ram_sha256: SHA-256 of the RAM after the last step (32 bytes).
    """

    reward_steps: tuple[int, ...]
    rewards: tuple[int, ...]
    over_after: int | None
    ram_sha256: bytes

    @property
    def game_over(self) -> bool:
        """True if the game had ended after the last step."""
        return self.over_after is not None


class Replayer:
    """Plays episodes again; each game's console is loaded once.

    Args:
        protocol: the rules.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._consoles: dict[str, Console] = {}

    def replay(self, run: Run, episode: EpisodeRecord) -> Replay:
        """Play the actions of a run's episode; its seed is derived, not read.

        Raises:
            RomError: the game's ROM is missing or wrong.
            ValueError: an action is not one of the protocol's.
        """
        rules = self._protocol.environment
        if max(episode.actions, default=0) >= rules.actions:
            raise ValueError(f"action {max(episode.actions)} is above {rules.actions - 1}")
        console = self._consoles.get(episode.game)
        if console is None:
            console = Console(checked_cartridge(self._protocol, episode.game), rules)
            self._consoles[episode.game] = console
        console.begin(run.episode_seed(episode.lane, episode.number))
        rewards, over_after = console.play(np.frombuffer(episode.actions, np.uint8))
        ram = np.empty(RAM_BYTES, np.uint8)
        console.ram(ram)
        return Replay(
            reward_steps=tuple(rewards),
            rewards=tuple(rewards.values()),
            over_after=over_after,
            ram_sha256=hashlib.sha256(ram.tobytes()).digest(),
        )
