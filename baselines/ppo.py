"""PPO (Schulman et al. 2017) on Stable-Baselines3: one configuration for all games, arms and editions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stable_baselines3 import PPO

from baselines.adapter import LaneVecEnv, device
from baselines.learner import ActorCriticLearner, configuration, set_up_torch, split_parameters, with_changes
from baselines.rollouts import Rollouts

PARAMETERS: Mapping[str, Any] = {
    "n_steps": 125,
    "batch_size": 250,
    "n_epochs": 4,
    "learning_rate": 5e-4,
    "adam_eps": 1e-5,
    "clip_range": 0.1,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.001,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
"""Stable-Baselines3's names. 125 steps of 8 lanes divide the budget of every run, so no experience is lost
at its end. The values were chosen by trial: docs/baselines.md."""


class PPOLearner(ActorCriticLearner):
    """PPO with the 2013 network, actions sampled in training and in evaluation.

    A checkpoint contains the weights and the optimiser's moments. The moments belong to the weights: a transfer
    run without them would begin with steps of the wrong size. Nothing else is kept after a rollout.

    This is the plain reference, so it carries everything to the next game, and that has a price. In a trial
    (name_this_game for 240,000 frames, then kung_fu_master for 80,000, 2 seeds), a fresh learner earned 9,400
    and 13,800 points, and a learner that carried all weights and moments earned 1,200 and 1,600.
    ``baselines.ppo_reset`` carries only the trunk; in the same trial it earned 10,900 and 12,200.
    """

    name = "ppo"

    def __init__(self, seed: int, lanes: int, parameters: Mapping[str, Any] = PARAMETERS) -> None:
        set_up_torch()
        self.configuration = configuration(self.name, parameters)
        env = LaneVecEnv(lanes)
        of_algorithm, of_policy = split_parameters(parameters)
        ppo = PPO(
            "CnnPolicy",
            env,
            seed=seed,
            device=device(),
            rollout_buffer_class=Rollouts,
            policy_kwargs=of_policy,
            **of_algorithm,
        )
        super().__init__(ppo, env)


def make(seed: int, lanes: int, **changes: Any) -> PPOLearner:
    """A new PPO learner with a 32-bit seed, on the device that ``AMTLB_DEVICE`` names.

    Keywords change values of ``PARAMETERS``, for tuning (``--set``).
    """
    return PPOLearner(seed, lanes, with_changes(PARAMETERS, changes))
