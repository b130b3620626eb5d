"""PPO that carries only its trunk to the next game and draws new heads there; otherwise ``baselines.ppo``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy

from baselines.learner import with_changes
from baselines.ppo import PARAMETERS, PPOLearner


class ResettingPPOLearner(PPOLearner):
    """PPO whose first ``learn`` after a ``load`` draws both heads again and drops the optimiser's moments.

    Only the trunk is carried over. The policy head of another game is a strong prior for the wrong actions, and
    the scale of the value head belongs to that game. What games share is more likely to be in the trunk. The
    reset is part of ``learn`` because evaluation loads checkpoints, too: a loaded learner plays, and saves,
    what it was loaded from.
    """

    name = "ppo_reset"

    def __init__(self, seed: int, lanes: int, parameters: Mapping[str, Any] = PARAMETERS) -> None:
        super().__init__(seed, lanes, parameters)
        self._reset_before_learning = False

    def load(self, folder: Path) -> None:
        """Read what ``save`` wrote; the next ``learn`` begins with new heads."""
        super().load(folder)
        self._reset_before_learning = True

    def load_state(self, folder: Path) -> None:
        """Read what ``save_state`` wrote; its heads are those of this game already."""
        super().load_state(folder)
        self._reset_before_learning = False

    def _learn(self, budget_steps: int) -> None:
        if self._reset_before_learning:
            self._reset_before_learning = False
            self._reset()
        super()._learn(budget_steps)

    def _reset(self) -> None:
        """Draw the heads as Stable-Baselines3 does (orthogonal, gain 0.01 and 1), and drop the moments."""
        policy = self.policy
        assert isinstance(policy, ActorCriticPolicy)
        policy.optimizer.state.clear()
        for head, gain in ((policy.action_net, 0.01), (policy.value_net, 1.0)):
            head.apply(partial(policy.init_weights, gain=gain))


def make(seed: int, lanes: int, **changes: Any) -> ResettingPPOLearner:
    """A new resetting PPO learner with a 32-bit seed, on the device that ``AMTLB_DEVICE`` names.

    Keywords change values of ``PARAMETERS``, for tuning (``--set``).
    """
    return ResettingPPOLearner(seed, lanes, with_changes(PARAMETERS, changes))
