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
MOMENTS = ("exp_avg", "exp_avg_sq")
"""The names of Adam's tensors per parameter, next to its count of steps; all learners are optimised by Adam."""


def save_weights(policy: BasePolicy, folder: Path) -> None:
    """Write a policy's weights and its optimiser's state into ``folder``."""
    # Parameters by name, not the state dict, which lists a shared trunk three times.
    tensors = {f"policy.{name}": parameter for name, parameter in policy.named_parameters()}
    for index, state in policy.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in state.items()}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)


def load_weights(policy: BasePolicy, folder: Path) -> None:
    """Read what ``save_weights`` wrote.

    Raises:
        LearnerError: the file is missing, or does not contain the weights of this network.
    """
    try:
        tensors = load_file(folder / WEIGHTS, device=str(policy.device))
        weights = {name: tensors[f"policy.{name}"] for name, _ in policy.named_parameters()}
        state = _optimizer_state(policy, tensors)
        for name, parameter in policy.named_parameters():
            _check_shape(name, weights[name], parameter)
        with torch.no_grad():
            for name, parameter in policy.named_parameters():
                parameter.copy_(weights[name])
        groups: Sequence[Any] = policy.optimizer.state_dict()["param_groups"]
        policy.optimizer.load_state_dict({"state": state, "param_groups": groups})
    except torch.OutOfMemoryError:
        raise  # the machine's lack
    except (FileNotFoundError, SafetensorError, LookupError, ValueError, RuntimeError) as error:
        raise LearnerError(
            f"the checkpoint does not fit this learner ({type(error).__name__}: {error})"
        ) from error


def _optimizer_state(
    policy: BasePolicy, tensors: dict[str, torch.Tensor]
) -> dict[int, dict[str, torch.Tensor]]:
    """The optimiser's state in a file, by the parameter's index and by name: all of Adam's, or nothing."""
    optimised = [parameter for group in policy.optimizer.param_groups for parameter in group["params"]]
    if not any(name.startswith("optimizer.") for name in tensors):
        return {}
    state = {}
    for index, parameter in enumerate(optimised):
        state[index] = {"step": tensors[f"optimizer.{index}.step"]}
        _check_shape("step", state[index]["step"], torch.empty(()))
        for moment in MOMENTS:
            value = tensors[f"optimizer.{index}.{moment}"]
            _check_shape(moment, value, parameter)
            # The fused optimiser processes a parameter and its moments in their order in memory.
            state[index][moment] = torch.empty_like(parameter, requires_grad=False).copy_(value)
    return state


def _check_shape(name: str, value: torch.Tensor, wanted: torch.Tensor) -> None:
    if value.shape != wanted.shape:
        raise ValueError(f"{name} has the shape {tuple(value.shape)}, not {tuple(wanted.shape)}")
