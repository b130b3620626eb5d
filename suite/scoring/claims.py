"""The claim of a learner's transfer: four conditions, each with its outcome in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from protocol import Frozen
from suite.scoring.duels import duel_of_arms
from suite.scoring.estimates import Figure
from suite.scoring.scores import Scores

ALPHA = 0.05
UNIFORM = "uniform"
"""The published baseline whose fresh arm is uniform play."""

Name = Literal["interval", "p-value", "fresh arm", "duel"]
Held = Literal["holds", "fails", "not known"]
Verdict = Literal["helps", "hurts", "nothing"]


class Condition(Frozen):
    """One condition of a claim.

    Attributes:
        name: of the condition.
        outcome: whether it holds.
        words: the finding, in words.
    """

    name: Name
    outcome: Held
    words: str


class FreshDuel(Frozen):
    """The probability that a transfer run beats a published baseline's fresh run, over the counted games.

    Attributes:
        against: the baseline whose fresh arm the transfer arm beats least often.
        figure: the probability.
    """

    against: str
    figure: Figure


class Claim(Frozen):
    """The claim that a transfer contrast supports.

    Attributes:
        contrast: its sign says whether transfer runs earned more.
        learners: how many learners are compared at once; the p-value is corrected for this number (Holm).
        p_value: the corrected p-value; None: there is none.
        conditions: all four, in order.
        duel: the duel of the last condition; None: no published baseline shares a counted game with it.
    """

    contrast: float | None
    learners: int
    p_value: float | None
    conditions: tuple[Condition, ...]
    duel: FreshDuel | None

    @property
    def verdict(self) -> Verdict:
        """ "helps" if all four hold; "hurts" if the contrast is negative and the first two hold."""
        held = [condition.outcome == "holds" for condition in self.conditions]
        if self.contrast is None or not all(held[:2]):
            return "nothing"
        if self.contrast < 0:
            return "hurts"
        return "helps" if all(held) else "nothing"

    @property
    def sentence(self) -> str:
        """The claim in words; if nothing is claimed, every condition that does not hold."""
        if self.verdict == "nothing":
            needed = self.conditions[:2] if (self.contrast or 0.0) < 0 else self.conditions
            held = [one.words for one in self.conditions[:2] if one.outcome == "holds"]
            missed = [one.words for one in needed if one.outcome != "holds"]
            but = f"{', '.join(held)}, but " if held else ""
            return f"no transfer is claimed: {but}{'; '.join(missed)}"
        said = ", ".join(condition.words for condition in self.conditions[:2])
        return f"pre-training {self.verdict}: {said}"


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values of several learners, corrected so that the chance of any false claim is at most 5 % (Holm 1979).

    The smallest of N is multiplied by N, the next by N - 1, and so on. No corrected value is below that of a
    smaller p-value, and none exceeds 1.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return tuple(corrected)


def p_value_text(p_value: float) -> str:
    """A p-value of three digits, or of so many that it is seen to be below 0.05, and above 0: 0.04998."""
    digits = 3
    while p_value < ALPHA <= round(p_value, digits) or 0 < p_value < 0.5 * 10**-digits:
        digits += 1
    return f"{p_value:.{digits}f}"


def claims(everyone: Sequence[Scores], published: Mapping[str, Scores]) -> tuple[Claim, ...]:
    """The claims that are supported for each of several learners on one edition, compared at once.

    Args:
        everyone: the learners' scores. Equal figures, as of a copy under whatever name, are one question.
        published: by name, the scores of the baselines that are published for the same edition.
    """
    distinct: list[Scores] = []
    for scores in everyone:
        if not any(map(scores.has_the_figures_of, distinct)):
            distinct.append(scores)
    nulls = [scores.transfer.contrast.null for scores in distinct]
    corrected = holm([null.p_value if null else 1.0 for null in nulls])
    found = [
        _claim(scores, p_value if null else None, len(distinct), published)
        for scores, null, p_value in zip(distinct, nulls, corrected, strict=True)
    ]
    return tuple(
        next(claim for one, claim in zip(distinct, found, strict=True) if scores.has_the_figures_of(one))
        for scores in everyone
    )


def _claim(scores: Scores, p_value: float | None, learners: int, published: Mapping[str, Scores]) -> Claim:
    figure = scores.transfer.contrast
    hardest = _hardest_duel(scores, published)
    conditions = (
        _interval(figure),
        _p_value(p_value, learners),
        _fresh_arm(scores, published.get(UNIFORM)),
        _duel(hardest),
    )
    return Claim(contrast=figure.value, learners=learners, p_value=p_value, conditions=conditions, duel=hardest)


def _interval(figure: Figure) -> Condition:
    if figure.interval is None:
        return Condition(name="interval", outcome="not known", words="there is no interval")
    if figure.excludes(0):
        return Condition(name="interval", outcome="holds", words="the interval excludes 0")
    return Condition(name="interval", outcome="fails", words="the interval contains 0")


def _p_value(p_value: float | None, learners: int) -> Condition:
    if p_value is None:
        return Condition(name="p-value", outcome="not known", words="there is no p-value")
    corrected = f" (corrected for {learners} learners)" if learners > 1 else ""
    said = f"p = {p_value_text(p_value)}{corrected}"
    if p_value < ALPHA:
        return Condition(name="p-value", outcome="holds", words=said)
    words = f"{said} is not below {ALPHA}"
    return Condition(name="p-value", outcome="fails", words=words)


def _fresh_arm(scores: Scores, uniform: Scores | None) -> Condition:
    """Condition: fresh runs earn no less than uniform play in each counted game; weak ones help a claim."""
    if uniform is None:
        words = "it is not known what uniform play earns: no uniform baseline of this edition is published"
        return Condition(name="fresh arm", outcome="not known", words=words)
    counted = [game for game in scores.transfer.games if not game.negative_rewards]
    if not counted:
        return Condition(name="fresh arm", outcome="not known", words="no game counts")
    earned = {game.game: game.fresh_reward for game in uniform.transfer.games}
    worse = [game.game for game in counted if game.fresh_reward < earned[game.game]]
    if worse:
        words = f"fresh runs earn less than uniform play in {', '.join(worse)}"
        return Condition(name="fresh arm", outcome="fails", words=words)
    words = "fresh runs earn no less than uniform play in each game that counts"
    return Condition(name="fresh arm", outcome="holds", words=words)


def _duel(hardest: FreshDuel | None) -> Condition:
    if hardest is None or hardest.figure.value is None:
        words = "there is no published fresh arm to beat in any game that counts for both"
        return Condition(name="duel", outcome="not known", words=words)
    words = f"transfer runs beat fresh {hardest.against} with probability {hardest.figure.value:.3f}"
    return Condition(name="duel", outcome="holds", words=words)


def _hardest_duel(scores: Scores, published: Mapping[str, Scores]) -> FreshDuel | None:
    """The duel of the transfer arm with the fresh arm that it beats least often; None: there is none."""
    duels = [
        FreshDuel(against=name, figure=duel_of_arms(scores, "transfer", other, "fresh"))
        for name, other in sorted(published.items())
    ]
    known = [one for one in duels if one.figure.value is not None]
    return min(known, key=lambda one: one.figure.value or 0.0, default=None)
