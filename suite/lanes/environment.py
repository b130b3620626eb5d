"""The metered environment that a learner plays: lanes of games, without the names of the games."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Never
from typing import Protocol as Contract

import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv

from protocol import BudgetExhausted, EndReason, LearnerError, Phase, Protocol, StoreError
from suite.lanes.engine import IDLE, Engine
from suite.lanes.schedules import Schedule
from suite.lanes.shape import LaneShape, UInt8, checked_actions

MOST_REFUSALS = 1_000
"""The most steps that a learner may ask for after its frames are spent, before that is an error."""


SaveState = Callable[[Path], None]


class OpenEpisode(NamedTuple):
    """An episode that has not ended, as far as it has been played.

    Attributes:
        game, seed: of the episode.
        actions: one byte per step.
        reward_steps: the steps, from 0, whose reward was not zero; ascending.
        rewards: those rewards, in game points.
    """

    game: str
    seed: int
    actions: bytes
    reward_steps: tuple[int, ...]
    rewards: tuple[int, ...]


class Recorder(Contract):
    """The events that the lanes report while they are played."""

    def begin(self, lane: int, phase: Phase, number: int, game: str, seed: int) -> None:
        """An episode begins."""

    def step(self, actions: npt.NDArray[np.uint8], rewards: npt.NDArray[np.int32]) -> None:
        """All lanes were stepped; ``actions`` uint8 (L,), ``rewards`` int32 (L,)."""

    def end(self, lane: int, reason: EndReason, ram: npt.NDArray[np.uint8]) -> None:
        """The lane's episode has ended, with this RAM, uint8 (128,)."""


class LaneEnv(VectorEnv[UInt8, npt.NDArray[np.int64], npt.NDArray[Any]]):
    """Lanes of games that are not named, played until their frames are spent.

    A ``gymnasium.vector.VectorEnv`` with same-step autoreset: when an episode ends, the returned observation is
    already the first one of the next episode. ``infos["final_obs"]`` (uint8, like observations) then contains
    the last observation of the lanes that ``infos["_final_obs"]`` (bool, (L,)) marks; otherwise ``infos`` is
    empty. Observations are uint8 (L, 4, 84, 84), rewards float64 (L,) in raw game points, actions integers (L,)
    from 0 to 17, whatever the game. A lane that has nothing left to play shows zeros.

    The step that spends the last frame is returned like any other; the next one raises BudgetExhausted.
    Further steps raise it MOST_REFUSALS times, then LearnerError as often; after that ``overrun`` is called.

    Args:
        protocol: the rules.
        seed_of: (lane, episode number) -> the seed of an episode.
        engine: plays the consoles; it outlives this environment.
        schedule: decides which game each lane plays.
        budget_frames: what the learner may know of its budget, in emulator frames.
        recorder: is called at every step; None records nothing.
        overrun: called with what a learner does that neither error ends; None: each further step raises.
        on_safe_point: called at every safe point of the learner with what writes the learner's state into a
            folder; None: snapshots are not taken.
        open_episodes: by lane, what its current episode has played, of a run that goes on; None: it begins.

    Raises:
        StoreError: an episode that is played again earns other rewards than recorded.

    Attributes:
        budget_frames: the run's whole training budget, in emulator frames.
    """

    def __init__(
        self,
        protocol: Protocol,
        seed_of: Callable[[int, int], int],
        engine: Engine,
        schedule: Schedule,
        budget_frames: int,
        recorder: Recorder | None,
        overrun: Callable[[str], None] | None = None,
        on_safe_point: Callable[[SaveState], None] | None = None,
        open_episodes: Mapping[int, OpenEpisode] | None = None,
    ) -> None:
        environment = protocol.environment
        LaneShape.of(protocol, len(schedule.playing)).describe(self)
        self.budget_frames = budget_frames
        self._seed_of = seed_of
        self._actions = environment.actions
        self._max_steps_without_reward = environment.max_steps_without_reward
        self._engine = engine
        self._schedule = schedule
        self._recorder = recorder
        self._on_safe_point = on_safe_point
        self._steps = [0] * self.num_envs
        self._last_reward_step = [0] * self.num_envs
        self._overrun = overrun
        self._refusals = 0
        self._is_broken_off = False  # a step that has begun and has not returned
        self._process = os.getpid()
        self._started = bool(open_episodes)  # a run that goes on may not have begun an episode
        if open_episodes is not None:
            self._play_again(open_episodes)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[UInt8, dict[str, Any]]:
        """Return the current observations; the first call begins the first episodes.

        An episode that has begun is played to its end, so later calls change nothing.

        Raises:
            ValueError: a seed or options are given; seeds are derived from the run id.
        """
        if seed is not None or options:
            raise ValueError("reset takes no seed and no options: every seed is derived from the run id")
        if not self._started:
            self._started = True
            self._begin(range(self.num_envs))
        return self._engine.arrays.observations.copy(), {}

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[UInt8, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, Any]]:
        """Play one agent step in every lane.

        Args:
            actions: integers (L,), each 0 to 17.

        Returns:
            observations, rewards, terminated, truncated, infos, as described in the class.

        Raises:
            BudgetExhausted: the frames of the run are spent.
            LearnerError: the learner steps on and on after that, in a process that it forked, or after an error
                in a step.
            ValueError: the actions have another shape, type or range, or ``reset`` was never called.
        """
        taken = self._checked(actions)
        self._is_broken_off = True
        arrays = self._engine.arrays
        self._engine.step(taken)
        if self._recorder is not None:
            self._recorder.step(taken, arrays.rewards)
        reasons = self._ended()
        for lane in self._schedule.advance([reason is not None for reason in reasons]):
            reasons[lane] = "budget"
        infos: dict[str, Any] = {}
        over = [lane for lane, reason in enumerate(reasons) if reason is not None]
        rewards = arrays.rewards.astype(np.float64)
        if over:
            infos = self._turn(over, reasons)
        terminated = np.array([reason == "game_over" for reason in reasons])
        truncated = np.array([reason not in (None, "game_over") for reason in reasons])
        self._is_broken_off = False
        return arrays.observations.copy(), rewards, terminated, truncated, infos

    def safe_point(self, save_state: SaveState) -> None:
        """Let the harness take a snapshot of the run here, if one is due.

        A learner that offers ``save_state`` and ``load_state`` calls this where its state is complete, such as
        before each rollout; most calls do nothing.

        Args:
            save_state: writes all that the learner needs to go on from here into an empty folder.
        """
        self._check_whole()
        if self._on_safe_point is not None:
            self._on_safe_point(save_state)

    def close_extras(self, **kwargs: Any) -> None:
        """Free nothing, because the engine belongs to the harness."""

    def _play_again(self, episodes: Mapping[int, OpenEpisode]) -> None:
        """Go on with episodes that were broken off: each is played again from its actions."""
        self._engine.begin({lane: (episode.game, episode.seed) for lane, episode in episodes.items()})
        for lane in set(range(self.num_envs)) - episodes.keys():
            self._engine.arrays.observations[lane] = 0
        paid = {lane: dict(zip(one.reward_steps, one.rewards, strict=True)) for lane, one in episodes.items()}
        for step in range(max((len(one.actions) for one in episodes.values()), default=0)):
            moving = [lane for lane, one in episodes.items() if step < len(one.actions)]
            actions = np.full(self.num_envs, IDLE, np.uint8)
            actions[moving] = [episodes[lane].actions[step] for lane in moving]
            self._engine.step(actions)
            for lane in moving:
                if self._engine.arrays.rewards[lane] != paid[lane].get(step, 0):
                    raise StoreError(
                        f"the episode of lane {lane} cannot be played again: step {step} earns another reward "
                        "than recorded; the run must start over"
                    )
        for lane, episode in episodes.items():
            self._steps[lane] = len(episode.actions)
            self._last_reward_step[lane] = 1 + max(episode.reward_steps, default=-1)

    def _checked(self, actions: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        playing = self._schedule.playing
        if os.getpid() != self._process:
            raise LearnerError("a process that the learner forked stepped the lanes; only the run's own may")
        self._check_whole()
        if not any(playing):
            self._refuse()
        if not self._started:
            raise ValueError("call reset before the first step")
        taken = checked_actions(actions, self.num_envs, self._actions)
        if not all(playing):
            taken[[game is None for game in playing]] = IDLE
        return taken

    def _check_whole(self) -> None:
        """Raise LearnerError after a step that an error has broken off: the record may lack what was played."""
        if self._is_broken_off:
            raise LearnerError(
                "the learner goes on after a step of the lanes that an error has broken off; it must let "
                "errors other than BudgetExhausted and ValueError through"
            )

    def _refuse(self) -> Never:
        self._refusals += 1
        if self._refusals <= MOST_REFUSALS:
            raise BudgetExhausted(f"the {self.budget_frames} frames of this run are spent")
        error = (
            f"the learner goes on after its {self.budget_frames} frames are spent: {self._refusals - 1} steps "
            "were refused; learn must end when env.step raises BudgetExhausted"
        )
        if self._refusals > 2 * MOST_REFUSALS and self._overrun is not None:
            self._overrun(error)
        raise LearnerError(error)

    def _ended(self) -> list[EndReason | None]:
        """Why each lane's episode has ended with this step, except when its frames are spent."""
        arrays = self._engine.arrays
        rewards, game_over = arrays.rewards.tolist(), arrays.game_over.tolist()
        steps, last_reward_step = self._steps, self._last_reward_step
        reasons: list[EndReason | None] = [None] * self.num_envs
        for lane, game in enumerate(self._schedule.playing):
            if game is None:
                continue
            steps[lane] += 1
            if rewards[lane]:
                last_reward_step[lane] = steps[lane]
            if game_over[lane]:
                reasons[lane] = "game_over"
            elif steps[lane] >= self._schedule.max_episode_steps:
                reasons[lane] = "max_frames"
            elif steps[lane] - last_reward_step[lane] >= self._max_steps_without_reward:
                reasons[lane] = "no_reward"
        return reasons

    def _turn(self, over: list[int], reasons: list[EndReason | None]) -> dict[str, Any]:
        """End the episodes of these lanes and begin their next ones; return the infos."""
        arrays = self._engine.arrays
        final = np.zeros_like(arrays.observations)
        final[over] = arrays.observations[over]
        if self._recorder is not None:
            for lane in over:
                reason = reasons[lane]
                assert reason is not None
                self._recorder.end(lane, reason, arrays.ram[lane])
        self._begin(over)
        mask = np.zeros(self.num_envs, np.bool_)
        mask[over] = True
        return {"final_obs": final, "_final_obs": mask}

    def _begin(self, lanes: range | list[int]) -> None:
        schedule = self._schedule
        episodes: dict[int, tuple[str, int]] = {}
        for lane in lanes:
            self._steps[lane] = self._last_reward_step[lane] = 0
            game, number = schedule.playing[lane], schedule.numbers[lane]
            if game is None:
                self._engine.arrays.observations[lane] = 0
                continue
            seed = self._seed_of(lane, number)
            episodes[lane] = (game, seed)
            if self._recorder is not None:
                self._recorder.begin(lane, schedule.phase, number, game, seed)
        if episodes:
            self._engine.begin(episodes)
