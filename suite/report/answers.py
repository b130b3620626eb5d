"""The first screen of a report: three questions, each with an answer in words and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from suite.report.forests import Axis, ForestRow, draw_forest
from suite.report.numbers import interval_text, null_text, p_text, plain, signed
from suite.report.style import GENERALIST, TRANSFER, Drawing
from suite.scoring.claims import ALPHA, Claim, Condition, holm
from suite.scoring.estimates import Figure
from suite.scoring.scores import GameMultitask, Scores
from suite.scoring.standing import Standing, least_p_by_seed
from suite.submission.description import Division

TRANSFER_AXIS = Axis(
    "\N{LEFTWARDS ARROW} hurts \N{MIDDLE DOT} contrast \N{MIDDLE DOT} helps \N{RIGHTWARDS ARROW}", 0.0
)
MULTITASK_AXIS = Axis(
    "\N{LEFTWARDS ARROW} specialist \N{MIDDLE DOT} contrast \N{MIDDLE DOT} generalist \N{RIGHTWARDS ARROW}", 0.0
)
MOST_NAMED_GAMES = 12
"""So many rows of a figure on the first screen have names; where there are more, each has a thin line."""


class Answer(NamedTuple):
    """A question and its answer.

    Attributes:
        anchor: of its place on the page.
        question: the title.
        verdict: the answer in short.
        sentences: what was found, and whether it is more than chance.
        conditions: those of a claim, each with its outcome; () where the answer is no claim.
        drawing: None: there is nothing to draw.
    """

    anchor: str
    question: str
    verdict: str
    sentences: Sequence[str]
    conditions: Sequence[Condition]
    drawing: Drawing | None


def answers(scores: Scores, claim: Claim, stand: Standing, division: Division) -> tuple[Answer, ...]:
    """Answers: whether pre-training helps, whether one set of weights is enough, where the learner ranks."""
    return _transfer(scores, claim), _multitask(scores), _rank(stand, division)


def _transfer(scores: Scores, claim: Claim) -> Answer:
    figure, counted = scores.transfer.contrast, scores.transfer.counted_games
    verdicts = {
        "helps": "Yes: pre-training helps.",
        "hurts": "No: pre-training hurts.",
        "nothing": "Not shown.",
    }
    if claim.verdict == "nothing" and any(one.outcome != "holds" for one in claim.conditions[:2]):
        verdicts["nothing"] = "It cannot be told from chance."
    missed = sum(one.outcome != "holds" for one in claim.conditions)
    held = f"{missed} do not hold" if missed > 1 else "1 does not hold" if missed else "all hold"
    rows = [ForestRow("all games", figure, over_all=True)]
    rows += [ForestRow(game.game, game.contrast) for game in scores.transfer.games]
    return Answer(
        "answer-transfer",
        "Does pre-training help in a new game?",
        verdicts[claim.verdict],
        (
            _contrast_sentence(figure, counted),
            f"Of the four conditions of a claim, {held}:",
        ),
        claim.conditions,
        Drawing(
            "answer_transfer",
            "",
            f"The transfer contrast over all games, {_in_words(figure)}, above that of each game.",
            draw_forest(rows, TRANSFER_AXIS, TRANSFER, has_names=len(rows) <= MOST_NAMED_GAMES + 1),
        ),
    )


def _contrast_sentence(figure: Figure, counted: int) -> str:
    if figure.value is None:
        return "No game counts, so there is no transfer contrast over all games."
    return (
        f"Over {counted} games, the transfer contrast is {signed(figure.value)} with the 95 % interval "
        f"{interval_text(figure, signed)}. Fresh runs against each other (the null) give "
        f"{null_text(figure, signed)}; with few seeds only p is a test: "
        f"p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{p_text(figure)}."
    )


def _in_words(figure: Figure) -> str:
    return f"{signed(figure.value)} with 95 % interval {interval_text(figure, signed)}"


def _multitask(scores: Scores) -> Answer:
    games = scores.multitask
    told = _told_apart(games)
    higher = sum((game.contrast.value or 0.0) > 0 for game in games)
    lower = sum((game.contrast.value or 0.0) < 0 for game in games)
    better = sum((game.contrast.value or 0.0) > 0 for game in told)
    worse = len(told) - better
    if told:
        verdict = f"Better in {better}, worse in {worse} of {len(games)} games; the rest can be chance."
    else:
        verdict = "It cannot be told from chance in any game."
    least = least_p_by_seed(scores.seeds)
    sentences = [
        f"The generalist's evaluation return is above the specialist's in {higher} of {len(games)} games and "
        f"below it in {lower}. Corrected for {len(games)} games, {len(told) or 'none'} of these differences "
        "can be told from chance."
    ]
    if not told:
        sentences.append(_why_not(games, least))
    rows = [ForestRow(game.game, game.contrast) for game in games]
    return Answer(
        "answer-multitask",
        "Can one set of weights play all games?",
        verdict,
        sentences,
        (),
        Drawing(
            "answer_multitask",
            "",
            f"The contrast of generalist and specialist in each game: above 0 in {higher}, below in {lower}.",
            draw_forest(rows, MULTITASK_AXIS, GENERALIST, has_names=len(rows) <= MOST_NAMED_GAMES),
        ),
    )


def _told_apart(games: Sequence[GameMultitask]) -> list[GameMultitask]:
    """The games whose contrast is more than chance: the interval leaves out 0, and p, corrected, is small."""
    known = [game for game in games if game.contrast.null and game.contrast.interval]
    corrected = holm([game.contrast.null.p_value for game in known if game.contrast.null])
    return [
        game
        for game, p_value in zip(known, corrected, strict=True)
        if p_value < ALPHA and game.contrast.excludes(0)
    ]


def _why_not(games: Sequence[GameMultitask], least: float) -> str:
    holding = sum(not game.contrast.excludes(0) for game in games)
    why = f"The interval holds 0 in {holding} of {len(games)} games; in none is p, corrected, below {ALPHA}"
    if least * len(games) >= ALPHA:
        return f"{why}: with so few seeds p is never below {plain(least)} in a single game."
    return why + "."


def _rank(stand: Standing, division: Division) -> Answer:
    question = "Where does it rank among the baselines?"
    rank = stand.rank
    if rank is None:
        why = "no published baseline of this edition shares a game that counts with it"
        if division == "open":
            why = f"division open is not ranked with others, and {why}"
        return Answer("answer-rank", question, f"Not ranked: {why}.", (), (), None)
    rivals = stand.rivals
    apart = [rival for rival in rivals if rival.is_told_apart]
    groups = {
        "It beats": [rival.name for rival in apart if not rival.is_better],
        "It loses to": [rival.name for rival in apart if rival.is_better],
        "Cannot be told from chance": [rival.name for rival in rivals if not rival.is_told_apart],
    }
    corrected = f", corrected for {len(rivals)}," if len(rivals) > 1 else ""
    same = f"It is the published {_listed(stand.same)}. " if stand.same else ""
    chance = "" if apart else "; none of the differences can be told from chance"
    rows = [ForestRow(rival.name, rival.wins) for rival in rivals]
    return Answer(
        "answer-rank",
        question,
        f"Rank {rank} of {len(rivals) + 1}{chance}.",
        (
            f"{same}Ranked by how often pre-trained runs earn more than those of the others.",
            " ".join(f"{what}: {_listed(names)}." for what, names in groups.items() if names),
            f"More than chance means that the interval leaves out 0.5, and that p{corrected} is below {ALPHA}.",
            *_undecidable(stand),
        ),
        (),
        Drawing(
            "answer_rank",
            "",
            "How likely a pre-trained run earns more than one of "
            + ", ".join(f"{rival.name}: {plain(rival.wins.value)}" for rival in rivals)
            + ".",
            draw_forest(rows, Axis("probability that it earns more", 0.5, (0.0, 1.0)), TRANSFER),
        ),
    )


def _undecidable(stand: Standing) -> Iterable[str]:
    """A sentence where so few seeds cannot tell the learner from a rival, whatever their runs earn."""
    raw = {rival.name: rival.wins.null.p_value for rival in stand.rivals if rival.wins.null}
    stuck = [
        rival.name
        for rival in stand.rivals
        if not rival.is_told_apart
        and rival.wins.excludes(0.5)
        and raw.get(rival.name, 1.0) <= stand.least_p_value * (1 + 1e-9)
    ]
    if stuck:
        yield (
            f"The p of {_listed(stuck)} is {plain(stand.least_p_value)} before the correction. So few seeds "
            "can give no smaller one: more of them would be needed, whatever was earned."
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
