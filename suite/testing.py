"""The contract test that is shipped for learners: ``check_learner("my_module:make")``.

It plays a few hundred steps of a real game, so it needs a minute at most, and raises an error with the first
thing that is not as the contract says.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from protocol import BudgetExhausted, LearnerError, Protocol, episode_seed, game_choice, load
from suite.engine import IDLE, Engine, InProcessEngine, LaneArrays
from suite.lanes import LaneEnv, Recorder
from suite.learner import Learner, MakeLearner, checked_configuration, find_learner
from suite.meter import TrainingMeter
from suite.store import folder_digest

CHECKED_GAMES = ("breakout", "pong")
CHECKED_STEPS = 40
"""Steps that each lane plays unless told otherwise; a learner with long rollouts needs more to learn once."""
_PRACTICE = "practice"  # opens the id of no run: what is practised can be no result


def practice_lanes(
    protocol: Protocol,
    games: tuple[str, ...] = CHECKED_GAMES,
    steps_a_lane: int = CHECKED_STEPS,
    seed: int = 0,
    recorder: Recorder | None = None,
) -> LaneEnv:
    """Real lanes with a budget of their own, for trying a learner; no run of the protocol.

    Args:
        protocol: the rules.
        games: drawn at random, with equal budgets.
        steps_a_lane: agent steps that each lane plays.
        seed: other seeds, other episodes.
        recorder: hears of every step; None records nothing.
    """
    engine = InProcessEngine(protocol, games, protocol.lanes)
    return _lanes(protocol, engine, games, steps_a_lane, seed, recorder)


def _lanes(
    protocol: Protocol,
    engine: Engine,
    games: tuple[str, ...],
    steps_a_lane: int,
    seed: int,
    recorder: Recorder | None,
) -> LaneEnv:
    digest, run_id = protocol.practice_digest, f"{_PRACTICE}/{seed}"
    meter = TrainingMeter(
        games,
        steps_a_lane * protocol.lanes // len(games),
        protocol.lanes,
        protocol.environment.max_episode_steps,
        partial(game_choice, digest, run_id),
    )
    budget_frames = steps_a_lane * protocol.lanes * protocol.environment.frame_skip
    seed_of = partial(episode_seed, digest, run_id)
    return LaneEnv(protocol, seed_of, engine, meter, budget_frames, recorder)


CUES = {0: 2, 1: 5, 2: 11, 3: 14}
"""The game of ``trivial_lanes``: the quarter of the picture that is bright, and the action that pays."""
TRIVIAL_EPISODE_STEPS = 16


class CueEngine:
    """An engine without an emulator: the bright quarter of the newest picture says which action pays 1 point.

    The game is over after TRIVIAL_EPISODE_STEPS. Quarters are drawn from a Philox generator keyed by the
    episode seed. A ``suite.engine.Engine``.
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
        """Pay what the actions deserve, then show the next cue."""
        self.arrays.rewards[:] = self.arrays.game_over[:] = 0
        for lane in np.flatnonzero(actions != IDLE).tolist():
            self.arrays.rewards[lane] = CUES[self._draws[lane].pop()] == actions[lane]
            self.arrays.game_over[lane] = len(self._draws[lane]) == 1
            stack = self.arrays.observations[lane]
            stack[:-1] = stack[1:]
            self._show(lane)

    def close(self) -> None:
        """Nothing is held."""

    def _show(self, lane: int) -> None:
        row, column = divmod(self._draws[lane][-1], 2)
        half = self._half
        picture = self.arrays.observations[lane, -1]
        picture[...] = 0
        picture[row * half : (row + 1) * half, column * half : (column + 1) * half] = 255


def trivial_lanes(
    protocol: Protocol, steps_a_lane: int, seed: int, recorder: Recorder | None = None
) -> LaneEnv:
    """Lanes of a game that any learner must solve: 1 point for the action that the picture asks for.

    Uniform actions earn 1/18 a step, the best 1. No emulator is needed, so it is fast.

    Args:
        protocol: the rules.
        steps_a_lane: agent steps that each lane plays.
        seed: other seeds, other cues.
        recorder: hears of every step; None records nothing.
    """
    return _lanes(protocol, CueEngine(protocol), ("cue",), steps_a_lane, seed, recorder)


def check_learner(name: str, *, steps_a_lane: int = CHECKED_STEPS) -> None:
    """Hold a learner against the contract (see suite.learner).

    Checked: the configuration is JSON-able and the same for every seed; ``act`` gives integers (L,) from 0 to
    17 and changes neither its inputs nor the weights; ``learn`` plays until the budget is spent; ``save``
    writes plain files and nothing that names its folder; a loaded learner saves what it was loaded from; the
    same seed learns the same to the bit and acts the same from a checkpoint, and another seed acts otherwise.

    Args:
        name: ``module:function``.
        steps_a_lane: agent steps that each lane plays; give more than the learner needs to learn once.

    Raises:
        UnknownName: there is no such learner.
        LearnerError: the contract is broken; the text says where.
        ValueError: ``learn`` gave the lanes actions that cannot be played.
    """
    protocol = load("v1")
    make = find_learner(name)
    first = _trained(make, protocol, seed=1, steps_a_lane=steps_a_lane)
    if checked_configuration(first)[1] != checked_configuration(make(2, protocol.lanes))[1]:
        raise LearnerError("configuration differs between seeds; it may hold hyper-parameters only")
    with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
        saved = _saved(first, Path(scratch) / "first")
        _check_act(first, protocol)
        _same(saved, _saved(first, Path(scratch) / "acted"), "act changed what save writes: it must not learn")
        second = _trained(make, protocol, seed=1, steps_a_lane=steps_a_lane)
        again = _saved(second, Path(scratch) / "again")
        _same(saved, again, "the same seed saved another checkpoint: learning is not deterministic")
        loaded = make(3, protocol.lanes)
        loaded.load(Path(scratch) / "first")
        _same(saved, _saved(loaded, Path(scratch) / "loaded"), "load and save give another checkpoint")
        _check_seeds(make, protocol, Path(scratch) / "first")


def _trained(make: MakeLearner, protocol: Protocol, seed: int, steps_a_lane: int) -> Learner:
    learner = make(seed, protocol.lanes)
    env = practice_lanes(protocol, steps_a_lane=steps_a_lane)
    try:
        learner.learn(env)
    except BudgetExhausted:
        pass
    try:
        env.step(np.zeros(protocol.lanes, np.int64))
    except BudgetExhausted:
        return learner
    raise LearnerError("learn returned before the budget was spent; play until env.step raises BudgetExhausted")


def _saved(learner: Learner, folder: Path) -> str:
    folder.mkdir()
    learner.save(folder)
    if not any(folder.iterdir()):
        raise LearnerError("save wrote nothing")
    for path in folder.rglob("*"):
        if path.is_file() and str(folder).encode() in path.read_bytes():
            raise LearnerError(
                f"save wrote the name of its folder into {path.name}: the digest would depend on it"
            )
        if path.is_file() and _is_pickle(path):
            raise LearnerError(
                f"{path.name} is a pickle, and reading one runs code; safetensors or JSON do not"
            )
    return folder_digest(folder)


def _is_pickle(path: Path) -> bool:
    start = path.read_bytes()[:2]
    return (start[:1] == pickle.PROTO and start[1:2] <= bytes([pickle.HIGHEST_PROTOCOL])) or start == b"PK"


def _same(one: str, other: str, complaint: str) -> None:
    if one != other:
        raise LearnerError(complaint)


def _observations(protocol: Protocol) -> npt.NDArray[np.uint8]:
    size = protocol.environment.screen_size_pixels
    shape = (protocol.lanes, protocol.environment.stack_frames, size, size)
    return np.random.Generator(np.random.Philox(key=0)).integers(0, 256, shape, np.uint8)


def _check_act(learner: Learner, protocol: Protocol) -> None:
    observations = _observations(protocol)
    episode_start = np.ones(protocol.lanes, np.bool_)
    before = observations.copy()
    actions = np.asarray(learner.act(observations, episode_start))
    if actions.shape != (protocol.lanes,) or actions.dtype.kind not in "iu":
        raise LearnerError(
            f"act gave {actions.dtype} of shape {actions.shape}; it must give integers ({protocol.lanes},)"
        )
    if actions.min() < 0 or actions.max() >= protocol.environment.actions:
        raise LearnerError(f"act gave {actions.tolist()}; actions are 0 to {protocol.environment.actions - 1}")
    if not (np.array_equal(observations, before) and episode_start.all()):
        raise LearnerError("act changed its inputs")


def _check_seeds(make: MakeLearner, protocol: Protocol, checkpoint: Path) -> None:
    observations, episode_start = _observations(protocol), np.ones(protocol.lanes, np.bool_)

    def acts(seed: int) -> list[list[int]]:
        learner = make(seed, protocol.lanes)
        learner.load(checkpoint)
        return [np.asarray(learner.act(observations, episode_start)).tolist() for _ in range(20)]

    if acts(4) != acts(4):
        raise LearnerError("the same seed and checkpoint act differently")
    if acts(4) == acts(5) and acts(4)[0] != acts(4)[-1]:
        raise LearnerError("two seeds draw the same actions: the learner does not use its seed")
