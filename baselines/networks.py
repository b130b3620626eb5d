"""The network that the reference learners share, with a layout for the processor that it runs on."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch
import torch.nn.functional as F
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

FEATURES = 256
_WHITE = 255.0


class Network2013(BaseFeaturesExtractor):
    """The convolutional trunk of Mnih et al. 2013: 16 filters 8x8/4, 32 filters 4x4/2, 256 units.

    It takes pictures as float (N, 4, 84, 84) from 0 to 255, best in channels-last layout, and gives float (N,
    256). It needs about half the arithmetic of the network of 2015, and it learns visibly within 400,000
    frames.

    It computes the same function as the textbook's layers, in fewer passes over memory: the division by 255 is
    applied to the first filters, not to the pictures; the last map is flattened in its own order (row, column,
    filter), so nothing is transposed between the layers; and the wide layer is a ``WideLinear``.
    """

    def __init__(self, observation_space: gymnasium.spaces.Box) -> None:
        super().__init__(observation_space, FEATURES)
        pictures = observation_space.shape[0]
        self.first = nn.Conv2d(pictures, 16, kernel_size=8, stride=4)
        self.second = nn.Conv2d(16, 32, kernel_size=4, stride=2)
        self.wide = WideLinear(9 * 9 * 32, FEATURES)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Features of a batch."""
        filters = self.first.weight / _WHITE
        maps = F.relu_(F.conv2d(pictures, filters, self.first.bias, stride=4))
        maps = F.relu_(self.second(maps))
        return F.relu_(self.wide(maps.permute(0, 2, 3, 1).reshape(len(maps), -1)))


class WideLinear(nn.Linear):
    """A linear layer whose three matrix products are numpy's if it is on the CPU.

    torch multiplies matrices with MKL, which promises the same results on all x86 types only in its oldest
    arithmetic (``MKL_CBWR=COMPATIBLE``). numpy's OpenBLAS gets its kernel by name (``OPENBLAS_CORETYPE``), uses
    AVX2, and needs 0.4 of the time (measured: docs/performance.md).
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Float (N, in) to float (N, out)."""
        if inputs.device.type != "cpu":
            return super().forward(inputs)
        products: torch.Tensor = _Products.apply(inputs, self.weight)  # type: ignore[no-untyped-call]
        return products.add_(self.bias)


class _Products(torch.autograd.Function):
    """``inputs @ weight.T`` and its derivatives, by numpy."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(inputs, weight)
        return _product(inputs, weight.T)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor]:
        inputs, weight = ctx.saved_tensors
        to_inputs = _product(gradient, weight) if ctx.needs_input_grad[0] else None
        return to_inputs, _product(gradient.T, inputs)


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(left.detach().numpy() @ right.detach().numpy())
