"""The games of ``lite`` are what the rule and the pilot's data give."""

from typing import Any

import pytest

from protocol import load
from tests import ROOT
from tests.bench.pilot import CHOSEN, DATA, TABLE, Pilot, candidates, table
from tests.bench.verdict import SEEDS, cells, judge

PILOT = Pilot(ROOT / DATA)


def line(player: str, rates: list[float], negative_rewards: int = 0, seed: int = 0) -> dict[str, Any]:
    return {
        "player": player,
        "seed": seed,
        "points_per_1000_steps": rates,
        "negative_rewards": negative_rewards,
    }


def parts(ppo: float, uniform: float, constant: float, **more: Any) -> list[dict[str, Any]]:
    lines = [line("ppo", [1.0] * 9 + [ppo]), line("uniform", [uniform] * 10)]
    lines.append(line("constant", [0.0] * 3 + [constant] + [0.0] * 14, **more))
    return lines


def test_candidates_stand_in_the_order_of_the_rule():
    """The first fifteen candidates are the rule's, in its order; the rest of full follows."""
    order = candidates()
    assert order[:15] == [
        *("kangaroo", "frostbite", "seaquest", "private_eye", "gopher", "jamesbond", "alien", "bank_heist"),
        *("crazy_climber", "hero", "battle_zone", "qbert", "chopper_command", "amidar", "assault"),
    ]
    assert not {"asterix", "breakout", "space_invaders", "kung_fu_master", "road_runner"} & {*order}
    assert len(order) == len({*order}) == 63 - 3 - 9


@pytest.mark.parametrize(
    ("ppo", "uniform", "constant", "conditions"),
    [
        (100, 50, 80, (True, True, True)),
        (100, 50, 81, (True, False, True)),
        (100, 66.6, 0, (True, True, True)),
        (100, 66.8, 0, (True, True, False)),
        (100, 81, 0, (True, False, False)),
        (0, 0, 0, (True, True, False)),
    ],
)
def test_a_verdict_is_the_rule(ppo, uniform, constant, conditions):
    """(b) allows 80 % of what is learned, (c) asks for 1.5 times uniform play; nothing learned is nothing."""
    verdict = judge(parts(ppo, uniform, constant))
    assert verdict.conditions == conditions
    assert verdict.constant == (3 if constant else 0, constant)
    assert verdict.qualifies == all(conditions)


def test_one_negative_reward_bars_a_game():
    """(a) fails by a single negative reward in any play, and no other learner could change that."""
    verdict = judge(parts(100, 10, 10, negative_rewards=1))
    assert verdict.conditions == (False, True, True)
    assert not verdict.undecided


def test_no_learner_is_played_where_a_reward_was_negative(tmp_path):
    """Uniform play and constant actions come first; a negative reward among them is a verdict already."""
    pilot = Pilot(tmp_path / "plays.jsonl")
    assert {part.player for part in pilot.next_parts("tennis")} == {"uniform", "constant"}
    for part in pilot.next_parts("tennis"):
        found = line(part.player, [1.0] * 18, int(part.player == "uniform"), part.seed)
        pilot.parts[part] = {**found, "game": "tennis"}
    assert pilot.next_parts("tennis") == []
    verdict = pilot.verdict("tennis")
    assert verdict is not None
    assert verdict.conditions[0] is verdict.qualifies is False
    assert cells(verdict, ["ppo"]) == ["3", "1.0", "1.0 (0)", "", "no", "", ""]


def test_the_better_learner_counts():
    """DQN is asked for where PPO alone falls short, and decides where it earns more."""
    short = parts(100, 10, 90)
    assert judge(short).undecided
    better = judge([*short, line("dqn", [0.0] * 9 + [200])])
    assert better.qualifies
    assert not better.undecided
    assert not judge([*short, line("dqn", [0.0] * 9 + [50])]).qualifies


def test_rates_are_means_over_seeds():
    """The last tenths of the seeds are averaged, and so are constant actions, action by action."""
    lines = [*parts(100, 10, 50), *parts(200, 20, 0)]
    verdict = judge(lines)
    assert verdict.learned == {"ppo": 150}
    assert verdict.uniform == 15
    assert verdict.constant == (3, 25)


complete = pytest.mark.skipif(len(PILOT.chosen()) < CHOSEN, reason="the pilot is not complete: `make pilot`")


@complete
def test_lite_is_what_the_pilot_chose():
    """The edition has exactly the eight games that the data choose."""
    assert sorted(PILOT.chosen()) == sorted(load("v1").edition("lite").games)


@complete
def test_the_page_says_what_the_data_say():
    """The docs' table is the one that the data give."""
    assert (ROOT / TABLE).read_text(encoding="utf-8") == table(PILOT)


@complete
def test_every_part_was_played_once():
    """The data file has no part twice, and learners of one configuration each."""
    lines = (ROOT / DATA).read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(PILOT.parts)
    assert all(part.seed < SEEDS for part in PILOT.parts)
    for learner in ("ppo", "dqn"):
        configurations = {
            str(found["configuration"]) for part, found in PILOT.parts.items() if part.player == learner
        }
        assert len(configurations) == 1
