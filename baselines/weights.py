"""Checkpoints: a policy's weights and its optimiser's state in one safetensors file, which runs no code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.policies import BasePolicy

from protocol import LearnerError

WEIGHTS = "learner.safetensors"


def save_weights(policy: BasePolicy, folder: Path) -> None:
    """Write a policy's weights and its optimiser's state into ``folder``."""
    # Parameters by name, not the state dict: that one lists a shared trunk three times.
    tensors = {f"policy.{name}": parameter for name, parameter in policy.named_parameters()}
    for index, state in policy.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in state.items()}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)


def load_weights(policy: BasePolicy, folder: Path) -> None:
    """Read what ``save_weights`` wrote.

    Raises:
        LearnerError: the file is missing, or does not hold the weights of this network.
    """
    try:
        tensors = load_file(folder / WEIGHTS, device=str(policy.device))
        with torch.no_grad():
            for name, parameter in policy.named_parameters():
                parameter.copy_(tensors[f"policy.{name}"])
        state = _optimizer_state(policy, tensors)
        groups: Sequence[Any] = policy.optimizer.state_dict()["param_groups"]
        policy.optimizer.load_state_dict({"state": state, "param_groups": groups})
    except (OSError, SafetensorError, LookupError, ValueError, RuntimeError) as error:
        raise LearnerError(
            f"the checkpoint does not fit this learner ({type(error).__name__}: {error})"
        ) from error


def _optimizer_state(
    policy: BasePolicy, tensors: dict[str, torch.Tensor]
) -> dict[int, dict[str, torch.Tensor]]:
    """The moments in a file, by the parameter's place in the optimiser and by their name."""
    optimised = [parameter for group in policy.optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, field = name.split(".", 2)
            state.setdefault(int(index), {})[field] = _as_laid_out(value, optimised[int(index)])
    return state


def _as_laid_out(value: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """A moment in its parameter's memory layout: the fused optimiser walks both as they lie."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
