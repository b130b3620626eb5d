"""Forgeries of what was played: budgets, episodes, actions and their consequences (rules B, A and R)."""

from __future__ import annotations

from typing import Any

from protocol import episode_seed
from tests.suite.helpers import V1
from tests.suite.verify.cheater import Bend
from tests.suite.verify.corpus.forging import (
    FRESH,
    OTHER_FRESH,
    PRETRAIN,
    TRANSFER,
    Forged,
    earlier_part,
    named,
    played,
    rows,
    spending,
)


def _reorder(rows: list[dict[str, Any]]) -> None:
    rows[0], rows[1] = rows[1], rows[0]


def _swap_actions(rows: list[dict[str, Any]]) -> None:
    """Swap the first actions of two episodes, as many as the shorter one has, so that no length changes."""
    one, other = rows[:2]
    steps = min(one["length_steps"], other["length_steps"])
    first, second = one["actions"], other["actions"]
    one["actions"], other["actions"] = second[:steps] + first[steps:], first[:steps] + second[steps:]


def _repeat(rows: list[dict[str, Any]]) -> None:
    rows.append(dict(rows[-1]))


def _lose(rows: list[dict[str, Any]]) -> None:
    del rows[0]


def _no_evaluation(rows: list[dict[str, Any]]) -> None:
    rows[:] = [row for row in rows if row["phase"] == "training"]


def _one_game_alone(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["game"] = rows[0]["game"]


def _one_evaluation_less(rows: list[dict[str, Any]]) -> None:
    del rows[-1]


def _more_evaluation(rows: list[dict[str, Any]]) -> None:
    last = rows[-1]
    number = last["number"] + 1
    seed = episode_seed(V1.edition_digests["smoke"], f"smoke/{FRESH}", last["lane"], number)
    rows.append(last | {"number": number, "seed": seed})


def _undue_cut(forged: Forged) -> None:
    """No-ops last until the cap of the evaluation; one such end is called another."""
    forged.play(FRESH, Bend(only_action=0))
    forged.edit_rows(FRESH, lambda rows: rows[-1].update(end_reason="no_reward"))


def _illegal_action(rows: list[dict[str, Any]]) -> None:
    rows[0]["actions"] = b"\x12" + rows[0]["actions"][1:]


def _missing_action(rows: list[dict[str, Any]]) -> None:
    rows[0]["actions"] = rows[0]["actions"][:-1]


def _more_reward(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["rewards"])
    row["rewards"][0] += 1
    row["episode_return"] += 1


def _earlier_reward(rows: list[dict[str, Any]]) -> None:
    """A reward that comes a step before it was earned, which lifts the curve."""
    row = next(row for row in rows if row["rewards"] and row["reward_steps"][0] > 0)
    row["reward_steps"][0] -= 1


def _better_evaluation(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["phase"] == "evaluation" and row["rewards"])
    row["rewards"][-1] += 100
    row["episode_return"] += 100


def _evaluated_in_training(rows: list[dict[str, Any]]) -> None:
    """The best episode of the training is called an evaluation."""
    best = max((row for row in rows if row["phase"] == "training"), key=lambda row: row["episode_return"])
    best["phase"] = "evaluation"


def _clip(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["rewards"] = [max(-1, min(1, reward)) for reward in row["rewards"]]
        row["episode_return"] = sum(row["rewards"])


def _minimal_actions(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["actions"] = bytes((0, 1, 3, 4).index(a) if a in (0, 1, 3, 4) else 0 for a in row["actions"])


def _higher_return(rows: list[dict[str, Any]]) -> None:
    rows[0]["episode_return"] += 1


def _other_ram(rows: list[dict[str, Any]]) -> None:
    rows[0]["ram_sha256"] = bytes(32)


def _claim_of_half(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        half = row["length_steps"] // 2
        kept = [place for place, step in enumerate(row["reward_steps"]) if step < half]
        row |= {"length_steps": half, "actions": row["actions"][:half]}
        row |= {name: [row[name][place] for place in kept] for name in ("reward_steps", "rewards")}
        row["episode_return"] = sum(row["rewards"])


PLAY = (
    played("one step over the budget", "B1", FRESH, more_steps=1),
    rows("half of every episode claimed", "B1", _claim_of_half, "B4", run=TRANSFER),
    rows("a game that pre-training never played", "B1", _one_game_alone, run=PRETRAIN, scores=False),
    named("more frames claimed than played", "B2", spending, training_frames=32_000),
    named("a part that ended after the whole run", "B2", lambda f: earlier_part(f, FRESH, until_steps=10**15)),
    named("steps claimed as frames", "B2", spending, training_frames=2_000),
    played("evaluation beyond its cap", "B3", FRESH, longer_evaluation_steps=1, only_action=0),
    named("a cut that was not due", "B3", _undue_cut),
    played("a first episode left out of the count", "B4", FRESH, first_number=1),
    rows("rows out of order", "B4", _reorder),
    rows("an episode twice", "B4", _repeat, "B5"),
    rows("an episode lost", "B4", _lose, "B1", "B5"),
    rows("no evaluation", "B5", _no_evaluation, scores=False),
    rows("an evaluation episode less", "B5", _one_evaluation_less),
    rows("an evaluation episode more", "B5", _more_evaluation),
    rows("an action that there is not", "A1", _illegal_action),
    rows("an action less than steps", "A2", _missing_action),
    rows("a point more", "R1", _more_reward, replay=True),
    rows("a reward a step too early", "R1", _earlier_reward, replay=True),
    rows("a hundred points more in an evaluation", "R1", _better_evaluation, run=OTHER_FRESH, replay=True),
    rows("a training episode called evaluation", "B5", _evaluated_in_training, "B1", "B4", "D3", scores=False),
    rows("clipped rewards", "R1", _clip, run=OTHER_FRESH, replay=True),
    played("episodes that end with a life", "R2", FRESH, replay=True, early_end_step=50),
    rows("another RAM", "R3", _other_ram, replay=True),
    rows("actions of two episodes swapped", "R3", _swap_actions, "R1", "R2", run=OTHER_FRESH, replay=True),
    rows("the game's own few actions", "R3", _minimal_actions, "R1", "R2", replay=True),
    played("no sticky actions", "R3", FRESH, "R1", "R2", replay=True, sticky_probability=0.0),
    rows("a return that is no sum", "R4", _higher_return),
)
