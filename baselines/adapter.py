"""The lanes in the form that Stable-Baselines3 expects, and the device that a learner computes on."""

from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.vec_env import VecEnv

from protocol import LearnerError, current_protocol
from suite.lanes.environment import LaneEnv
from suite.lanes.shape import LaneShape

FRAMES_PER_STEP = current_protocol().environment.frame_skip
DEVICES = ("cpu", "cuda")

UInt8 = npt.NDArray[np.uint8]


def device() -> str:
    """The device that ``AMTLB_DEVICE`` names; cpu if it is not set.

    Raises:
        LearnerError: it names a device other than cpu or cuda, or cuda if there is none.
    """
    name = os.environ.get("AMTLB_DEVICE", "cpu")
    if name not in DEVICES:
        raise LearnerError(f"device {name!r} does not exist; choose one of: {', '.join(DEVICES)}")
    if name == "cuda" and not torch.cuda.is_available():
        raise LearnerError("device 'cuda' was asked for, but torch finds no CUDA device; choose cpu")
    return name


def interleaved(observations: UInt8) -> UInt8:
    """The same observations, uint8 (N, 4, 84, 84), with the four values of a pixel adjacent in memory.

    Convolutions on the CPU need this layout. It is made once, in bytes, so that it need not be made again in
    floats each time that the observations are learned from.
    """
    count, pictures, height, width = observations.shape
    pixels = np.empty((count, height, width, pictures), np.uint8)
    for stack, out in zip(observations, pixels, strict=True):
        cv2.merge(tuple(stack), out)
    return pixels.transpose(0, 3, 1, 2)


def to_device(array: npt.NDArray[Any], target: torch.device) -> torch.Tensor:
    """An array as a tensor with the same layout; through pinned memory if it goes to a GPU."""
    tensor = torch.from_numpy(array)
    if target.type == "cpu":
        return tensor
    return tensor.pin_memory().to(target, non_blocking=True)


class LaneVecEnv(VecEnv):
    """Lanes in the shape that Stable-Baselines3 expects.

    Rewards are clipped to their sign; observations are ``interleaved``. Stable-Baselines3 needs an environment
    before the lanes exist. This environment is therefore made with the number of lanes only, and connected to
    the lanes later.

    Args:
        lanes: how many lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._env: LaneEnv | None = None
        self._actions: npt.NDArray[np.int64] = np.zeros(lanes, np.int64)
        self._no_infos: list[dict[str, Any]] = [{} for _ in range(lanes)]
        self._shape = LaneShape.of(current_protocol(), lanes)
        super().__init__(lanes, self._shape.observation_space, self._shape.action_space)

    def connect(self, env: LaneEnv) -> None:
        """Play these lanes from now on.

        Raises:
            LearnerError: they do not have the shape that this environment was made for.
        """
        if (found := LaneShape.of_env(env)) != self._shape:
            raise LearnerError(f"the learner was made for {self._shape}, but is to play {found}")
        self._env = env

    def reset(self) -> UInt8:
        """The current observations."""
        return interleaved(self._lanes().reset()[0])

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        """Store the actions for ``step_wait``."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[UInt8, npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
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
        return interleaved(observations), np.sign(rewards).astype(np.float32), over, lane_infos

    def close(self) -> None:
        """Do nothing, because the lanes belong to the harness."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Answer only what VecEnv's own constructor asks for, because lanes are not single environments."""
        return [None for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse, because nothing in a lane can be set."""
        raise AttributeError(f"{attr_name} of a lane cannot be set")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refuse, because a lane has no methods of its own."""
        raise AttributeError(f"a lane has no method {method_name}")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """False: lanes have no wrappers."""
        return [False for _ in self._get_indices(indices)]

    def _lanes(self) -> LaneEnv:
        if self._env is None:
            raise LearnerError("the learner has no lanes yet: call learn(env)")
        return self._env
