"""A2C (Mnih et al. 2016) with several heads: one configuration for all games, arms and editions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import BaseCallback

from baselines.adapter import LaneVecEnv, device
from baselines.learner import ActorCriticLearner, configuration, set_up_torch, split_parameters, with_changes
from baselines.multihead import MultiHeadPolicy
from baselines.rollouts import Rollouts
from suite.results.head_use import HEAD_USE, head_columns

PARAMETERS: Mapping[str, Any] = {
    "heads": 4,
    "temperature": 1.0,
    "balance_coef": 0.01,
    "n_steps": 25,
    "learning_rate": 7e-4,
    "adam_eps": 1e-5,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "normalize_advantage": True,
    "ent_coef": 0.01,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
"""First three parameters of the heads (see MultiHeadPolicy), then Stable-Baselines3's names. The values were
chosen by trial: docs/baselines.md."""
_OF_THE_HEADS = ("heads", "temperature", "balance_coef")


class MultiHeadA2CLearner(ActorCriticLearner):
    """A2C with the 2013 network and several heads, actions sampled in training and in evaluation.

    A checkpoint contains the weights and the optimiser's moments, for the same reason as PPO's. Nothing else is
    kept after a rollout, except the notes on how the heads were used, which belong to the run and start again
    with each run.
    """

    def __init__(self, seed: int, lanes: int, parameters: Mapping[str, Any] = PARAMETERS) -> None:
        set_up_torch()
        self.configuration = configuration("multihead_a2c", parameters)
        of_algorithm, of_policy = split_parameters(parameters, _OF_THE_HEADS)
        env = LaneVecEnv(lanes)
        a2c = A2C(
            MultiHeadPolicy,
            env,
            seed=seed,
            device=device(),
            rollout_buffer_class=Rollouts,
            policy_kwargs=of_policy,
            use_rms_prop=False,
            **of_algorithm,
        )
        super().__init__(a2c, env)
        self._head_use = HeadUse(lanes, parameters["heads"])

    def _callbacks(self) -> list[BaseCallback]:
        return [*super()._callbacks(), self._head_use]

    def _state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        counters, arrays = super()._state()
        return counters, arrays | self._head_use.state()

    def _set_state(self, counters: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        super()._set_state(counters, arrays)
        self._head_use.set_state(arrays)

    def write_notes(self, folder: Path) -> None:
        """Write how the heads were used in each training episode (see suite.results.head_use)."""
        pq.write_table(self._head_use.table(), folder / HEAD_USE)


class HeadUse(BaseCallback):
    """Computes the mean of the gate over each episode while the policy plays."""

    def __init__(self, lanes: int, heads: int) -> None:
        super().__init__()
        self._columns = head_columns(heads)
        self._sums = np.zeros((lanes, heads))
        self._steps = np.zeros(lanes, np.int64)
        self._episodes = np.zeros(lanes, np.int64)
        self._rows: list[tuple[int, int, int, list[float]]] = []

    def _on_step(self) -> bool:
        policy = self.model.policy
        assert isinstance(policy, MultiHeadPolicy)
        self._sums += policy.gate_weights.cpu().numpy()
        self._steps += 1
        for lane in np.flatnonzero(self.locals["dones"]).tolist():
            steps = int(self._steps[lane])
            self._rows.append((lane, int(self._episodes[lane]), steps, (self._sums[lane] / steps).tolist()))
            self._episodes[lane] += 1
            self._steps[lane] = self._sums[lane] = 0
        return True

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The sums of the open episodes, and the rows of those that have ended."""
        heads = len(self._columns)
        return {
            "head_sums": self._sums,
            "head_steps": self._steps,
            "head_episodes": self._episodes,
            "head_rows": np.array([row[:3] for row in self._rows], np.int64).reshape(-1, 3),
            "head_means": np.array([row[3] for row in self._rows], np.float64).reshape(-1, heads),
        }

    def set_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from what ``state`` said."""
        self._sums, self._steps = arrays["head_sums"], arrays["head_steps"]
        self._episodes = arrays["head_episodes"]
        rows, means = arrays["head_rows"].tolist(), arrays["head_means"].tolist()
        self._rows = [(*row, mean) for row, mean in zip(rows, means, strict=True)]

    def table(self) -> pa.Table:
        """One row per episode that has ended, in the order in which the episodes ended."""
        lanes, numbers, steps, weights = zip(*self._rows, strict=True) if self._rows else ((), (), (), ())
        gate = np.array(weights, np.float32).reshape(-1, len(self._columns))
        return pa.table(
            {
                "lane": pa.array(lanes, pa.uint8()),
                "number": pa.array(numbers, pa.uint32()),
                "length_steps": pa.array(steps, pa.uint32()),
                **{name: pa.array(gate[:, head]) for head, name in enumerate(self._columns)},
            }
        )


def make(seed: int, lanes: int, **changes: Any) -> MultiHeadA2CLearner:
    """A new multi-head A2C learner with a 32-bit seed, on the device that ``AMTLB_DEVICE`` names.

    Keywords change values of ``PARAMETERS``, for tuning (``--set``).
    """
    return MultiHeadA2CLearner(seed, lanes, with_changes(PARAMETERS, changes))
