"""The callbacks of designs that learn otherwise than PPO: rest, an entropy floor, an average."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn


class Thaw(BaseCallback):
    """Lets a network rest for some rollouts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network, self._left = network, 0

    def rest(self, rollouts: int) -> None:
        """Let it rest for the next rollouts and the gradients after each."""
        self._left = rollouts
        self._network.requires_grad_(False)

    def _on_rollout_start(self) -> None:
        if not self._left:
            self._network.requires_grad_(True)
        self._left = max(0, self._left - 1)

    def _on_step(self) -> bool:
        return True


class EntropyFloor(BaseCallback):
    """Sets the coefficient of the entropy bonus anew before each rollout."""

    floor_nats, step, lowest, highest = 1.5, 1.05, 0.001, 0.03

    def _on_rollout_start(self) -> None:
        assert isinstance(self.model, PPO)
        loss = self.logger.name_to_value.get("train/entropy_loss")  # of the last rollout; none before the first
        if loss is not None:
            factor = self.step if -loss < self.floor_nats else 1 / self.step
            self.model.ent_coef = min(max(self.model.ent_coef * factor, self.lowest), self.highest)

    def _on_step(self) -> bool:
        return True


class Average(BaseCallback):
    """An exponential moving average of a network's parameters, one step per rollout."""

    def __init__(self, network: nn.Module, kept: float) -> None:
        super().__init__()
        self._network, self._kept = network, kept
        self._average: list[torch.Tensor] = []

    def _on_rollout_start(self) -> None:
        now = [parameter.detach() for parameter in self._network.parameters()]
        if not self._average:
            self._average = [parameter.clone() for parameter in now]
        for average, parameter in zip(self._average, now, strict=True):
            average.lerp_(parameter, 1 - self._kept)

    def _on_step(self) -> bool:
        return True

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While the block lasts, the network has the average for its parameters, if there is one yet."""
        parameters = list(self._network.parameters())[: len(self._average)]
        now = [parameter.detach().clone() for parameter in parameters]
        with torch.no_grad():
            for parameter, average in zip(parameters, self._average, strict=True):
                parameter.copy_(average)
            yield
            for parameter, before in zip(parameters, now, strict=True):
                parameter.copy_(before)
