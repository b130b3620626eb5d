"""The parts that all learners on Stable-Baselines3 share: to learn until the budget ends, act, save, load."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy

from baselines.adapter import FRAMES_A_STEP, LaneVecEnv, interleaved, to_device
from baselines.networks import Network2013
from baselines.weights import load_weights, save_weights
from protocol import BudgetExhausted
from suite.lanes.environment import LaneEnv


def configuration(algorithm: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A learner's ``configuration``: the algorithm, its hyper-parameters, and those that all learners share."""
    shared = {"network": "2013", "optimizer": "adam", "reward_clipping": "sign"}
    return {"algorithm": algorithm, **shared, **parameters}


def split_parameters(
    parameters: Mapping[str, Any], of_policy: tuple[str, ...] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hyper-parameters as Stable-Baselines3 expects them: those of the algorithm, and those of its policy.

    Args:
        parameters: of both, and ``adam_eps``, which is the optimiser's.
        of_policy: the names of the parameters that the policy itself takes.
    """
    algorithm = dict(parameters)
    policy = {
        "features_extractor_class": Network2013,
        "normalize_images": False,  # the network does
        "net_arch": [],
        "optimizer_class": torch.optim.Adam,
        "optimizer_kwargs": {"eps": algorithm.pop("adam_eps"), "fused": True},
        **{name: algorithm.pop(name) for name in of_policy},
    }
    return algorithm, policy


def set_up_torch() -> None:
    """One torch thread, no algorithm whose result could differ between calls, and no needless checks."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # torch would write NaN over all memory before it is used, which takes 3 % of the time ...
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # ... and check all parameters of each distribution, 2 %; sampling from NaN is an error anyway.
    torch.distributions.Distribution.set_default_validate_args(False)


class StableLearner(ABC):
    """A learner whose algorithm is one of Stable-Baselines3's.

    Args:
        algorithm: made with ``lanes`` as its environment.
        lanes: the lanes that it will play.
    """

    configuration: Mapping[str, Any]

    def __init__(self, algorithm: BaseAlgorithm, lanes: LaneVecEnv) -> None:
        self.algorithm = algorithm
        self._lanes = lanes
        self.policy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def policy(self) -> BasePolicy:
        """The networks and their optimiser."""
        policy = self.algorithm.policy
        assert isinstance(policy, BasePolicy)
        return policy

    def learn(self, env: LaneEnv) -> None:
        """Play and learn until the budget is spent."""
        self._lanes.connect(env)
        try:
            self._learn(env.budget_frames // FRAMES_A_STEP)
        except BudgetExhausted:
            return

    def _learn(self, budget_steps: int) -> None:
        self.algorithm.learn(budget_steps, log_interval=None)  # type: ignore[arg-type]

    def act(
        self, observations: npt.NDArray[np.uint8], episode_start: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """One action per lane; integers (L,)."""
        with torch.no_grad():
            return self._act(to_device(interleaved(observations), self.algorithm.device))

    @abstractmethod
    def _act(self, observations: torch.Tensor) -> npt.NDArray[np.int64]:
        """Actions for observations that are channels-last on the learner's device."""

    def save(self, folder: Path) -> None:
        """Write weights and optimiser state as one safetensors file."""
        save_weights(self.policy, folder)

    def load(self, folder: Path) -> None:
        """Read what ``save`` wrote."""
        load_weights(self.policy, folder)


class ActorCriticLearner(StableLearner):
    """A learner that samples its actions from its policy, in training and in evaluation."""

    def _act(self, observations: torch.Tensor) -> npt.NDArray[np.int64]:
        policy = self.policy
        assert isinstance(policy, ActorCriticPolicy)
        policy.set_training_mode(False)
        actions, _, _ = policy(observations)
        chosen: npt.NDArray[np.int64] = actions.cpu().numpy()
        return chosen
