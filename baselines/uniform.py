"""The uniform-random learner: the lower bound for every score, and the control that must show no transfer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from protocol import BudgetExhausted
from suite.lanes.environment import LaneEnv

ACTIONS = 18


class UniformLearner:
    """Plays each of the 18 actions with equal probability and learns nothing.

    Its checkpoint is an empty file, since it has no weights; a loaded learner keeps its own seed.
    """

    configuration: Mapping[str, Any] = {"algorithm": "uniform", "actions": ACTIONS}

    def __init__(self, seed: int, lanes: int) -> None:
        self._generator = np.random.Generator(np.random.Philox(key=seed))
        self._lanes = lanes

    def learn(self, env: LaneEnv) -> None:
        """Play until the budget is spent."""
        observations, _ = env.reset()
        episode_start = np.ones(self._lanes, np.bool_)
        try:
            while True:
                observations, _, terminated, truncated, _ = env.step(self.act(observations, episode_start))
                episode_start = terminated | truncated
        except BudgetExhausted:
            return

    def act(
        self, observations: npt.NDArray[np.uint8], episode_start: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """One uniform draw per lane; integers (L,)."""
        return self._generator.integers(0, ACTIONS, self._lanes)

    def save(self, folder: Path) -> None:
        """Write an empty file, whose name says that there are no weights."""
        (folder / "no_weights").touch()

    def load(self, folder: Path) -> None:
        """Load nothing."""


def make(seed: int, lanes: int) -> UniformLearner:
    """A new uniform learner with a 32-bit seed."""
    return UniformLearner(seed, lanes)
