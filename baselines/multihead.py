"""A policy of several heads on one trunk, mixed by a gate that sees only the observation."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import torch
from gymnasium.spaces import Discrete
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticCnnPolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import nn


class Mixture(NamedTuple):
    """The combined output of the heads for N observations: logits (N, A), values (N, 1), gate (N, K)."""

    logits: torch.Tensor
    values: torch.Tensor
    gate: torch.Tensor


class MultiHeadPolicy(ActorCriticCnnPolicy):
    """K policy heads and K value heads, mixed by ``softmax(gate(features) / temperature)``.

    Logits and values of the mixture are those of the heads, weighted by the gate. Everything is trained end to
    end. So the learner learns which head handles an observation, and nothing tells it the game.

    Nothing in the task prevents the gate from giving everything to one head, which then learns fastest and is
    given even more. A term is therefore added to the loss: ``balance_coef`` times the Kullback-Leibler
    divergence of the batch's mean gate from the uniform one. It rewards the use of all heads over a batch, not
    for each observation: a batch of one game may be split by situation, a batch of several games by game.

    Args:
        heads: K.
        temperature: of the gate; the lower, the harder it chooses.
        balance_coef: weight of the balancing term.
        args, kwargs: as for ``ActorCriticCnnPolicy``, with a shared features extractor.

    Attributes:
        gate_weights: float (N, K), of the last observations for which ``forward`` chose actions.
    """

    def __init__(self, *args: Any, heads: int, temperature: float, balance_coef: float, **kwargs: Any) -> None:
        self.heads = heads
        self._temperature = temperature
        self._balance_coef = balance_coef
        self.gate_weights = torch.empty(0, heads)
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        assert isinstance(self.action_space, Discrete)
        self.action_net = nn.Linear(self.features_dim, self.heads * int(self.action_space.n))
        self.value_net = nn.Linear(self.features_dim, self.heads)
        self.gate_net = nn.Linear(self.features_dim, self.heads)
        for module, gain in ((self.action_net, 0.01), (self.value_net, 1.0), (self.gate_net, 1.0)):
            module.apply(partial(self.init_weights, gain=gain))
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]

    def mix(self, obs: PyTorchObs) -> Mixture:
        """The combined output of the heads for uint8 observations (N, 4, 84, 84)."""
        features = self.extract_features(obs)
        assert isinstance(features, torch.Tensor)
        gate = torch.softmax(self.gate_net(features) / self._temperature, dim=1)
        logits = self.action_net(features).view(len(gate), self.heads, -1)
        values = self.value_net(features)
        return Mixture(torch.bmm(gate[:, None], logits)[:, 0], (gate * values).sum(1, keepdim=True), gate)

    def forward(
        self, obs: torch.Tensor, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions (N,), values (N, 1) and log-probabilities (N,)."""
        mixture = self.mix(obs)
        self.gate_weights = mixture.gate.detach()
        log_probs = torch.log_softmax(mixture.logits, 1)
        chances = log_probs.exp()
        actions = chances.argmax(1, keepdim=True) if deterministic else torch.multinomial(chances, 1)
        return actions[:, 0], mixture.values, log_probs.gather(1, actions)[:, 0]

    def evaluate_actions(
        self, obs: PyTorchObs, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Values (N, 1), log-probabilities (N,) and entropies (N,); the values carry the balancing term."""
        mixture = self.mix(obs)
        log_probs = torch.log_softmax(mixture.logits, 1)
        entropies = -(log_probs.exp() * log_probs).sum(1)
        term = self._balance_coef * imbalance(mixture.gate)
        values: torch.Tensor = _WithTerm.apply(mixture.values, term)  # type: ignore[no-untyped-call]
        return values, log_probs.gather(1, actions[:, None])[:, 0], entropies

    def get_distribution(self, obs: PyTorchObs) -> Distribution:
        """The distribution of actions."""
        distribution: Distribution = self.action_dist.proba_distribution(action_logits=self.mix(obs).logits)
        return distribution

    def predict_values(self, obs: PyTorchObs) -> torch.Tensor:
        """Values (N, 1)."""
        return self.mix(obs).values


def imbalance(gate: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence, in nats, of the mean of gate weights (N, K) from uniform weights.

    0 if all heads are used equally over the batch, log K if only one is used.
    """
    mean = gate.mean(0).clamp_min(torch.finfo(gate.dtype).tiny)  # at 0 the logarithm has no gradient
    negative_entropy: torch.Tensor = torch.special.xlogy(mean, mean).sum()
    return negative_entropy + math.log(len(mean))


class _WithTerm(torch.autograd.Function):
    """Passes values on unchanged and adds a term to every loss that is computed from them.

    Stable-Baselines3 adds up its loss itself; the term's gradient enters together with that of the values.
    Megatron-LM adds the balancing terms of its mixtures of experts in this way.
    """

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, term: torch.Tensor) -> torch.Tensor:
        ctx.term_shape = term.shape
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return gradient, gradient.new_ones(ctx.term_shape)
