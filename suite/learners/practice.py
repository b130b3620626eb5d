"""Lanes for trying a learner: real games with a budget of their own, and a trivial game without an emulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from protocol import Protocol, current_protocol, episode_seed, game_choice
from suite.lanes.engine import IDLE, Engine, InProcessEngine, LaneArrays
from suite.lanes.environment import LaneEnv, Recorder
from suite.lanes.schedules import TrainingMeter

CHECKED_GAMES = ("breakout", "pong")
CHECKED_STEPS = 40
"""Steps that each lane plays by default; a learner with long rollouts needs more to learn once."""
_PRACTICE = "practice"  # no run id begins with this, so practice can never become a result


def practice_lanes(
    games: tuple[str, ...] = CHECKED_GAMES,
    steps_per_lane: int = CHECKED_STEPS,
    seed: int = 0,
    recorder: Recorder | None = None,
    overrun: Callable[[str], None] | None = None,
) -> LaneEnv:
    """Lanes of real games with a budget of their own, for trying a learner; they are not a run of the protocol.

    Args:
        games: ale-py's names, or flavours of them, such as ``"freeway_mode1_difficulty0"``; each episode draws
            one of them, and all have the same budget.
        steps_per_lane: agent steps that each lane plays.
        seed: another seed gives other episodes.
        recorder: called at every step; None records nothing.
        overrun: called with an error if the learner steps on and on after the budget is spent, whatever it
            catches; None: each further step raises.

    Raises:
        UnknownName: a game is not in the protocol, or the emulator does not have its mode or difficulty.
        RomError: the ROM of a game is missing, or is not the protocol's.
        ValueError: there is no game, or the games cannot share the steps evenly.

    Example:
        >>> import amtlb
        >>> lanes = amtlb.practice_lanes(("pong",), steps_per_lane=10)
        >>> observations, _ = lanes.reset()
        >>> observations.shape, observations.dtype.name, lanes.budget_frames
        ((8, 4, 84, 84), 'uint8', 320)
    """
    protocol = current_protocol()
    steps = steps_per_lane * protocol.lanes
    if not games or steps % len(games):
        raise ValueError(
            f"{steps} steps ({steps_per_lane} in each lane) cannot be shared evenly by {len(games)} games; "
            "take a steps_per_lane that is a multiple of the number of games"
        )
    engine = InProcessEngine(protocol, games, protocol.lanes)
    return _lanes(protocol, engine, games, steps_per_lane, seed, recorder, overrun)


def _lanes(
    protocol: Protocol,
    engine: Engine,
    games: tuple[str, ...],
    steps_per_lane: int,
    seed: int,
    recorder: Recorder | None,
    overrun: Callable[[str], None] | None = None,
) -> LaneEnv:
    digest, run_id = protocol.practice_digest, f"{_PRACTICE}/{seed}"
    meter = TrainingMeter(
        games,
        steps_per_lane * protocol.lanes // len(games),
        protocol.lanes,
        protocol.environment.max_episode_steps,
        partial(game_choice, digest, run_id),
    )
    budget_frames = steps_per_lane * protocol.lanes * protocol.environment.frame_skip
    seed_of = partial(episode_seed, digest, run_id)
    return LaneEnv(protocol, seed_of, engine, meter, budget_frames, recorder, overrun)


CUES = {0: 2, 1: 5, 2: 11, 3: 14}
"""The game of ``trivial_lanes``: the quarter of the picture that is bright, and the action that earns 1.
"""
TRIVIAL_EPISODE_STEPS = 16


class CueEngine:
    """An engine without an emulator: the bright quarter of the newest picture shows which action earns 1 point.

    The game is over after TRIVIAL_EPISODE_STEPS. Quarters are drawn from a Philox generator keyed by the
    episode seed. A ``suite.lanes.engine.Engine``.
    """

    def __init__(self, protocol: Protocol) -> None:
        lanes = protocol.lanes
        self.arrays = LaneArrays.over(bytearray(LaneArrays.size_bytes(protocol, lanes)), protocol, lanes)
        self._half = protocol.environment.screen_size_pixels // 2
        self._draws: dict[int, list[int]] = {}

    def begin(self, episodes: Mapping[int, tuple[str, int]]) -> None:
        """Begin episodes (see Engine)."""
        for lane, (_, seed) in episodes.items():
            generator = np.random.Generator(np.random.Philox(key=seed))
            self._draws[lane] = generator.integers(0, len(CUES), TRIVIAL_EPISODE_STEPS + 1).tolist()
            self.arrays.observations[lane] = 0
            self._show(lane)

    def step(self, actions: npt.NDArray[np.uint8]) -> None:
        """Reward the actions, then show the next cue."""
        self.arrays.rewards[:] = self.arrays.game_over[:] = 0
        for lane in np.flatnonzero(actions != IDLE).tolist():
            self.arrays.rewards[lane] = CUES[self._draws[lane].pop()] == actions[lane]
            self.arrays.game_over[lane] = len(self._draws[lane]) == 1
            stack = self.arrays.observations[lane]
            stack[:-1] = stack[1:]
            self._show(lane)

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def _show(self, lane: int) -> None:
        row, column = divmod(self._draws[lane][-1], 2)
        half = self._half
        picture = self.arrays.observations[lane, -1]
        picture[...] = 0
        picture[row * half : (row + 1) * half, column * half : (column + 1) * half] = 255


def trivial_lanes(steps_per_lane: int, seed: int, recorder: Recorder | None = None) -> LaneEnv:
    """Lanes of a game that any learner must solve: 1 point for the action that the picture asks for.

    Uniform actions earn 1/18 of a point per step, the best ones 1. It is fast, since no emulator plays.

    Args:
        steps_per_lane: agent steps that each lane plays.
        seed: another seed gives other pictures.
        recorder: called at every step; None records nothing.

    Example:
        >>> import amtlb
        >>> lanes = amtlb.trivial_lanes(steps_per_lane=100, seed=1)
        >>> _ = lanes.reset()
        >>> _, rewards, _, _, _ = lanes.step([2, 2, 2, 2, 2, 2, 2, 2])
        >>> set(rewards.tolist()) <= {0.0, 1.0}
        True
    """
    protocol = current_protocol()
    return _lanes(protocol, CueEngine(protocol), ("cue",), steps_per_lane, seed, recorder)
