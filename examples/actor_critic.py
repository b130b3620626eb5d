"""A small actor-critic in PyTorch: checked against the contract, then trained until it beats chance.

    python examples/actor_critic.py

Measure it with ``amtlb benchmark --learner actor_critic:make``, called in this folder.
"""

from __future__ import annotations  # so that amtlb.LaneEnv is not loaded where only its name is needed

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import amtlb

CHANCE = 1 / 18  # points per step that uniform actions earn in the trivial lanes


class Network(nn.Module):
    """From pictures, uint8 (L, 4, 84, 84), to the logits of 18 actions, (L, 18), and a value, (L,)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(4, 16, kernel_size=8, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 9 * 9, 128),
            nn.ReLU(),
        )
        self.policy, self.value = nn.Linear(128, 18), nn.Linear(128, 1)

    def forward(self, observations: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and values of a batch of pictures."""
        features = self.trunk(torch.from_numpy(observations).float() / 255)
        return self.policy(features), self.value(features).squeeze(1)


class ActorCritic:
    """Advantage actor-critic over short rollouts of all lanes (Mnih et al. 2016)."""

    configuration: Mapping[str, Any] = {
        "algorithm": "actor-critic",
        "rollout_steps": 5,
        "learning_rate": 1e-3,
        "discount": 0.9,
        "entropy_weight": 0.05,
    }

    def __init__(self, seed: int, lanes: int) -> None:
        with torch.random.fork_rng():  # the weights follow from the seed, and nobody else's draws change
            torch.manual_seed(seed)
            self.network = Network()
        self.draws = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.Adam(self.network.parameters(), self.configuration["learning_rate"])

    def learn(self, env: amtlb.LaneEnv) -> None:
        """Play and learn; in the end env.step raises BudgetExhausted, which may be let through."""
        observations, _ = env.reset()
        while True:
            log_probabilities, entropies, values, rewards, going_on, cut_off = [], [], [], [], [], []
            for _ in range(self.configuration["rollout_steps"]):
                logits, value = self.network(observations)
                actions = self._draw(logits)
                observations, reward, terminated, truncated, infos = env.step(actions.numpy())
                policy = torch.distributions.Categorical(logits=logits)
                log_probabilities.append(policy.log_prob(actions))
                entropies.append(policy.entropy())
                values.append(value)
                rewards.append(torch.from_numpy(np.sign(reward)).float())  # games differ in what a point is
                going_on.append(torch.from_numpy(~(terminated | truncated)).float())
                cut_off.append(self._values_beyond(truncated, infos))
            returns = self._returns(rewards, going_on, cut_off, observations)
            advantages = returns - torch.stack(values)
            loss = (
                0.5 * advantages.pow(2).mean()
                - (advantages.detach() * torch.stack(log_probabilities)).mean()
                - self.configuration["entropy_weight"] * torch.stack(entropies).mean()
            )
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 0.5)
            self.optimiser.step()

    def act(self, observations: np.ndarray, episode_start: np.ndarray) -> np.ndarray:
        """Draw actions from the policy; nothing is learned."""
        with torch.no_grad():
            return self._draw(self.network(observations)[0]).numpy()

    def save(self, folder: Path) -> None:
        """Write weights and the optimiser's moments. (``torch.save`` writes a pickle, which can run code.)"""
        moments = self.optimiser.state_dict()["state"]
        save_file(
            {f"net.{name}": tensor for name, tensor in self.network.state_dict().items()}
            | {f"optimiser.{i}.{name}": moments[i][name] for i in moments for name in moments[i]},
            folder / "learner.safetensors",
        )

    def load(self, folder: Path) -> None:
        """Read what ``save`` wrote."""
        weights: dict[str, torch.Tensor] = {}
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in load_file(folder / "learner.safetensors").items():
            part, _, rest = name.partition(".")
            if part == "net":
                weights[rest] = tensor
            else:
                i, _, moment = rest.partition(".")
                moments.setdefault(int(i), {})[moment] = tensor
        self.network.load_state_dict(weights)
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})

    def _draw(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.multinomial(logits.softmax(dim=1), 1, generator=self.draws).squeeze(1)

    def _values_beyond(self, truncated: np.ndarray, infos: Mapping[str, Any]) -> torch.Tensor:
        """The values of the last pictures of episodes that were cut off, (L,); 0 in the other lanes."""
        values = torch.zeros(len(truncated))
        if truncated.any():
            with torch.no_grad():
                values[truncated] = self.network(infos["final_obs"][truncated])[1]
        return values

    def _returns(
        self,
        rewards: list[torch.Tensor],
        going_on: list[torch.Tensor],
        cut_off: list[torch.Tensor],
        observations: np.ndarray,
    ) -> torch.Tensor:
        """Discounted rewards, (steps, L); the values of the last pictures stand for what was not played."""
        with torch.no_grad():
            ahead = self.network(observations)[1]
        returns = []
        for reward, goes_on, beyond in zip(rewards[::-1], going_on[::-1], cut_off[::-1], strict=True):
            ahead = reward + self.configuration["discount"] * (goes_on * ahead + beyond)
            returns.append(ahead)
        return torch.stack(returns[::-1])


def make(seed: int, lanes: int) -> ActorCritic:
    """A new learner, as ``amtlb benchmark --learner actor_critic:make`` asks for it."""
    return ActorCritic(seed, lanes)


def points_per_step(learner: amtlb.Learner, env: amtlb.LaneEnv) -> float:
    """The points that a learner earns per step while it only acts, mean over lanes and steps."""
    observations, _ = env.reset()
    start = np.ones(env.num_envs, bool)
    earned: list[float] = []
    while True:
        try:
            observations, rewards, terminated, truncated, _ = env.step(learner.act(observations, start))
        except amtlb.BudgetExhausted:
            return float(np.mean(earned))
        start = terminated | truncated
        earned.append(float(rewards.mean()))


def train(learner: ActorCritic, rounds: int, steps_per_lane: int) -> float:
    """Train in rounds until half of all points are earned; return the points per step after the last round."""
    earned = 0.0
    for seed in range(rounds):
        try:
            learner.learn(amtlb.trivial_lanes(steps_per_lane, seed))
        except amtlb.BudgetExhausted:
            pass
        earned = points_per_step(learner, amtlb.trivial_lanes(100, seed=rounds))
        print(f"round {seed + 1}: {earned:.2f} points per step, chance is {CHANCE:.2f}")
        if earned > 0.5:
            break
    return earned


if __name__ == "__main__":
    amtlb.check_learner("actor_critic:make")
    train(make(seed=1, lanes=amtlb.current_protocol().lanes), rounds=20, steps_per_lane=400)
