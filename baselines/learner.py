"""The parts that all learners on Stable-Baselines3 share: to learn until the budget ends, act, save, load."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy

from baselines.adapter import FRAMES_PER_STEP, LaneVecEnv, interleaved, to_device
from baselines.networks import Network2013
from baselines.state import global_generators, read_state, restore_global_generators, write_state
from baselines.weights import load_weights, save_weights
from protocol import BudgetExhausted, UnknownName
from suite.lanes.environment import LaneEnv


def configuration(algorithm: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A learner's ``configuration``: the algorithm, its hyper-parameters, and those that all learners share."""
    shared = {"network": "2013", "optimizer": "adam", "reward_clipping": "sign"}
    return {"algorithm": algorithm, **shared, **parameters}


def with_changes(parameters: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """An algorithm's hyper-parameters, some of them changed.

    Raises:
        UnknownName: it has no hyper-parameter of that name.
    """
    if unknown := sorted(changes.keys() - parameters.keys()):
        raise UnknownName(f"there is no hyper-parameter {unknown[0]!r}; there are {', '.join(parameters)}")
    return {**parameters, **changes}


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
    # Libraries that were loaded before may have set it; many of Adam's moments are denormal.
    torch.set_flush_denormal(False)
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
    _counters: tuple[str, ...] = ("num_timesteps", "_n_updates", "_episode_num")

    def __init__(self, algorithm: BaseAlgorithm, lanes: LaneVecEnv) -> None:
        self.algorithm = algorithm
        self._lanes = lanes
        self._safe_points = _SafePoints(self.save_state)
        self._resumed = False
        self.policy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        algorithm.set_logger(Logger(folder=None, output_formats=[]))  # by default it makes a folder that stays

    @property
    def policy(self) -> BasePolicy:
        """The networks and their optimiser."""
        policy = self.algorithm.policy
        assert isinstance(policy, BasePolicy)
        return policy

    def learn(self, env: LaneEnv) -> None:
        """Play and learn until the budget is spent."""
        self._lanes.connect(env)
        self._safe_points.env = env
        try:
            self._learn(env.budget_frames // FRAMES_PER_STEP)
        except BudgetExhausted:
            return

    def _learn(self, budget_steps: int) -> None:
        """Learn, or go on with it where a state was loaded."""
        algorithm, begun = self.algorithm, self._resumed
        if begun:
            self._resumed = False
            algorithm._last_obs = self._lanes.reset()
            budget_steps -= algorithm.num_timesteps  # which Stable-Baselines3 adds again
        algorithm.learn(
            budget_steps,
            callback=self._callbacks(),
            log_interval=None,  # type: ignore[arg-type]
            reset_num_timesteps=not begun,
        )

    def _callbacks(self) -> list[BaseCallback]:
        return [self._safe_points]

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

    def save_state(self, folder: Path) -> None:
        """Write all that training, or acting, goes on with: weights, counters, generators, experience."""
        save_weights(self.policy, folder)
        counters, arrays = self._state()
        write_state(folder, counters, arrays)

    def load_state(self, folder: Path) -> None:
        """Read what ``save_state`` wrote; the next ``learn`` goes on where that was."""
        load_weights(self.policy, folder)
        names = [path.stem for path in folder.glob("*.npy")]
        self._set_state(*read_state(folder, names))
        self._resumed = True

    def _state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """The counters and arrays of a state, but for the weights; subclasses add their own."""
        algorithm = self.algorithm
        counters, arrays = global_generators()
        counters |= {name: getattr(algorithm, name) for name in self._counters}
        starts = algorithm._last_episode_starts
        if starts is not None:
            arrays["last_episode_starts"] = np.asarray(starts, np.bool_)
        return counters, arrays

    def _set_state(self, counters: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Become what ``_state`` says."""
        restore_global_generators(counters, arrays)
        for name in self._counters:
            setattr(self.algorithm, name, counters[name])
        self.algorithm._last_episode_starts = arrays.get("last_episode_starts")


class _SafePoints(BaseCallback):
    """Lets the lanes take a snapshot of the learner before each rollout, when all it knows is in its state.

    Args:
        save_state: writes the learner's state into a folder.
    """

    env: LaneEnv

    def __init__(self, save_state: Callable[[Path], None]) -> None:
        super().__init__()
        self._save_state = save_state

    def _on_rollout_start(self) -> None:
        self.env.safe_point(self._save_state)

    def _on_step(self) -> bool:
        return True


class ActorCriticLearner(StableLearner):
    """A learner that samples its actions from its policy, in training and in evaluation."""

    def _act(self, observations: torch.Tensor) -> npt.NDArray[np.int64]:
        policy = self.policy
        assert isinstance(policy, ActorCriticPolicy)
        policy.set_training_mode(False)
        actions, _, _ = policy(observations)
        chosen: npt.NDArray[np.int64] = actions.cpu().numpy()
        return chosen
