"""The rollout buffer: Stable-Baselines3's samples, with fewer copies."""

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer

from baselines.adapter import interleaved
from baselines.rollouts import Rollouts

STEPS, LANES = 5, 3
SPACE = gymnasium.spaces.Box(0, 255, (4, 6, 6), np.uint8)


def filled(kind, rollouts=1):
    """A buffer of this kind after this many rollouts of the same steps."""
    buffer = kind(
        STEPS, SPACE, gymnasium.spaces.Discrete(18), device="cpu", gae_lambda=0.9, gamma=0.99, n_envs=LANES
    )
    generator = np.random.default_rng(0)
    for _ in range(rollouts):
        buffer.reset()
        for _ in range(STEPS):
            observations = generator.integers(0, 256, (LANES, 4, 6, 6), np.uint8)
            values, log_probs = torch.from_numpy(generator.random((2, LANES), np.float32))
            buffer.add(
                interleaved(observations),
                generator.integers(0, 18, (LANES, 1)),
                generator.random(LANES),
                generator.random(LANES) < 0.2,
                values[:, None],
                log_probs,
            )
        buffer.compute_returns_and_advantage(torch.ones(LANES, 1), np.zeros(LANES, np.bool_))
    return buffer


def rows(buffer, batch_size):
    """All samples of one epoch as sorted tuples."""
    found = []
    for batch in buffer.get(batch_size):
        for index in range(len(batch.actions)):
            pictures = batch.observations[index].numpy().tobytes()
            found.append((pictures, *(float(column[index]) for column in batch[1:])))
    return sorted(found)


def test_an_epoch_holds_what_stable_baselines_would_give():
    """After several rollouts, every sample with all its columns is there once, in batches or in one batch."""
    theirs = rows(filled(RolloutBuffer, 3), None)
    assert rows(filled(Rollouts, 3), 4) == theirs
    assert rows(filled(Rollouts, 3), None) == theirs


def test_batches_are_random_and_repeatable():
    """numpy's global seed decides the order, and another seed gives another one."""
    orders = []
    for seed in (1, 1, 2):
        buffer = filled(Rollouts)
        np.random.seed(seed)
        orders.append([batch.old_log_prob.tolist() for batch in buffer.get(4)])
    assert orders[0] == orders[1] != orders[2]


def test_batches_lie_as_convolutions_want_them():
    """Observations are channels-last, so no later pass over them is needed."""
    for batch in filled(Rollouts).get(4):
        assert batch.observations.permute(0, 2, 3, 1).is_contiguous()
