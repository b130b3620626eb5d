"""Every reference learner keeps the contract; PPO learns."""

import numpy as np
import pytest
import torch

from baselines.adapter import device
from baselines.ppo import make
from protocol import LearnerError, load
from suite.testing import check_learner, practice_lanes


@pytest.mark.parametrize(("name", "steps"), [("baselines.uniform:make", 40), ("baselines.ppo:make", 150)])
def test_reference_learners_keep_the_contract(name, steps):
    """The shipped contract test passes, over more steps than the learner needs to learn once."""
    check_learner(name, steps_a_lane=steps)


def test_every_budget_is_whole_rollouts():
    """PPO's rollouts divide the budget of every run, so that no experience is lost at the end."""
    protocol = load("v1")
    rollout_frames = make(0, 8).configuration["n_steps"] * protocol.lanes * protocol.environment.frame_skip
    assert all(edition.budget_frames % rollout_frames == 0 for edition in protocol.editions)


def test_ppo_changes_its_weights_and_prefers_what_pays():
    """After one rollout the weights have moved; another seed moves them elsewhere."""
    weights = []
    for seed in (1, 1, 2):
        learner = make(seed, 8)
        before = learner._ppo.policy.action_net.weight.detach().clone()
        learner.learn(practice_lanes(load("v1"), steps_a_lane=125))
        after = learner._ppo.policy.action_net.weight.detach().clone()
        assert not torch.equal(before, after)
        weights.append(after)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_foreign_checkpoint_is_refused(tmp_path):
    """A missing, broken or other network's checkpoint is a LearnerError."""
    learner = make(1, 8)
    with pytest.raises(LearnerError, match="does not fit"):
        learner.load(tmp_path)
    (tmp_path / "learner.safetensors").write_bytes(b"nonsense")
    with pytest.raises(LearnerError, match="does not fit"):
        learner.load(tmp_path)


def test_loaded_learner_acts_as_the_saved_one(tmp_path):
    """With the same draws, the loaded policy chooses the saved policy's actions."""
    saved, loaded = make(1, 8), make(2, 8)
    saved.save(tmp_path)
    loaded.load(tmp_path)
    observations = np.random.Generator(np.random.Philox(key=1)).integers(0, 256, (8, 4, 84, 84), np.uint8)
    start = np.ones(8, np.bool_)
    torch.manual_seed(3)
    expected = saved.act(observations, start)
    torch.manual_seed(3)
    assert np.array_equal(loaded.act(observations, start), expected)


def test_devices_are_checked(monkeypatch):
    """An unknown device, or CUDA where there is none, is a LearnerError."""
    monkeypatch.setenv("AMTLB_DEVICE", "tpu")
    with pytest.raises(LearnerError, match="cpu, cuda"):
        device()
    monkeypatch.setenv("AMTLB_DEVICE", "cuda")
    if torch.cuda.is_available():
        assert device() == "cuda"
    else:
        with pytest.raises(LearnerError, match="no CUDA device"):
            device()
