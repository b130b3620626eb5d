"""The search for a learner that transfers follows its rule, and its designs carry what they say."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.ppo import make
from protocol import load
from suite.learners.practice import trivial_lanes
from tests.bench.transfer_designs import DESIGNS, Thaw, lengths
from tests.bench.transfer_search import DATA, FRESH, GAMES, PAGE, PRETRAINING, SEEDS, Play, Search, judge, page

ROOT = Path(__file__).resolve().parent.parent
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


def test_held_out_games_are_not_played_before():
    """Each game is held out once, the two that follow it are played before, and none is in lite or smoke."""
    played = {game: Play(PRETRAINING, game, 0).games for game in GAMES}
    assert played["krull"] == ("demon_attack", "up_n_down")
    assert played["up_n_down"] == ("kung_fu_master", "road_runner")
    assert all(game not in games for game, games in played.items())
    assert not {*GAMES} & {*V1.edition("lite").games, *V1.edition("smoke").games}


def test_a_design_is_judged_by_its_mean_contrast():
    """In one game it earns three times as much, in the other nothing: +0.5 and -1, -0.25 in the mean."""
    found = judge(np.array([[2.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [5.0, 1.0]]))
    assert found.contrasts == pytest.approx([0.5, -1])
    assert found.mean == pytest.approx(-0.25)
    assert found.by_seed == pytest.approx([(1 / 3 - 1) / 2, (3 / 5 - 1) / 2])


def test_what_was_played_is_not_played_again(tmp_path, monkeypatch):
    """Pre-training is played again only where its checkpoint is missing and a design still needs it."""
    monkeypatch.chdir(tmp_path)
    lines = [
        {**Play(what, game, seed)._asdict(), "points_per_1000_steps": [1.0] * 10}
        for what in (FRESH, PRETRAINING, "heads")
        for game in GAMES
        for seed in range(SEEDS)
    ]
    Path("data").write_text("".join(json.dumps(line) + "\n" for line in lines[:-1]))
    search = Search(Path("data"))
    last = Play("heads", GAMES[-1], SEEDS - 1)
    assert search.missing(FRESH) == []
    assert search.missing("heads") == [last]
    assert search.missing(PRETRAINING, ["heads"]) == [last._replace(what=PRETRAINING)]
    assert len(search.missing(PRETRAINING, ["heads", "filters"])) == len(GAMES) * SEEDS
    last.checkpoint.mkdir(parents=True)
    assert search.missing(PRETRAINING, ["heads"]) == []
    assert search.rates("heads") is None
    assert search.rates(FRESH).shape == (len(GAMES), SEEDS)


def test_the_page_is_what_the_data_say():
    """Written anew, the page is the same."""
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(Search(ROOT / DATA))
