"""Playing a recorded episode again, alone, from nothing but its actions and where it stood."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from protocol import EpisodeRecord, Protocol, episode_seed
from suite.console import RAM_BYTES, Console
from suite.roms import checked_rom


class Replay(NamedTuple):
    """What an episode's actions lead to.

    Attributes:
        reward_steps: the steps, from 0, whose reward was not zero.
        rewards: those rewards, in raw game points.
        game_over: whether the game had ended after the last step.
        ram_sha256: SHA-256 of the RAM after it (32 bytes).
    """

    reward_steps: tuple[int, ...]
    rewards: tuple[int, ...]
    game_over: bool
    ram_sha256: bytes


def replay(protocol: Protocol, run_id: str, episode: EpisodeRecord) -> Replay:
    """Play an episode's actions in a fresh console; its seed is derived, not read.

    Raises:
        RomError: the game's ROM is missing or wrong.
        ValueError: an action is not one of the protocol's.
    """
    if max(episode.actions, default=0) >= protocol.environment.actions:
        raise ValueError(f"action {max(episode.actions)} is above {protocol.environment.actions - 1}")
    console = Console(checked_rom(protocol, episode.game), protocol.environment)
    console.begin(episode_seed(protocol.digest, run_id, episode.lane, episode.number))
    rewards = [console.step(action) for action in episode.actions]
    ram = np.empty(RAM_BYTES, np.uint8)
    console.ram(ram)
    at = [step for step, reward in enumerate(rewards) if reward]
    return Replay(
        reward_steps=tuple(at),
        rewards=tuple(rewards[step] for step in at),
        game_over=console.game_over,
        ram_sha256=hashlib.sha256(ram.tobytes()).digest(),
    )
