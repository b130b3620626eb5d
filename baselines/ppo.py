"""PPO (Schulman et al. 2017) on Stable-Baselines3: one configuration for all games, arms and editions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.utils import obs_as_tensor

from baselines.adapter import LaneVecEnv, device, load_weights, save_weights
from baselines.networks import Network2013
from protocol import BudgetExhausted
from suite.lanes import LaneEnv

FRAMES_A_STEP = 4
CONFIGURATION: dict[str, Any] = {
    "algorithm": "ppo",
    "network": "2013",
    "reward_clipping": "sign",
    "n_steps": 125,
    "batch_size": 250,
    "n_epochs": 4,
    "learning_rate": 5e-4,
    "clip_range": 0.1,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.01,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
"""Stable-Baselines3's names. 125 steps of 8 lanes divide the budget of every run, so no experience is lost
at its end. Learning rate, clip range and epochs are those that were seen to learn within 400,000 frames."""


class PPOLearner:
    """PPO with the 2013 network, actions sampled in training and in evaluation.

    A checkpoint keeps the weights and the optimiser's moments: the moments go with the weights, and a
    transfer run that lost them would open with steps of the wrong size. Nothing else outlives a rollout.
    """

    configuration = CONFIGURATION

    def __init__(self, seed: int, lanes: int) -> None:
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        own = ("algorithm", "network", "reward_clipping")
        self._lanes = LaneVecEnv(lanes)
        self._ppo = PPO(
            "CnnPolicy",
            self._lanes,
            seed=seed,
            device=device(),
            policy_kwargs={"features_extractor_class": Network2013, "net_arch": []},
            **{name: value for name, value in CONFIGURATION.items() if name not in own},
        )

    def learn(self, env: LaneEnv) -> None:
        """Play and learn until the budget is spent."""
        self._lanes.connect(env)
        try:
            self._ppo.learn(env.budget_frames // FRAMES_A_STEP, log_interval=None)  # type: ignore[arg-type]
        except BudgetExhausted:
            return

    def act(
        self, observations: npt.NDArray[np.uint8], episode_start: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Sample an action a lane from the policy; integers (L,)."""
        policy = self._ppo.policy
        policy.set_training_mode(False)
        with torch.no_grad():
            actions, _, _ = policy(obs_as_tensor(observations, self._ppo.device))
        chosen: npt.NDArray[np.int64] = actions.cpu().numpy()
        return chosen

    def save(self, folder: Path) -> None:
        """Write weights and optimiser state as one safetensors file."""
        save_weights(self._ppo, folder)

    def load(self, folder: Path) -> None:
        """Read what ``save`` wrote."""
        load_weights(self._ppo, folder)


def make(seed: int, lanes: int) -> PPOLearner:
    """A new PPO learner with a 32-bit seed, on the device that ``AMTLB_DEVICE`` names."""
    return PPOLearner(seed, lanes)
