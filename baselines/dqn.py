"""DQN (Mnih et al. 2015) on Stable-Baselines3: one configuration for all games, arms and editions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete
from stable_baselines3 import DQN

from baselines.adapter import LaneVecEnv, device
from baselines.learner import StableLearner, configuration, set_up_torch, split_parameters, with_changes
from baselines.replay_buffer import PictureReplay

PARAMETERS: Mapping[str, Any] = {
    "buffer_size": 100_000,
    "batch_size": 32,
    "train_freq": 1,
    "gradient_steps": 1,
    "learning_rate": 2.5e-4,
    "adam_eps": 1e-8,
    "target_update_interval": 2_000,
    "exploration_fraction": 0.1,
    "exploration_initial_eps": 1.0,
    "exploration_final_eps": 0.05,
    "gamma": 0.99,
    "max_grad_norm": 10,
}
"""Stable-Baselines3's names: ``train_freq`` counts vector steps, ``buffer_size`` and
``target_update_interval`` count agent steps, all lanes together. The values were chosen by trial:
docs/baselines.md."""
LEARNING_STARTS_FRACTION = 0.02
EVALUATION_EPSILON = 0.05


class LaneDQN(DQN):
    """DQN that explores in each lane independently; Stable-Baselines3 explores in all lanes or in none."""

    def _sample_action(
        self, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        assert isinstance(self._last_obs, np.ndarray)
        epsilon = 1.0 if self.num_timesteps < learning_starts else self.exploration_rate
        actions = self.explore(torch.from_numpy(self._last_obs), epsilon)
        return actions, actions

    def explore(self, observations: torch.Tensor, epsilon: float) -> npt.NDArray[np.int64]:
        """A uniform action with probability ``epsilon``, otherwise the greedy one; integers (N,)."""
        random = np.random.random_sample(len(observations)) < epsilon
        assert isinstance(self.action_space, Discrete)
        actions = np.random.randint(0, int(self.action_space.n), len(observations))
        if not random.all():
            with torch.no_grad():
                greedy = self.q_net._predict(observations.to(self.device)).cpu().numpy()
            actions[~random] = greedy[~random]
        return actions


class DQNLearner(StableLearner):
    """DQN with the 2013 network, one replay buffer for all lanes, epsilon-greedy in training and evaluation.

    A checkpoint contains the weights of both networks and the optimiser's moments, for the same reason as
    PPO's. Two things start again with each run. The first is the exploration schedule: a held-out game is as
    unknown to a pre-trained learner as to a new one, and so the arms differ only in their weights. The second
    is the replay buffer, because its steps are of games that are no longer played. The schedule and the number
    of steps before learning are fractions of the budget, which a learner knows.
    """

    algorithm: LaneDQN
    _counters = (*StableLearner._counters, "_n_calls", "exploration_rate")

    def __init__(self, seed: int, lanes: int, parameters: Mapping[str, Any] = PARAMETERS) -> None:
        set_up_torch()
        own = {"learning_starts_fraction": LEARNING_STARTS_FRACTION, "evaluation_epsilon": EVALUATION_EPSILON}
        self.configuration = configuration("dqn", {**parameters, **own})
        env = LaneVecEnv(lanes)
        of_algorithm, of_policy = split_parameters(parameters)
        dqn = LaneDQN(
            "CnnPolicy",
            env,
            seed=seed,
            device=device(),
            replay_buffer_class=PictureReplay,  # type: ignore[arg-type]
            replay_buffer_kwargs={"seed": seed},
            policy_kwargs=of_policy,
            **of_algorithm,
        )
        super().__init__(dqn, env)

    def _learn(self, budget_steps: int) -> None:
        self.algorithm.learning_starts = int(LEARNING_STARTS_FRACTION * budget_steps)
        super()._learn(budget_steps)

    def _state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        counters, arrays = super()._state()
        replay, kept = self._replay_buffer.state()
        return counters | {"replay": replay}, arrays | kept

    def _set_state(self, counters: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        super()._set_state(counters, arrays)
        self._replay_buffer.set_state(counters["replay"], arrays)

    @property
    def _replay_buffer(self) -> PictureReplay:
        replay = self.algorithm.replay_buffer
        assert isinstance(replay, PictureReplay)
        return replay

    def _act(self, observations: torch.Tensor) -> npt.NDArray[np.int64]:
        return self.algorithm.explore(observations, EVALUATION_EPSILON)


def make(seed: int, lanes: int, **changes: Any) -> DQNLearner:
    """A new DQN learner with a 32-bit seed, on the device that ``AMTLB_DEVICE`` names.

    Keywords change values of ``PARAMETERS``, for tuning (``--set``).
    """
    return DQNLearner(seed, lanes, with_changes(PARAMETERS, changes))
