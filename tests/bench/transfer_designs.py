"""What a learner may carry to the next game: the designs that tests/bench/transfer_search.py compares.

Each is PPO with the configuration of ``baselines.ppo``. They differ in what the first ``learn`` after a
``load`` does to what was loaded. Until then they learn alike, so that pre-training and fresh runs are PPO's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from baselines.networks import Network2013
from baselines.ppo import PPOLearner
from baselines.ppo_reset import ResettingPPOLearner

TRUNK_GAIN = 2**0.5
"""Of the orthogonal matrices that Stable-Baselines3 draws a trunk's weights from."""


class Design(NamedTuple):
    """One design.

    Attributes:
        make: a learner from its seed and the number of lanes.
        does: in words, for the table.
    """

    make: Callable[[int, int], PPOLearner]
    does: str


class TrunkLearner(ResettingPPOLearner):
    """``ppo_reset``, with the parts of its policy by name."""

    @property
    def actor_critic(self) -> ActorCriticPolicy:
        """The policy."""
        policy = self.policy
        assert isinstance(policy, ActorCriticPolicy)
        return policy

    @property
    def trunk(self) -> Network2013:
        """What both heads share."""
        trunk = self.actor_critic.features_extractor
        assert isinstance(trunk, Network2013)
        return trunk

    @property
    def layers(self) -> list[nn.Conv2d | nn.Linear]:
        """The layers of the trunk, the first one first."""
        return [self.trunk.first, self.trunk.second, self.trunk.wide]


def draw(layer: nn.Conv2d | nn.Linear) -> None:
    """Draw the weights of a layer of a trunk as Stable-Baselines3 does, whatever their layout in memory."""
    with torch.no_grad():
        drawn = nn.init.orthogonal_(torch.empty(layer.weight.shape), gain=TRUNK_GAIN)
        layer.weight.copy_(drawn)
        assert layer.bias is not None
        layer.bias.zero_()


class FiltersLearner(TrunkLearner):
    """Carries the filters only: the wide layer is drawn again, too (Yosinski et al. 2014)."""

    def _reset(self) -> None:
        super()._reset()
        draw(self.trunk.wide)


class ShrinkingLearner(TrunkLearner):
    """Moves the trunk towards a new draw (shrink and perturb, Ash and Adams 2020).

    Args:
        kept: the weight of what was learned, from 0 to 1; the new draw has the rest.
    """

    def __init__(self, seed: int, lanes: int, kept: float) -> None:
        super().__init__(seed, lanes)
        self._kept = kept

    def _reset(self) -> None:
        super()._reset()
        for layer in self.layers:
            learned = [parameter.detach().clone() for parameter in layer.parameters()]
            draw(layer)
            with torch.no_grad():
                for parameter, before in zip(layer.parameters(), learned, strict=True):
                    parameter.lerp_(before, self._kept)


class HeadsFirstLearner(TrunkLearner):
    """Trains new heads on the trunk as it is, then everything (Kumar et al. 2022).

    Args:
        rollouts: how many the trunk rests for.
    """

    def __init__(self, seed: int, lanes: int, rollouts: int) -> None:
        super().__init__(seed, lanes)
        self._rollouts = rollouts
        self._thaw = Thaw(self.trunk)

    def _reset(self) -> None:
        super()._reset()
        self._thaw.rest(self._rollouts)

    def _callbacks(self) -> list[BaseCallback]:
        return [*super()._callbacks(), self._thaw]


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


class SoftHeadLearner(TrunkLearner):
    """Carries the policy head, but so small that it acts almost at random; the value head is drawn again.

    Args:
        scale: what the policy head is multiplied by.
    """

    def __init__(self, seed: int, lanes: int, scale: float) -> None:
        super().__init__(seed, lanes)
        self._scale = scale

    def _reset(self) -> None:
        head = self.actor_critic.action_net
        learned = [parameter.detach().clone() for parameter in head.parameters()]
        super()._reset()
        with torch.no_grad():
            for parameter, before in zip(head.parameters(), learned, strict=True):
                parameter.copy_(self._scale * before)


class RescaledLearner(TrunkLearner):
    """Gives each unit of the trunk weights as long as a new one's; what it sees stays what was learned.

    Weights grow while they are learned, and the longer they are, the less a step of Adam turns them (Lyle et
    al. 2024).
    """

    def _reset(self) -> None:
        super()._reset()
        for layer in self.layers:
            weight, bias = (parameter.detach().clone() for parameter in layer.parameters())
            draw(layer)
            factors = lengths(layer.weight) / lengths(weight).clamp_min(torch.finfo(torch.float32).tiny)
            with torch.no_grad():
                layer.weight.copy_(weight * factors.reshape(-1, *[1] * (weight.ndim - 1)))
                assert layer.bias is not None
                layer.bias.copy_(bias * factors)


def lengths(weight: torch.Tensor) -> torch.Tensor:
    """The Euclidean length of each unit's weights; float (units,) from float (units, ...)."""
    return weight.flatten(1).square().sum(1).sqrt()


DESIGNS: Mapping[str, Design] = {
    "carry": Design(PPOLearner, "everything is carried (`ppo`)"),
    "heads": Design(ResettingPPOLearner, "new heads, no moments (`ppo_reset`)"),
    "filters": Design(FiltersLearner, "new heads and a new wide layer: only the filters are carried"),
    "shrink_80": Design(
        partial(ShrinkingLearner, kept=0.8), "new heads; the trunk is 80 % old, 20 % newly drawn"
    ),
    "shrink_50": Design(
        partial(ShrinkingLearner, kept=0.5), "new heads; the trunk is half old, half newly drawn"
    ),
    "rescale": Design(
        RescaledLearner, "new heads; each unit of the trunk has the weights' length of a new one"
    ),
    "heads_first": Design(
        partial(HeadsFirstLearner, rollouts=5), "new heads; the trunk rests for the first fifth of the frames"
    ),
    "soft_head": Design(partial(SoftHeadLearner, scale=0.1), "a tenth of the policy head, a new value head"),
}
"""By name, in the order of the table."""
