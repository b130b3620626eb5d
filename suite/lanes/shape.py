"""The shape of the lanes: how many there are, what a learner sees of each, and how many actions it has."""

from __future__ import annotations

from typing import Any, NamedTuple, Never

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from protocol import Protocol

UInt8 = npt.NDArray[np.uint8]


class LaneShape(NamedTuple):
    """The shape of a learner's lanes, in whatever process they are played.

    Attributes:
        lanes: their number, L.
        observation: the shape of one lane's observation, (4, 84, 84).
        actions: their number, 18.
    """

    lanes: int
    observation: tuple[int, ...]
    actions: int

    @classmethod
    def of(cls, protocol: Protocol, lanes: int) -> LaneShape:
        """The shape of this number of lanes under these rules."""
        return cls(lanes, protocol.environment.observation_shape, protocol.environment.actions)

    @classmethod
    def of_env(cls, env: VectorEnv[Any, Any, Any]) -> LaneShape:
        """The shape of an environment that ``describe`` has described.

        Raises:
            TypeError: its spaces are of another kind.
        """
        pictures, actions = env.single_observation_space, env.single_action_space
        if not isinstance(pictures, gymnasium.spaces.Box) or not isinstance(actions, gymnasium.spaces.Discrete):
            raise TypeError(f"spaces {pictures} and {actions} are not those of lanes: a Box and a Discrete")
        return cls(env.num_envs, pictures.shape, int(actions.n))

    @property
    def observations(self) -> tuple[int, ...]:
        """The shape of all lanes' observations, (L, 4, 84, 84)."""
        return (self.lanes, *self.observation)

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        """The space of one lane's observation: uint8, 0 to 255."""
        return gymnasium.spaces.Box(0, 255, self.observation, np.uint8)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        """The space of one lane's action."""
        return gymnasium.spaces.Discrete(self.actions)

    def describe(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Set an environment's number of lanes, metadata and spaces to this shape."""
        env.num_envs = self.lanes
        env.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        env.single_observation_space, env.single_action_space = self.observation_space, self.action_space
        env.observation_space = batch_space(self.observation_space, self.lanes)
        env.action_space = batch_space(self.action_space, self.lanes)


def checked_actions(given: npt.ArrayLike, lanes: int, actions: int) -> UInt8:
    """The actions of one step, uint8 (L,), in an array of their own.

    Args:
        given: by the learner.
        lanes: L.
        actions: the number of actions; they are counted from 0.

    Raises:
        ValueError: they have another shape or type, or are out of range.
    """
    found = as_integers(given, lanes)
    if found.min() < 0 or found.max() >= actions:
        _reject(f"actions {found.tolist()}", f"integers from 0 to {actions - 1}")
    return found.astype(np.uint8)


def as_integers(given: npt.ArrayLike, lanes: int) -> npt.NDArray[np.integer[Any]]:
    """One integer for each lane, (L,), as the learner gave them.

    Raises:
        ValueError: they have another shape or type.
    """
    try:
        found = np.asarray(given)
    except ValueError:  # parts of different shapes, such as (actions, state)
        _reject(f"a {type(given).__name__} of parts of different shapes", f"one array of shape ({lanes},)")
    if found.shape != (lanes,) or found.dtype.kind not in "iu":
        _reject(f"actions of shape {found.shape} and type {found.dtype}", f"integers of shape ({lanes},)")
    return found


def _reject(given: str, wanted: str) -> Never:
    raise ValueError(f"{given} cannot be played; the lanes take {wanted}")
