"""A2C (Mnih et al. 2016) with several heads: one configuration for all games, arms and editions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import BaseCallback

from baselines.adapter import FRAMES_A_STEP, LaneVecEnv, device
from baselines.learner import POLICY, ActorCriticLearner, make_deterministic
from baselines.multihead import MultiHeadPolicy
from baselines.rollouts import Rollouts

PARAMETERS: Mapping[str, Any] = {
    "heads": 4,
    "temperature": 1.0,
    "balance_coef": 0.01,
    "n_steps": 5,
    "learning_rate": 7e-4,
    "gamma": 0.99,
    "gae_lambda": 1.0,
    "ent_coef": 0.01,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
_OF_THE_HEADS = ("heads", "temperature", "balance_coef")


class HeadUse(BaseCallback):
    def __init__(self, lanes: int, heads: int) -> None:
        super().__init__()
        self._sums = np.zeros((lanes, heads))
        self._steps = np.zeros(lanes, np.int64)
        self.lanes, self.steps, self.weights = [], [], []

    def _on_step(self) -> bool:
        self._sums += self.model.policy.gate_weights.cpu().numpy()
        self._steps += 1
        for lane in np.flatnonzero(self.locals["dones"]):
            self.lanes.append(int(lane))
            self.steps.append(int(self._steps[lane]))
            self.weights.append(self._sums[lane] / self._steps[lane])
            self._sums[lane] = self._steps[lane] = 0
        return True


class MultiHeadA2CLearner(ActorCriticLearner):

    def __init__(self, seed: int, lanes: int, parameters: Mapping[str, Any] = PARAMETERS) -> None:
        make_deterministic()
        self.configuration = {
            "algorithm": "multihead_a2c",
            "network": "2013",
            "reward_clipping": "sign",
            **parameters,
        }
        of_the_algorithm = dict(parameters)
        of_the_heads = {name: of_the_algorithm.pop(name) for name in _OF_THE_HEADS}
        env = LaneVecEnv(lanes)
        a2c = A2C(
            MultiHeadPolicy,
            env,
            seed=seed,
            device=device(),
            rollout_buffer_class=Rollouts,
            policy_kwargs={**POLICY, **of_the_heads, "optimizer_kwargs": {"eps": 1e-5, "fused": True}},
            use_rms_prop=False,
            **of_the_algorithm,
        )
        self.use = HeadUse(lanes, parameters["heads"])
        super().__init__(a2c, env)

    def _learn(self, budget_steps: int) -> None:
        self.algorithm.learn(budget_steps, callback=self.use, log_interval=10**9)


def make(seed: int, lanes: int, parameters: Mapping[str, Any] = PARAMETERS) -> MultiHeadA2CLearner:
    """A new multi-head A2C learner with a 32-bit seed, on the device that ``AMTLB_DEVICE`` names."""
    return MultiHeadA2CLearner(seed, lanes, parameters)
