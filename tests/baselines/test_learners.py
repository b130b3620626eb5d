"""Every reference learner satisfies the contract, learns what is trivial, and is repeatable to the bit."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from baselines import dqn, multihead_a2c, ppo, ppo_reset
from baselines.adapter import device, interleaved
from protocol import LearnerError, UnknownName, load
from suite.digests import folder_digest
from suite.lanes.shape import LaneShape
from suite.learners.check import check_learner
from suite.learners.practice import trivial_lanes
from tests.bench.learning import Points
from tests.suite.contained import boxed

V1 = load("v1")
MODULES = [ppo, ppo_reset, multihead_a2c, dqn]
by_name = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("baselines.uniform:make", 40),
        pytest.param("baselines.ppo:make", 150, marks=pytest.mark.slow),
        pytest.param("baselines.ppo_reset:make", 150, marks=pytest.mark.long),
        pytest.param("baselines.multihead_a2c:make", 40, marks=pytest.mark.slow),
        pytest.param("baselines.dqn:make", 40, marks=pytest.mark.slow),
    ],
)
def test_reference_learners_keep_the_contract(name, steps):
    """The shipped contract test passes, over more steps than the learner needs to learn once."""
    check_learner(name, steps_per_lane=steps)


@pytest.mark.parametrize(
    ("module", "steps_per_lane"),
    [
        pytest.param(ppo, 2500, marks=pytest.mark.long),
        pytest.param(multihead_a2c, 2500, marks=pytest.mark.long),
        pytest.param(dqn, 150, marks=pytest.mark.slow),
    ],
    ids=["ppo", "multihead_a2c", "dqn"],
)
def test_learners_solve_the_trivial_lanes(module, steps_per_lane):
    """In the last tenth of its steps, a learner earns over half of the possible points; chance is 1/18."""
    points = Points(steps_per_lane * V1.lanes)
    module.make(1, V1.lanes).learn(trivial_lanes(steps_per_lane, 1, points))
    assert points.tenths[0] < points.tenths[-1]
    assert points.tenths[-1] > 0.5 * steps_per_lane * V1.lanes / 10


@by_name
def test_every_budget_is_whole_rollouts(module):
    """Rollouts divide the budget of every run, so that no experience is lost at the end."""
    rollout_steps = module.PARAMETERS.get("n_steps", 1)
    frames = rollout_steps * V1.lanes * V1.environment.frame_skip
    assert all(edition.budget_frames % frames == 0 for edition in V1.editions)


@pytest.mark.parametrize(
    ("module", "steps_per_lane"),
    [
        pytest.param(ppo, 125, marks=pytest.mark.slow),
        (multihead_a2c, 25),
        pytest.param(dqn, 25, marks=pytest.mark.slow),
    ],
    ids=["ppo", "multihead_a2c", "dqn"],
)
def test_the_seed_decides_every_weight(module, steps_per_lane):
    """The same seed and lanes give the same weights to the bit; another seed gives others."""
    weights = []
    for seed in (1, 1, 2):
        learner = module.make(seed, V1.lanes)
        learner.learn(trivial_lanes(steps_per_lane, 1))
        weights.append(torch.cat([parameter.detach().flatten() for parameter in learner.policy.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@by_name
def test_a_loaded_learner_goes_on_as_the_saved_one(module, tmp_path):
    """The same gradient moves both to the same weights: moments and layout were carried over."""
    saved, loaded = module.make(1, V1.lanes), module.make(2, V1.lanes)
    saved.learn(trivial_lanes(module.PARAMETERS.get("n_steps", 25), 1))
    saved.save(tmp_path)
    loaded.load(tmp_path)
    for learner in (saved, loaded):
        for index, parameter in enumerate(learner.policy.parameters()):
            pattern = torch.arange(parameter.numel()).sin().reshape(parameter.shape) * (index + 1)
            parameter.grad = torch.empty_like(parameter).copy_(pattern)
        learner.policy.optimizer.step()
    for one, other in zip(saved.policy.parameters(), loaded.policy.parameters(), strict=True):
        assert one.stride() == other.stride()
        assert torch.equal(one, other)


def test_ppo_reset_keeps_the_trunk_alone_when_it_learns_on(tmp_path):
    """After a load, the first learn has the saved trunk, new heads, no moments; the second changes nothing."""
    saved = ppo_reset.make(1, V1.lanes)
    saved.learn(trivial_lanes(125, 1))
    saved.save(tmp_path)
    loaded = ppo_reset.make(2, V1.lanes)
    loaded.load(tmp_path)
    trunk, before = loaded.policy.features_extractor, load_file(tmp_path / "learner.safetensors")
    heads = {name: parameter for name, parameter in loaded.policy.named_parameters() if "_net." in name}
    with pytest.raises(StopIteration):
        loaded.learn(Stopped())  # type: ignore[arg-type]
    for name, parameter in trunk.named_parameters():
        assert torch.equal(parameter, before[f"policy.features_extractor.{name}"])
    weights = {name: parameter for name, parameter in heads.items() if name.endswith("weight")}
    assert len(weights) == 2
    for name, parameter in weights.items():
        assert not torch.equal(parameter, before[f"policy.{name}"])
    assert not loaded.policy.optimizer.state
    drawn = {name: parameter.detach().clone() for name, parameter in heads.items()}
    with pytest.raises(StopIteration):
        loaded.learn(Stopped())  # type: ignore[arg-type]
    assert all(torch.equal(parameter, drawn[name]) for name, parameter in heads.items())


class Stopped:
    """Lanes that end before the first step."""

    budget_frames = 4000

    def __init__(self):
        LaneShape.of(V1, V1.lanes).describe(self)  # type: ignore[arg-type]

    def reset(self):
        raise StopIteration


@by_name
def test_lanes_of_another_shape_are_refused(module):
    """The error for lanes other than those that a learner was made for gives both shapes."""
    learner = module.make(1, 2 * V1.lanes)
    with pytest.raises(LearnerError, match=f"lanes={2 * V1.lanes}.*lanes={V1.lanes}"):
        learner.learn(trivial_lanes(10, 1))


@by_name
def test_a_foreign_checkpoint_is_refused(module, tmp_path):
    """A missing, broken or other network's checkpoint is a LearnerError."""
    learner = module.make(1, V1.lanes)
    with pytest.raises(LearnerError, match="does not fit"):
        learner.load(tmp_path)
    (tmp_path / "learner.safetensors").write_bytes(b"nonsense")
    with pytest.raises(LearnerError, match="does not fit"):
        learner.load(tmp_path)
    other = multihead_a2c if module is not multihead_a2c else dqn
    other.make(1, V1.lanes).save(tmp_path)
    with pytest.raises(LearnerError, match="does not fit"):
        learner.load(tmp_path)


@pytest.fixture(scope="module")
def trained() -> ppo.PPOLearner:
    """PPO that has learned once, so that its optimiser has moments."""
    learner = ppo.make(1, V1.lanes)
    learner.learn(trivial_lanes(125, 1))
    return learner


@pytest.mark.parametrize("change", ["shape", "moment", "missing moment"])
def test_a_checkpoint_of_other_shapes_is_refused(trained, change, tmp_path):
    """Weights that would broadcast and moments that do not fit are LearnerErrors, not loaded."""
    trained.save(tmp_path)
    tensors = load_file(tmp_path / "learner.safetensors")
    if change == "shape":
        tensors["policy.action_net.bias"] = torch.zeros(1)
    elif change == "moment":
        tensors["optimizer.0.exp_avg"] = torch.zeros(3)
    else:
        del tensors["optimizer.0.exp_avg"]
    save_file(tensors, tmp_path / "learner.safetensors")
    before = trained.policy.value_net.bias.detach().clone()
    with pytest.raises(LearnerError, match="does not fit"):
        trained.load(tmp_path)
    assert torch.equal(trained.policy.value_net.bias, before)


def test_dqn_explores_in_each_lane_by_itself():
    """With probability epsilon a lane plays uniformly, otherwise greedily, whatever the others do."""
    learner = dqn.make(1, V1.lanes)
    observations = torch.zeros(1000, 4, 84, 84, dtype=torch.uint8)
    greedy = learner.algorithm.explore(observations, 0.0)
    assert len(set(greedy)) == 1
    random = learner.algorithm.explore(observations, 1.0)
    assert set(random) == set(range(18))
    mixed = learner.algorithm.explore(observations, 0.5)
    assert 0.4 < np.mean(mixed == greedy[0]) < 0.65


def test_dqn_begins_to_learn_with_its_budget():
    """Learning starts after one fiftieth of the budget, whatever the budget is."""
    for steps_per_lane in (10, 50):
        learner = dqn.make(1, V1.lanes)
        learner.learn(trivial_lanes(steps_per_lane, 1))
        assert learner.algorithm.learning_starts == int(0.02 * steps_per_lane * V1.lanes)


@pytest.mark.parametrize("shape", [(8, 4, 84, 84), (1, 4, 5, 7)])
def test_interleaving_moves_no_value(shape):
    """Interleaved observations are equal to the given ones, with the pictures' axis last in memory."""
    observations = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = interleaved(observations)
    assert np.array_equal(found, observations)
    assert found.transpose(0, 2, 3, 1).flags.c_contiguous


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


@pytest.mark.parametrize("module", [ppo, ppo_reset, multihead_a2c, dqn])
def test_hyper_parameters_are_changed_by_name(module):
    """A keyword changes the configuration and what is learned with, nothing else; other names are refused."""
    plain, changed = module.make(1, V1.lanes), module.make(1, V1.lanes, learning_rate=0.5)
    assert changed.configuration == {**plain.configuration, "learning_rate": 0.5}
    for learner, rate in ((plain, module.PARAMETERS["learning_rate"]), (changed, 0.5)):
        assert {group["lr"] for group in learner.policy.optimizer.param_groups} == {rate}
    with pytest.raises(UnknownName, match=r"no hyper-parameter 'learning_rat'; there are .*learning_rate"):
        module.make(1, V1.lanes, learning_rat=0.5)


class Tape:
    """Keeps the actions that lanes are given."""

    def __init__(self):
        self.actions = []

    def step(self, actions, _):
        self.actions.append(actions.copy())

    def begin(self, *_):
        """Nothing to keep."""

    end = begin


@pytest.mark.parametrize(
    ("make", "steps_per_lane", "broken_at"),
    [
        pytest.param(ppo.make, 250, 2, marks=pytest.mark.slow),
        (multihead_a2c.make, 75, 2),
        pytest.param(dqn.make, 60, 40, marks=pytest.mark.slow),
        (boxed.multihead_a2c, 75, 2),
    ],
    ids=["ppo", "multihead_a2c", "dqn", "multihead_a2c in a box"],
)
def test_a_broken_training_goes_on_to_the_same_weights(make, steps_per_lane, broken_at, tmp_path):
    """A new learner that loads a state in the middle ends with the very files of the one that went through."""
    whole, tape, safe_points = make(1, V1.lanes), Tape(), []
    env = trivial_lanes(steps_per_lane, 1, tape)

    def safe_point(save_state):
        safe_points.append(len(tape.actions))
        if len(safe_points) == broken_at:
            (tmp_path / "state").mkdir()
            save_state(tmp_path / "state")

    env.safe_point = safe_point
    whole.learn(env)

    resumed, env = make(2, V1.lanes), trivial_lanes(steps_per_lane, 1)
    env.reset()
    for actions in tape.actions[: safe_points[broken_at - 1]]:
        env.step(actions)
    resumed.load_state(tmp_path / "state")
    resumed.learn(env)
    for learner, name in ((whole, "whole"), (resumed, "resumed")):
        (tmp_path / name).mkdir()
        learner.save_state(tmp_path / name)
    assert folder_digest(tmp_path / "whole") == folder_digest(tmp_path / "resumed")
