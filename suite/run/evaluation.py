"""The evaluation: a learner plays without learning."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from protocol import BudgetExhausted
from suite.digests import folder_digest
from suite.lanes.environment import LaneEnv
from suite.learners.boundary import learners_own
from suite.learners.contract import Learner


def evaluate(
    player: Learner,
    env: LaneEnv,
    episode_start: npt.NDArray[np.bool_] | None = None,
    between_steps: Callable[[npt.NDArray[np.bool_]], None] | None = None,
) -> None:
    """Let a learner play, without learning, until the environment's schedule has ended.

    Args:
        player: the learner.
        env: not yet reset, or resumed.
        episode_start: bool (L,), whether the lanes' observations are the first of an episode; None: all are.
        between_steps: called before each step with the current ``episode_start``.
    """
    observations, _ = env.reset()
    if episode_start is None:
        episode_start = np.ones(env.num_envs, np.bool_)
    try:
        while True:
            if between_steps is not None:
                between_steps(episode_start)
            actions = player.act(observations, episode_start)
            observations, _, terminated, truncated, _ = env.step(actions)
            episode_start = terminated | truncated
    except BudgetExhausted:
        return


def saved_digest(player: Learner, folder: Path) -> str:
    """The digest of what a learner saves now, into a folder that does not exist and is removed again."""
    folder.mkdir(parents=True)
    with learners_own("save"):
        player.save(folder)
    digest = folder_digest(folder)
    shutil.rmtree(folder)
    return digest
