"""The state of a learner in the middle of its training, as files that run no code when they are read.

A checkpoint holds what a learner knows. A state also holds what it is in the middle of: counters, generators
and experience, so that training goes on as if it had never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from protocol import LearnerError

COUNTERS = "state.json"
Arrays = Mapping[str, npt.NDArray[Any]]


def write_state(folder: Path, counters: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a state: one JSON file, and one ``.npy`` file per array.

    Args:
        folder: exists, and holds no state.
        counters: what JSON can hold.
        arrays: by name; of any shape, of a dtype that is not object.
    """
    (folder / COUNTERS).write_text(json.dumps(counters), encoding="utf-8")
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def read_state(folder: Path, names: Iterable[str]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read the counters, and the arrays of these names, that ``write_state`` wrote.

    Raises:
        LearnerError: a file is missing or cannot be read.
    """
    try:
        counters = json.loads((folder / COUNTERS).read_text(encoding="utf-8"))
        return counters, {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in names}
    except (FileNotFoundError, ValueError) as error:
        raise LearnerError(f"the learner's state cannot be read ({error}); the run must start over") from error


def global_generators() -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The state of torch's and numpy's global generators, from which Stable-Baselines3 draws."""
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    counters = {"position": int(position), "has_gauss": int(has_gauss), "gauss": float(gauss)}
    arrays = {"torch_generator": torch.get_rng_state().numpy(), "numpy_generator": np.asarray(keys)}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # its state would initialise it
        arrays["cuda_generator"] = torch.cuda.get_rng_state().numpy()
    return counters, arrays


def restore_global_generators(counters: Mapping[str, Any], arrays: Arrays) -> None:
    """Put both generators back to where they were."""
    keys = arrays["numpy_generator"]
    np.random.set_state(("MT19937", keys, counters["position"], counters["has_gauss"], counters["gauss"]))
    torch.set_rng_state(torch.from_numpy(arrays["torch_generator"]))
    if "cuda_generator" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(arrays["cuda_generator"]))
