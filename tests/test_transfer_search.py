"""The search for a learner that transfers follows its rule, and its designs carry what they say."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.ppo import make
from protocol import LearnerError, load
from suite.learners.practice import trivial_lanes
from tests import ROOT
from tests.bench.transfer_callbacks import Average, EntropyFloor, Thaw
from tests.bench.transfer_designs import DESIGNS, PLAIN, SELF, lengths
from tests.bench.transfer_search import (
    DATA,
    FINAL_SEEDS,
    FIRST_SEEDS,
    FRESH,
    GAMES,
    PAGE,
    PRETRAINING,
    TRANSFER,
    Play,
    Search,
    finalists,
    judge,
    page,
    plays,
)

pytestmark = pytest.mark.slow
V1 = load("v1")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """Of PPO after two rollouts."""
    learner = make(1, V1.lanes)
    learner.learn(trivial_lanes(250, 1))
    learner.save(folder := tmp_path_factory.mktemp("checkpoint"))
    return folder


def weights(learner) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in learner.policy.named_parameters()}


def begun(name: str, checkpoint: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A design's weights after the load, and when it begins to learn."""
    learner = DESIGNS[name].make(2, V1.lanes)
    learner.load(checkpoint)
    before = weights(learner)
    learner._reset()  # type: ignore[attr-defined]
    return before, weights(learner)


def same(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    """The layers whose weights have not changed."""
    names = {name.removesuffix(".weight") for name in before if name.endswith(".weight")}
    return {
        name.rpartition(".")[2]
        for name in names
        if torch.equal(before[f"{name}.weight"], after[f"{name}.weight"])
    }


@pytest.mark.parametrize(
    ("name", "carried"),
    [
        ("heads", {"first", "second", "wide"}),
        ("filters", {"first", "second"}),
        ("heads_first", {"first", "second", "wide"}),
        ("soft_head", {"first", "second", "wide"}),
        ("shrink_80", set()),
        ("rescale", set()),
        ("moments", {"first", "second", "wide", "action_net", "value_net"}),
        ("heads_moments", {"first", "second", "wide"}),
        ("policy_head", {"first", "second", "wide", "value_net"}),
        ("value_head", {"first", "second", "wide", "action_net"}),
        ("varied", {"first", "second", "wide", "action_net", "value_net"}),
        ("varied_heads", {"first", "second", "wide"}),
        ("averaged", {"first", "second", "wide"}),
    ],
)
def test_a_design_carries_what_it_says(name, carried, checkpoint):
    """When it begins to learn, these layers are as they were saved, and no others."""
    assert same(*begun(name, checkpoint)) == carried


def test_shrinking_moves_a_trunk_towards_a_new_one(checkpoint):
    """Half old and half new has half of what was learned in it: its product with that is half of its square."""
    before, after = begun("shrink_50", checkpoint)
    for name in (name for name in before if "features_extractor" in name and name.endswith("weight")):
        old = before[name].flatten()
        assert float(old @ after[name].flatten() / (old @ old)) == pytest.approx(0.5, abs=0.05)


def test_rescaled_units_see_the_same(checkpoint):
    """Each unit has the direction that was learned, its bias in proportion, and a new unit's length."""
    before, after = begun("rescale", checkpoint)
    for name in (name for name in before if "features_extractor" in name and name.endswith("weight")):
        factors = lengths(after[name]) / lengths(before[name])
        scaled = before[name].flatten(1) * factors[:, None]
        assert torch.allclose(after[name].flatten(1), scaled, atol=1e-6)
        bias = name.replace("weight", "bias")
        assert torch.allclose(after[bias], before[bias] * factors)
        assert torch.allclose(lengths(after[name]), torch.tensor(2**0.5), atol=1e-5)


def test_a_soft_head_prefers_the_same_less(checkpoint):
    """The policy head is a tenth of what it was."""
    before, after = begun("soft_head", checkpoint)
    assert torch.allclose(after["action_net.weight"], before["action_net.weight"] / 10)


def test_heads_learn_first():
    """A network that rests for two rollouts has no gradients in these, and has them again in the third."""
    network = torch.nn.Linear(1, 1)
    thaw = Thaw(network)
    thaw.rest(2)
    found = []
    for _ in range(3):
        thaw._on_rollout_start()
        found.append(network.weight.requires_grad)
    assert found == [False, False, True]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("moments", set()),
        ("heads_moments", {"first", "second", "wide"}),
        ("policy_head", set()),
        ("varied", {"first", "second", "wide", "action_net", "value_net"}),
    ],
)
def test_moments_are_carried_where_a_design_says_so(name, layers, checkpoint):
    """Adam's moments of these layers are there when it begins to learn, and no others."""
    learner = DESIGNS[name].make(2, V1.lanes)
    learner.load(checkpoint)
    learner._reset()  # type: ignore[attr-defined]
    state = learner.policy.optimizer.state
    kept = {
        name.split(".")[-2]
        for name, parameter in learner.policy.named_parameters()
        if name.endswith("weight") and parameter in state
    }
    assert kept == layers


def test_a_trunk_rests_for_a_share_of_the_budget():
    """A fifth of the rollouts after a load: 5 of the 25 of the search's frames, 20 of the 100 of ``lite``'s."""
    for frames, rollouts in ((100_000, 5), (400_000, 20)):
        learner = DESIGNS["heads_first"].make(2, V1.lanes)
        learner._reset_before_learning = True  # type: ignore[attr-defined]
        rested = []
        learner._thaw.rest = rested.append  # type: ignore[attr-defined]
        with pytest.raises(LearnerError, match="no lanes yet"):
            learner._learn(frames // 4)
        assert rested == [rollouts]


def test_the_entropy_bonus_follows_the_entropy():
    """It grows where the last entropy was below the floor, shrinks where it was above, and stays in bounds."""
    learner = make(1, V1.lanes)
    learner.learn(trivial_lanes(250, 1))  # so that there is a logger
    floor = EntropyFloor()
    floor.init_callback(learner.algorithm)
    found = []
    for entropy in (1.0, 1.0, 2.0, 2.0, 2.0, *[1.0] * 100):
        floor.logger.record("train/entropy_loss", -entropy)
        floor._on_rollout_start()
        found.append(learner.algorithm.ent_coef)
    assert found[:5] == pytest.approx([0.00105, 0.0011025, 0.00105, 0.001, 0.001])
    assert found[-1] == 0.03


def test_an_average_follows_the_network_and_leaves_it_as_it_is():
    """Half of the average before, half of the network now; it is in the network's place for a block alone."""
    network = torch.nn.Linear(1, 1, bias=False)
    average = Average(network, kept=0.5)
    for weight in (0.0, 4.0, 2.0):
        torch.nn.init.constant_(network.weight, weight)
        average._on_rollout_start()
    with average.in_place():
        assert network.weight.item() == 2.0  # ((0 + 4) / 2 + 2) / 2
    torch.nn.init.constant_(network.weight, 8.0)
    with average.in_place():
        assert network.weight.item() == 2.0
    assert network.weight.item() == 8.0


def test_held_out_games_are_not_played_before():
    """Each game is held out once, all others are played before, and none is in lite or smoke."""
    for game in GAMES:
        assert {*Play(PRETRAINING, PLAIN, game, 0).games} == {*GAMES} - {game}
        assert Play(TRANSFER, "heads", game, 0).games == Play(FRESH, PLAIN, game, 0).games == (game,)
    assert not {*GAMES} & {*V1.edition("lite").games, *V1.edition("smoke").games}


@pytest.mark.parametrize(
    ("design", "start"),
    [("heads", (PRETRAINING, PLAIN)), (SELF, (FRESH, PLAIN)), ("varied_heads", (PRETRAINING, "varied"))],
)
def test_a_design_starts_from_what_it_has_learned(design, start):
    """From pre-training as it learns until it loads; the ceiling from a fresh run on the very game."""
    one = Play(TRANSFER, design, "krull", 1)
    assert one.start == Play(*start, "krull", 1)
    assert one.start.start is None


def test_a_design_is_judged_by_its_mean_contrast():
    """In one game it earns three times as much, in the other nothing: +0.5 and -1, -0.25 in the mean."""
    found = judge(np.array([[2.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [5.0, 1.0]]))
    assert found.contrasts == pytest.approx([0.5, -1])
    assert found.mean.value == pytest.approx(-0.25)
    assert found.mean.null.p_value >= 2 / 16


def line(one: Play, points: float = 1.0) -> str:
    return json.dumps({**one._asdict(), "points_per_1000_steps": [points] * 10}) + "\n"


def searched(designs: dict[str, float], left_out: Play | None = None) -> Search:
    """Plays of the first seeds, in which each design earns so many points, and fresh play one."""
    lines = [line(one) for what in (FRESH, PRETRAINING) for one in plays(what, PLAIN, FIRST_SEEDS)]
    for design, points in designs.items():
        lines += [line(one, points) for one in plays(TRANSFER, design, FIRST_SEEDS) if one != left_out]
    Path("data").write_text("".join(lines))
    return Search(Path("data"))


def test_what_was_played_is_not_played_again(tmp_path, monkeypatch):
    """Pre-training is played again only where its checkpoint is missing and a design still needs it."""
    monkeypatch.chdir(tmp_path)
    last = plays(TRANSFER, "heads", FIRST_SEEDS)[-1]
    search = searched({"heads": 1.0}, last)
    assert search.missing(["heads"], FIRST_SEEDS) == [[last.start], [last]]
    assert [len(own) for own in search.missing(["heads", "filters"], FIRST_SEEDS)] == [15, 16]
    last.start.checkpoint.mkdir(parents=True)
    assert search.missing(["heads"], FIRST_SEEDS) == [[], [last]]
    assert search.rates(TRANSFER, "heads", FIRST_SEEDS) is None
    assert search.rates(FRESH, PLAIN, FIRST_SEEDS).shape == (len(GAMES), 3)
    assert [len(own) for own in search.missing(["varied"], FIRST_SEEDS)] == [30, 15]


def test_the_best_and_the_reference_are_played_again(tmp_path, monkeypatch):
    """The three best of the first seeds, whatever the ceiling reaches; other seeds decide than those."""
    monkeypatch.chdir(tmp_path)
    search = searched({"carry": 0.5, SELF: 9.0, "heads": 1.0, "filters": 4.0, "rescale": 2.0, "shrink_50": 3.0})
    assert finalists(search) == ["heads", "filters", "shrink_50", "rescale"]
    assert not {*FIRST_SEEDS} & {*FINAL_SEEDS}


def test_the_page_is_what_the_data_say():
    """Written anew, the page is the same."""
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(Search(ROOT / DATA))
