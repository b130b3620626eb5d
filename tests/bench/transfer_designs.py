"""Learners that carry something to the next game: the designs that tests/bench/transfer_search.py compares.

Each is PPO with the configuration of ``baselines.ppo``. Most differ in what the first ``learn`` after a
``load`` does to what was loaded; until then they learn as PPO does, so pre-training and fresh runs are PPO's.
Some learn otherwise from the start, and have pre-training and fresh runs of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from baselines.networks import Network2013
from baselines.ppo import PARAMETERS, PPOLearner
from baselines.ppo_reset import ResettingPPOLearner
from tests.bench.transfer_callbacks import Average, EntropyFloor, Thaw

PLAIN, SELF = "carry", "self"
"""PPO as it is; and as a learner that is trained before on the very game that it is tried on."""
TRUNK_GAIN = 2**0.5
"""Of the orthogonal matrices that Stable-Baselines3 draws a trunk's weights from."""


class Design(NamedTuple):
    """One design.

    Attributes:
        make: a learner from its seed and the number of lanes.
        does: in words, for the table.
        learns: as which design it learns until it has loaded; its fresh runs and pre-training are that one's.
    """

    make: Callable[[int, int], PPOLearner]
    does: str
    learns: str = PLAIN


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
        """The network that both heads share."""
        trunk = self.actor_critic.features_extractor
        assert isinstance(trunk, Network2013)
        return trunk

    @property
    def layers(self) -> list[nn.Conv2d | nn.Linear]:
        """The layers of the trunk, the first one first."""
        return [self.trunk.first, self.trunk.second, self.trunk.wide]


class PartLearner(TrunkLearner):
    """Carries everything but some parts, which are drawn again.

    Args:
        heads: the names of the policy's heads that are drawn again, each with its gain.
        moments: whether the moments of what is carried are carried, too.
    """

    def __init__(self, seed: int, lanes: int, heads: Mapping[str, float], moments: bool) -> None:
        super().__init__(seed, lanes)
        self._heads, self._moments = heads, moments

    def _reset(self) -> None:
        policy = self.actor_critic
        for name, gain in self._heads.items():
            head = getattr(policy, name)
            head.apply(partial(policy.init_weights, gain=gain))
            for parameter in head.parameters():
                policy.optimizer.state.pop(parameter, None)
        if not self._moments:
            policy.optimizer.state.clear()


POLICY_HEAD, VALUE_HEAD = {"action_net": 0.01}, {"value_net": 1.0}
"""The heads of Stable-Baselines3's policy, and the gains that it draws them with."""


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
        share: of the budget that the trunk rests for.
    """

    def __init__(self, seed: int, lanes: int, share: float) -> None:
        super().__init__(seed, lanes)
        self._share = share
        self._thaw = Thaw(self.trunk)

    def _learn(self, budget_steps: int) -> None:
        if self._reset_before_learning:
            self._thaw.rest(round(self._share * budget_steps / (PARAMETERS["n_steps"] * self.algorithm.n_envs)))
        super()._learn(budget_steps)

    def _callbacks(self) -> list[BaseCallback]:
        return [*super()._callbacks(), self._thaw]


class VariedLearner(TrunkLearner):
    """Keeps its policy varied: the entropy bonus grows while the entropy is below a floor, and shrinks above.

    In pre-training on several games PPO's policy collapses to few actions (docs/results.md).

    Args:
        new_heads: whether heads are drawn again after a load, as by ``ppo_reset``, or everything is carried.
    """

    def __init__(self, seed: int, lanes: int, new_heads: bool) -> None:
        super().__init__(seed, lanes)
        self._new_heads = new_heads

    def _callbacks(self) -> list[BaseCallback]:
        return [*super()._callbacks(), EntropyFloor()]

    def _reset(self) -> None:
        if self._new_heads:
            super()._reset()


class AveragedLearner(TrunkLearner):
    """Saves its trunk averaged over its last rollouts, and starts the next game with it and new heads.

    Args:
        kept: the weight of the average before in the one after a rollout.
    """

    def __init__(self, seed: int, lanes: int, kept: float) -> None:
        super().__init__(seed, lanes)
        self._average = Average(self.trunk, kept)

    def _callbacks(self) -> list[BaseCallback]:
        return [*super()._callbacks(), self._average]

    def save(self, folder: Path) -> None:
        """As PPO, with the average in the trunk's place."""
        with self._average.in_place():
            super().save(folder)


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
    PLAIN: Design(PPOLearner, "everything is carried (`ppo`)"),
    SELF: Design(PPOLearner, "everything is carried, of the held-out game itself: the ceiling, never chosen"),
    "heads": Design(ResettingPPOLearner, "new heads, no moments (`ppo_reset`)"),
    "moments": Design(partial(PartLearner, heads={}, moments=False), "everything is carried but the moments"),
    "heads_moments": Design(
        partial(PartLearner, heads=POLICY_HEAD | VALUE_HEAD, moments=True),
        "new heads; the trunk keeps its moments",
    ),
    "policy_head": Design(
        partial(PartLearner, heads=POLICY_HEAD, moments=False), "a new policy head, no moments"
    ),
    "value_head": Design(partial(PartLearner, heads=VALUE_HEAD, moments=False), "a new value head, no moments"),
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
        partial(HeadsFirstLearner, share=0.2), "new heads; the trunk rests for the first fifth of the frames"
    ),
    "soft_head": Design(partial(SoftHeadLearner, scale=0.1), "a tenth of the policy head, a new value head"),
    "varied": Design(
        partial(VariedLearner, new_heads=False),
        "everything is carried; an entropy floor from the start",
        "varied",
    ),
    "varied_heads": Design(
        partial(VariedLearner, new_heads=True), "new heads; an entropy floor from the start", "varied"
    ),
    "averaged": Design(
        partial(AveragedLearner, kept=0.98),
        "new heads; the trunk is its average over the last rollouts",
        "averaged",
    ),
}
"""By name, in the order of the table."""
