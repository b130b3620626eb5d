"""The verdict of a pilot on one candidate: whether learners learn in it, by the three conditions of the rule.

tests/bench/pilot.py states the rule. Rates are in points per 1,000 agent steps.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

SEEDS = 3
MOST_OF_LEARNED, LEAST_OF_UNIFORM = 0.8, 1.5
LEARNERS = ("ppo", "dqn")
UNLEARNED = ("uniform", "constant")


class Verdict(NamedTuple):
    """The results of one candidate's parts; rates are means over seeds, in points per 1,000 agent steps.

    Attributes:
        negative_rewards: over all plays.
        uniform: rate.
        constant: the best constant action and its rate.
        learned: by learner that was played, the rate of its last tenth.
    """

    negative_rewards: int
    uniform: float
    constant: tuple[int, float]
    learned: dict[str, float]

    @property
    def best(self) -> float:
        """The rate of the better learner; 0 if none was played."""
        return max(self.learned.values(), default=0.0)

    @property
    def conditions(self) -> tuple[bool, bool, bool]:
        """(a), (b), (c)."""
        floor = max(self.uniform, self.constant[1])
        return (
            self.negative_rewards == 0,
            floor <= MOST_OF_LEARNED * self.best,
            self.best > 0 and self.best >= LEAST_OF_UNIFORM * self.uniform,
        )

    @property
    def qualifies(self) -> bool:
        """True if all three hold."""
        return all(self.conditions)

    @property
    def undecided(self) -> bool:
        """True if DQN could still make the candidate qualify."""
        return self.conditions[0] and not self.qualifies and "dqn" not in self.learned


def judge(parts: Sequence[dict[str, Any]]) -> Verdict:
    """The verdict on one candidate, from its lines of the data file."""
    of = {player: [part for part in parts if part["player"] == player] for player in (*LEARNERS, *UNLEARNED)}
    actions = np.mean([part["points_per_1000_steps"] for part in of["constant"]], axis=0)
    return Verdict(
        negative_rewards=sum(part["negative_rewards"] for part in parts),
        uniform=statistics.mean(statistics.mean(part["points_per_1000_steps"]) for part in of["uniform"]),
        constant=(int(actions.argmax()), float(actions.max())),
        learned={
            learner: statistics.mean(part["points_per_1000_steps"][-1] for part in of[learner])
            for learner in LEARNERS
            if of[learner]
        },
    )


def cells(verdict: Verdict, learners: Sequence[str]) -> list[str]:
    """The cells of a verdict's row: rates, one per learner, and whether each condition holds.

    If (a) failed before a learner was played, the cells of the other conditions are empty.
    """
    action, rate = verdict.constant
    learned = [f"{verdict.learned[name]:,.1f}" if name in verdict.learned else "" for name in learners]
    met = ["yes" if condition else "no" for condition in verdict.conditions]
    if not verdict.learned:
        met[1:] = ["", ""]
    earned = [f"{verdict.negative_rewards:,}", f"{verdict.uniform:,.1f}", f"{rate:,.1f} ({action})"]
    return [*earned, *learned, *met]
