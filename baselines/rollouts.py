"""On-policy experience, stored in the layout that it is learned from."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from stable_baselines3.common.buffers import BaseBuffer, RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from baselines.adapter import to_device


class Rollouts(RolloutBuffer):
    """Stable-Baselines3's rollout buffer with fewer copies.

    Pictures are stored channels-last, so a batch of them needs no transposing. The memory is allocated once,
    not again for each rollout. Steps and lanes are flattened in their order in memory, which copies nothing.
    Samples are drawn as in Stable-Baselines3: one permutation per epoch from numpy's global generator.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pictures, height, width = self.obs_shape
        self._pixels = np.empty((self.buffer_size, self.n_envs, height, width, pictures), np.uint8)
        self.observations = self._pixels.transpose(0, 1, 4, 2, 3)

    def reset(self) -> None:
        """Discard the rollout; the next one overwrites its memory."""
        if hasattr(self, "_pixels"):
            BaseBuffer.reset(self)
        else:
            super().reset()

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """All samples of a full rollout in random order, ``batch_size`` at a time; None: in one batch."""
        assert self.full, "the rollout is not complete"
        samples = self.buffer_size * self.n_envs
        order = np.random.permutation(samples)
        for start in range(0, samples, batch_size or samples):
            yield self._get_samples(order[start : start + (batch_size or samples)])

    def _get_samples(self, batch_inds: np.ndarray, env: Any = None) -> RolloutBufferSamples:
        samples = self.buffer_size * self.n_envs
        pixels = self._pixels.reshape(samples, *self._pixels.shape[2:])[batch_inds]
        flat = (self.actions, self.values, self.log_probs, self.advantages, self.returns)
        actions, *rest = (to_device(array.reshape(samples)[batch_inds], self.device) for array in flat)
        return RolloutBufferSamples(to_device(pixels, self.device).permute(0, 3, 1, 2), actions[:, None], *rest)
