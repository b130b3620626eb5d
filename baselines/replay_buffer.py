"""Off-policy experience that stores each picture once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import BaseBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from baselines.adapter import UInt8, interleaved, to_device

_ROWS = ("_pictures", "_actions", "_rewards", "_terminated", "_ended", "_age_steps")


def _as_lists(state: Any) -> Any:
    """A generator's state as JSON holds it."""
    if isinstance(state, Mapping):
        return {name: _as_lists(value) for name, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


class PictureReplay(BaseBuffer):
    """A replay buffer with Stable-Baselines3's interface that stores pictures and not stacks of them.

    A step of all lanes is one row of a ring; a row contains the newest picture of each lane's observation. A
    stack is built from its row and the rows before it, with zeros for pictures before the episode's start, like
    the protocol's padding; the next observation takes one row more. The last observation of an episode is in no
    row (the next row contains the first one of the next episode), so its newest picture is stored separately.
    One picture per step is 7,056 bytes: a hundred thousand steps take 0.7 GB, instead of 5.6 GB as two stacks
    each.

    In a full ring, the ``stack`` oldest rows cannot be drawn: one is being overwritten, and the others lack
    pictures. ``dones`` marks terminations only: after a truncated episode, the next value counts.

    Args:
        buffer_size: steps to store, all lanes together; a ring has ``buffer_size // n_envs`` rows.
        observation_space: uint8 (stack, height, width), oldest picture first.
        action_space: discrete.
        device: the device of the samples.
        n_envs: lanes.
        optimize_memory_usage: required by Stable-Baselines3; must be False, since there is nothing to choose.
        seed: of the draws.

    Raises:
        ValueError: the ring would have too few rows to draw from.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        device: torch.device | str,
        n_envs: int,
        optimize_memory_usage: bool,
        *,
        seed: int,
    ) -> None:
        assert not optimize_memory_usage
        super().__init__(buffer_size // n_envs, observation_space, action_space, device, n_envs)
        self._stack, *picture = self.obs_shape
        if self.buffer_size <= self._stack:
            raise ValueError(
                f"buffer_size {buffer_size} gives {self.buffer_size} rows for {n_envs} lanes; "
                f"a stack of {self._stack} needs at least {(self._stack + 1) * n_envs} steps"
            )
        shape = (self.buffer_size, n_envs)
        self._pictures = np.zeros((*shape, *picture), np.uint8)
        self._actions = np.zeros(shape, np.int64)
        self._rewards = np.zeros(shape, np.float32)
        self._terminated = np.zeros(shape, np.bool_)
        self._ended = np.zeros(shape, np.bool_)
        self._age_steps = np.zeros(shape, np.int32)  # of the episode, at most stack - 1
        self._last_pictures: dict[int, dict[int, UInt8]] = {}
        self._next_age = np.zeros(n_envs, np.int32)
        self._generator = np.random.Generator(np.random.Philox(key=seed))

    def add(
        self,
        obs: UInt8,
        next_obs: UInt8,
        action: npt.NDArray[np.int64],
        reward: npt.NDArray[np.float32],
        done: npt.NDArray[np.bool_],
        infos: list[dict[str, Any]],
    ) -> None:
        """Store one step of all lanes.

        Args:
            obs: uint8 (L, stack, height, width), before the step.
            next_obs: after the step; the episode's last observation if it is done.
            action: integers (L,).
            reward: (L,).
            done: bool (L,), terminated or truncated.
            infos: one dict per lane; ``TimeLimit.truncated`` distinguishes the two.
        """
        row = self.pos
        self._pictures[row] = obs[:, -1]
        self._actions[row] = action
        self._rewards[row] = reward
        self._ended[row] = done
        self._terminated[row] = done
        self._age_steps[row] = self._next_age
        self._next_age = np.where(done, 0, np.minimum(self._next_age + 1, self._stack - 1))
        self._last_pictures.pop(row, None)
        self.pos = (row + 1) % self.buffer_size
        self.full = self.full or self.pos == 0
        # The next step writes the same picture there again, unless a new episode begins.
        self._pictures[self.pos] = next_obs[:, -1]
        for lane in np.flatnonzero(done):
            self._last_pictures.setdefault(row, {})[int(lane)] = next_obs[lane, -1].copy()
            self._terminated[row, lane] = not infos[lane].get("TimeLimit.truncated", False)

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        """Draw steps with replacement, with equal probability for every step that can be drawn."""
        oldest = self.pos + self._stack if self.full else 0
        rows = self.buffer_size - self._stack if self.full else self.pos
        ages = self._generator.integers(0, rows, batch_size)
        lanes = self._generator.integers(0, self.n_envs, batch_size)
        return self._samples((oldest + ages) % self.buffer_size, lanes)

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """All that it holds, as counters for JSON and arrays; the rows that were ever written, uncopied."""
        lasts = [
            (row, lane, last) for row, lanes in self._last_pictures.items() for lane, last in lanes.items()
        ]
        arrays = {f"replay{name}": getattr(self, name)[: self._written] for name in _ROWS}
        arrays["replay_next_age"] = self._next_age
        arrays["replay_last_at"] = np.array([last[:2] for last in lasts], np.int64).reshape(-1, 2)
        pictures = np.array([last[2] for last in lasts], np.uint8)
        arrays["replay_last_pictures"] = pictures.reshape(-1, *self._pictures.shape[2:])
        generator = _as_lists(self._generator.bit_generator.state)
        return {"pos": self.pos, "full": self.full, "generator": generator}, arrays

    def set_state(self, counters: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Hold what ``state`` said."""
        self.pos, self.full = counters["pos"], counters["full"]
        for name in _ROWS:
            getattr(self, name)[: self._written] = arrays[f"replay{name}"]
        self._next_age = arrays["replay_next_age"]
        self._last_pictures = {}
        places = arrays["replay_last_at"].tolist()
        for (row, lane), picture in zip(places, arrays["replay_last_pictures"], strict=True):
            self._last_pictures.setdefault(row, {})[lane] = picture
        self._generator.bit_generator.state = counters["generator"]

    @property
    def _written(self) -> int:
        """The number of rows that hold something; the row to be written next holds a picture already."""
        return self.buffer_size if self.full else self.pos + 1

    def _get_samples(self, batch_inds: np.ndarray, env: Any = None) -> ReplayBufferSamples:
        """Not supported: Stable-Baselines3's method for rows without lanes, which have no meaning here."""
        raise NotImplementedError("draw with sample")

    def _samples(self, rows: npt.NDArray[np.int64], lanes: npt.NDArray[np.int64]) -> ReplayBufferSamples:
        pictures = self._windows(rows, lanes)
        arrays = (
            interleaved(pictures[:, :-1]),
            self._actions[rows, lanes][:, None],
            interleaved(pictures[:, 1:]),
            self._terminated[rows, lanes].astype(np.float32)[:, None],
            self._rewards[rows, lanes][:, None],
        )
        return ReplayBufferSamples(*(to_device(array, self.device) for array in arrays))

    def _windows(self, rows: npt.NDArray[np.int64], lanes: npt.NDArray[np.int64]) -> UInt8:
        """A stack and the picture after it; uint8 (N, stack + 1, height, width)."""
        offsets = np.arange(1 - self._stack, 2)
        window: UInt8 = self._pictures[(rows[:, None] + offsets) % self.buffer_size, lanes[:, None]]
        before_start = -offsets[None, :] > self._age_steps[rows, lanes][:, None]
        if before_start.any():
            window[before_start] = 0
        for sample in np.flatnonzero(self._ended[rows, lanes]):
            window[sample, -1] = self._last_pictures[int(rows[sample])][int(lanes[sample])]
        return window
