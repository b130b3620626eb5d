"""The transitions of an episode, regenerated from its actions: all that a learner trains on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocol import EpisodeRecord, Protocol
from suite.emulator.console import Console
from suite.episodes.proven import Claims
from suite.episodes.recorded import Recorded

UInt8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Transitions:
    """One episode of N steps.

    Attributes:
        row: of the run's ledger.
        episode: what that row says.
        pictures: uint8 (N + 4, 84, 84): three that are all zero, the first one, and one after each step.
            Pictures t to t + 3 are the observation before step t, t + 1 to t + 4 the one after it.
        rewards: float64 (N,), raw game points, as the lanes return them.
    """

    row: int
    episode: EpisodeRecord
    pictures: UInt8
    rewards: npt.NDArray[np.float64]

    @property
    def observations(self) -> UInt8:
        """uint8 (N + 1, 4, 84, 84), oldest picture first, the true last one included; a view."""
        depth = len(self.pictures) - len(self.rewards)
        stacks: UInt8 = np.lib.stride_tricks.sliding_window_view(self.pictures, depth, axis=0).transpose(
            0, 3, 1, 2
        )
        return stacks

    @property
    def actions(self) -> npt.NDArray[np.int64]:
        """int64 (N,), each 0 to 17."""
        return np.frombuffer(self.episode.actions, np.uint8)[: len(self.rewards)].astype(np.int64)

    @property
    def terminated(self) -> npt.NDArray[np.bool_]:
        """bool (N,): true in the last step where the game was over."""
        return self._last(self.episode.end_reason == "game_over")

    @property
    def truncated(self) -> npt.NDArray[np.bool_]:
        """bool (N,): true in the last step where the episode was cut, for whatever reason."""
        return self._last(self.episode.end_reason != "game_over")

    def _last(self, value: bool) -> npt.NDArray[np.bool_]:
        flags = np.zeros(len(self.rewards), np.bool_)
        flags[-1] = value
        return flags


def regenerate(
    protocol: Protocol, recorded: Recorded, row: int, console: Console, most_steps: int | None = None
) -> Transitions:
    """Play an episode again and keep what the lanes showed.

    Args:
        protocol: the rules.
        recorded: the run.
        row: of its ledger.
        console: of the episode's game.
        most_steps: stop after so many; an episode that is not played to its end is not proven.

    Raises:
        StoreError: the episode is not the one that the ledger claims.
    """
    claims = Claims(protocol, recorded, row)
    steps = min(claims.episode.length_steps, most_steps or claims.episode.length_steps)
    rules = protocol.environment
    before = rules.stack_frames
    pictures = np.zeros((steps + before, *rules.observation_shape[1:]), np.uint8)
    console.first_picture(pictures[before - 1])
    places = iter(pictures[before:])
    scores = np.zeros(steps + 1)
    played = claims.play(console, lambda action: console.step_and_show(action, next(places)))
    for step, score in enumerate(played, 1):
        scores[step] = score
        if step == most_steps:
            break
    return Transitions(row, claims.episode, pictures, np.diff(scores))
