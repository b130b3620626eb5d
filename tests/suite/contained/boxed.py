"""Learners of this environment in boxes, made as any other learner is, and a learner that sees all."""

from __future__ import annotations

import atexit
import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines.uniform import UniformLearner
from suite.contained.referee import contained_maker
from suite.contained.spec import BoxLimits, BoxSpec
from suite.learners.contract import Learner

SELF = BoxSpec(image_sha256=None, user="root")
"""A process of this very user: other users may not be able to run the tests' Python."""


def limited(**limits: Any) -> BoxSpec:
    """That box, with limits of its own."""
    return SELF.model_copy(update={"limits": BoxLimits(**limits)})


def _boxed(name: str) -> Callable[[int, int], Learner]:
    """A ``make`` whose instances are in a box that lasts as long as this process."""
    kept = ExitStack()
    atexit.register(kept.close)
    makers: list[Any] = []

    def make(seed: int, lanes: int) -> Learner:
        if not makers:
            makers.append(kept.enter_context(contained_maker(SELF, name, "cpu", lambda text: None)))
        return makers[0](seed, lanes)

    return make


uniform = _boxed("baselines.uniform:make")
ppo = _boxed("baselines.ppo:make")
multihead_a2c = _boxed("baselines.multihead_a2c:make")
ignores_seed = _boxed("tests.suite.bad_learners:IgnoresSeed")


class Witness(UniformLearner):
    """Plays uniformly and saves a digest of everything that the lanes have shown it."""

    configuration: Mapping[str, Any] = {"algorithm": "witness"}

    def __init__(self, seed: int, lanes: int) -> None:
        super().__init__(seed, lanes)
        self._seen = hashlib.sha256()

    def learn(self, env: Any) -> None:
        """Play to the end, trying what the contract forbids on the way."""
        actions = [0] * env.num_envs
        self._refused(env.step, actions)  # before the first reset
        self._refused(env.reset, seed=1)
        for value in (env.budget_frames, env.num_envs, env.metadata, env.observation_space, env.action_space):
            self._seen.update(str(value).encode())
        self._note(env.reset()[0])
        for wrong in ([99] * env.num_envs, [0], (actions, None), [None] * env.num_envs, [0.5] * env.num_envs):
            self._refused(env.step, wrong)
        while True:
            *arrays, infos = env.step(self.act(None, None))
            for array in [*arrays, *(infos[name] for name in sorted(infos))]:
                self._note(array)

    def _refused(self, call: Callable[..., object], *arguments: object, **options: object) -> None:
        with pytest.raises(ValueError) as caught:
            call(*arguments, **options)
        self._seen.update(str(caught.value).encode())

    def _note(self, array: np.ndarray) -> None:
        assert array.flags.writeable
        self._seen.update(f"{array.dtype} {array.shape}".encode())
        self._seen.update(array.tobytes())

    def save(self, folder: Path) -> None:
        """Write the digest."""
        (folder / "seen").write_text(self._seen.hexdigest())
