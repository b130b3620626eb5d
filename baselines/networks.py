"""The networks that the reference learners share."""

from __future__ import annotations

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class Network2013(BaseFeaturesExtractor):
    """The convolutional trunk of Mnih et al. 2013: 16 filters 8x8/4, 32 filters 4x4/2, 256 units.

    Takes float (N, 4, 84, 84) in [0, 1], gives float (N, 256). About half the arithmetic of the network of
    2015, and it learns visibly within 400,000 frames.
    """

    def __init__(self, observation_space: gymnasium.spaces.Box, features_dim: int = 256) -> None:
        super().__init__(observation_space, features_dim)
        self.layers = nn.Sequential(
            nn.Conv2d(observation_space.shape[0], 16, kernel_size=8, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 9 * 9, features_dim),
            nn.ReLU(),
        )

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Features of a batch."""
        features: torch.Tensor = self.layers(observations)
        return features
