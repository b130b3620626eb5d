"""The shape of the lanes: written into an environment, and read back from it."""

import gymnasium
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv

from suite.lanes.shape import LaneShape
from tests.suite.helpers import V1


def test_a_shape_is_read_back_from_what_it_describes():
    """Lanes, spaces and metadata of an environment follow from its shape, which can be read back from them."""
    env, shape = VectorEnv(), LaneShape.of(V1, 3)
    shape.describe(env)
    assert shape == (3, (4, 84, 84), 18)
    assert LaneShape.of_env(env) == shape
    assert env.observation_space.shape == shape.observations == (3, 4, 84, 84)
    assert env.action_space == gymnasium.spaces.MultiDiscrete([18, 18, 18])
    assert env.metadata == {"autoreset_mode": AutoresetMode.SAME_STEP}


def test_spaces_of_another_kind_are_refused():
    """An environment whose actions are not integers has no shape of lanes."""
    env = VectorEnv()
    LaneShape.of(V1, 3).describe(env)
    env.single_action_space = gymnasium.spaces.Box(0, 1)
    with pytest.raises(TypeError, match="a Box and a Discrete"):
        LaneShape.of_env(env)
