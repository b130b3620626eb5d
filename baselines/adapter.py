"""What every Stable-Baselines3 learner needs: the lanes as a VecEnv, and weights in safetensors files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv

from protocol import LearnerError
from suite.lanes import LaneEnv

OBSERVATION_SPACE = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
ACTION_SPACE = gymnasium.spaces.Discrete(18)
DEVICES = ("cpu", "cuda")
_WEIGHTS = "learner.safetensors"


def device() -> str:
    """The device that ``AMTLB_DEVICE`` names; cpu where it names none.

    Raises:
        LearnerError: it names another than cpu or cuda, or cuda where there is none.
    """
    name = os.environ.get("AMTLB_DEVICE", "cpu")
    if name not in DEVICES:
        raise LearnerError(f"device {name!r} does not exist; choose one of: {', '.join(DEVICES)}")
    if name == "cuda" and not torch.cuda.is_available():
        raise LearnerError("device 'cuda' was asked for, but torch finds no CUDA device; choose cpu")
    return name


class LaneVecEnv(VecEnv):
    """Lanes in the shape that Stable-Baselines3 expects; rewards are clipped to their sign.

    Stable-Baselines3 wants an environment before there is one: this one is made with the number of lanes
    and connected to the lanes when they come.

    Args:
        lanes: how many lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._env: LaneEnv | None = None
        self._actions: npt.NDArray[np.int64] = np.zeros(lanes, np.int64)
        self._no_infos: list[dict[str, Any]] = [{} for _ in range(lanes)]
        super().__init__(lanes, OBSERVATION_SPACE, ACTION_SPACE)

    def connect(self, env: LaneEnv) -> None:
        """Play these lanes from now on."""
        self._env = env

    def reset(self) -> npt.NDArray[np.uint8]:
        """The current observations."""
        return self._lanes().reset()[0]

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        """Keep the actions for ``step_wait``."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Play the step; raises BudgetExhausted when the frames are spent."""
        observations, rewards, terminated, truncated, infos = self._lanes().step(self._actions)
        over = terminated | truncated
        if infos:
            lane_infos: list[dict[str, Any]] = [{} for _ in over]
            for lane in np.flatnonzero(over):
                lane_infos[lane] = {
                    "terminal_observation": infos["final_obs"][lane],
                    "TimeLimit.truncated": bool(truncated[lane]),
                }
        else:
            lane_infos = self._no_infos
        return observations, np.sign(rewards).astype(np.float32), over, lane_infos

    def close(self) -> None:
        """The lanes belong to the harness."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Lanes are not single environments: only what VecEnv's own constructor asks for is answered."""
        return [None for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: nothing in a lane can be set."""
        raise AttributeError(f"{attr_name} of a lane cannot be set")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refused: a lane has no methods of its own."""
        raise AttributeError(f"a lane has no method {method_name}")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Lanes are wrapped in nothing."""
        return [False for _ in self._get_indices(indices)]

    def _lanes(self) -> LaneEnv:
        if self._env is None:
            raise LearnerError("the learner has no lanes yet: call learn(env)")
        return self._env


def save_weights(algorithm: BaseAlgorithm, folder: Path) -> None:
    """Write a policy's weights and its optimiser's state into ``folder``."""
    policy = _policy(algorithm)
    # Parameters by name, not the state dict: that one lists a shared trunk three times.
    tensors = {f"policy.{name}": parameter for name, parameter in policy.named_parameters()}
    for index, state in policy.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in state.items()}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / _WEIGHTS)


def load_weights(algorithm: BaseAlgorithm, folder: Path) -> None:
    """Read what ``save_weights`` wrote.

    Raises:
        LearnerError: the file is missing, or does not hold the weights of this network.
    """
    policy = _policy(algorithm)
    parameters = {f"policy.{name}": parameter for name, parameter in policy.named_parameters()}
    try:
        tensors = load_file(folder / _WEIGHTS, device=str(algorithm.device))
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(tensors[name])
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise LearnerError(
            f"the checkpoint does not fit this learner ({type(error).__name__}: {error})"
        ) from error
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, field = name.split(".", 2)
            state.setdefault(int(index), {})[field] = value
    groups: Sequence[Any] = policy.optimizer.state_dict()["param_groups"]
    policy.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _policy(algorithm: BaseAlgorithm) -> BasePolicy:
    policy = algorithm.policy
    assert isinstance(policy, BasePolicy)
    return policy
