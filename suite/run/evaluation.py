"""The evaluation: a learner plays without learning, and must be the same afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from protocol import BudgetExhausted, LearnerError
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


def check_frozen(player: Learner, checkpoint: Path, saved: Path) -> None:
    """Hold the learner that was evaluated to what was trained: an evaluation is of frozen weights.

    Args:
        player: the learner, after its evaluation.
        checkpoint: what the training saved.
        saved: a folder to save into, which does not exist.

    Raises:
        LearnerError: it saves something else now.
    """
    saved.mkdir(parents=True)
    with learners_own("save"):
        player.save(saved)
    if folder_digest(saved) != folder_digest(checkpoint):
        raise LearnerError(
            "act changed what save writes, and an evaluation is of frozen weights: save, after the evaluation, "
            "must write what it wrote after the training"
        )
