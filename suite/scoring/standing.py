"""The standing of a learner among published baselines, by what pre-trained runs earn."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb

from protocol import Frozen
from suite.scoring.claims import ALPHA, holm
from suite.scoring.duels import duel_of_arms
from suite.scoring.estimates import Figure
from suite.scoring.scores import Scores

EVEN = 0.5
"""The probability at which neither of two learners is better."""


class Rival(Frozen):
    """One published baseline.

    Attributes:
        name: of the baseline.
        wins: how likely a pre-trained run of the learner earns more than one of the baseline, mean over the
            games that count for both.
        p_value: corrected for the number of rivals (Holm); None: there is none.
    """

    name: str
    wins: Figure
    p_value: float | None

    @property
    def is_told_apart(self) -> bool:
        """True if chance alone does not explain who wins: the interval leaves out 1/2, and p is small."""
        return self.p_value is not None and self.p_value < ALPHA and self.wins.excludes(EVEN)

    @property
    def is_better(self) -> bool:
        """True if its runs earned more than the learner's, more often than not."""
        return self.wins.value is not None and self.wins.value < EVEN


class Standing(Frozen):
    """A learner among published baselines.

    Attributes:
        rivals: those with games that count for both, from the one that the learner beats least often.
        same: baselines of the very same runs, which are no rivals: the learner itself.
        least_p_value: that so many seeds can give where runs are drawn by seed, before it is corrected.
    """

    rivals: tuple[Rival, ...]
    same: tuple[str, ...]
    least_p_value: float

    @property
    def rank(self) -> int | None:
        """From 1, the best; None: nobody can be compared."""
        if not self.rivals:
            return None
        return 1 + sum(rival.is_better for rival in self.rivals)


def least_p_by_seed(seeds: int) -> float:
    """The smallest p of two sides with so many seeds each, where all runs of a seed are exchanged together.

    Of all C(2 S, S) exchanges, the observed one and its opposite are as extreme as the observed one.
    """
    return 2 / comb(2 * seeds, seeds)


def standing(scores: Scores, published: Mapping[str, Scores]) -> Standing:
    """Set a learner against published baselines of the same edition.

    Args:
        scores: the learner's.
        published: by name, the baselines' scores; all of the learner's own division.
    """
    same = tuple(sorted(name for name, other in published.items() if scores.is_of_the_runs_of(other)))
    figures = {
        name: duel_of_arms(scores, "transfer", other, "transfer")
        for name, other in published.items()
        if name not in same
    }
    figures = {name: figure for name, figure in figures.items() if figure.value is not None}
    corrected = holm([figure.null.p_value if figure.null else 1.0 for figure in figures.values()])
    rivals = [
        Rival(name=name, wins=figure, p_value=p_value if figure.null else None)
        for (name, figure), p_value in zip(figures.items(), corrected, strict=True)
    ]
    return Standing(
        rivals=tuple(sorted(rivals, key=lambda one: (one.wins.value or 0.0, one.name))),
        same=same,
        least_p_value=least_p_by_seed(scores.seeds),
    )
