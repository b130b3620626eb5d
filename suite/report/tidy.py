"""Scores as long tables at full precision: a row per figure, for spreadsheets and data frames."""

from __future__ import annotations

from collections.abc import Iterator

from protocol import Frozen
from suite.report.sheets import Column, Row, Sheet
from suite.scoring.comparison import Comparison
from suite.scoring.estimates import Figure
from suite.scoring.scores import Scores

_FIGURE = (
    "value",
    "low",
    "high",
    "null_low",
    "null_median",
    "null_high",
    "p_value",
    "minimum_detectable_effect",
)


def _columns(labels: tuple[str, ...]) -> tuple[Column, ...]:
    return (*(Column(name, name, "label") for name in labels), *(Column(name, name) for name in _FIGURE))


def tidy_sheet(comparison: Comparison) -> Sheet:
    """Every figure of a comparison with its interval and null."""
    rows: list[Row] = []
    divisions = {one.label: one.division for one in comparison.contenders}
    for one in comparison.contenders:
        learner = {"learner": one.label, "division": one.division, "against": ""}
        for game, measure, figure in _measures(one.scores):
            if isinstance(figure, Figure):
                rows.append(learner | {"game": game, "measure": measure} | _numbers(figure))
    for duel in comparison.duels:
        learner = {"learner": duel.ours, "division": divisions[duel.ours], "against": duel.theirs}
        for measure, figure in duel.figures().items():
            rows.append(learner | {"game": "", "measure": f"win_probability_{measure}"} | _numbers(figure))
    columns = _columns(("learner", "division", "against", "game", "measure"))
    return Sheet(f"comparison on {comparison.edition}", columns, tuple(rows))


def tidy_scores(scores: Scores) -> Sheet:
    """Every figure of one learner with its interval and null, and every plain number without."""
    rows = [
        {"game": game, "measure": measure} | _numbers(figure) for game, measure, figure in _measures(scores)
    ]
    return Sheet(f"{scores.learner} on {scores.edition}", _columns(("game", "measure")), tuple(rows))


def _measures(scores: Scores) -> Iterator[tuple[str, str, Figure | float | None]]:
    """Game ("": all), measure, and what was found."""
    parts: list[tuple[str, str, Frozen]] = [("transfer", "", scores.transfer)]
    parts += [("transfer", game.game, game) for game in scores.transfer.games]
    parts += [("multitask", game.game, game) for game in scores.multitask]
    for kind, game, part in parts:
        for name, found in part:
            if found is None or isinstance(found, Figure | float):
                yield game, f"{kind}_{name}", found


def _numbers(found: Figure | float | None) -> dict[str, str]:
    figure = found if isinstance(found, Figure) else Figure(value=found, interval=None, null=None)
    ends = figure.interval.model_dump().values() if figure.interval else (None, None)
    null = figure.null.model_dump().values() if figure.null else [None] * 5
    numbers = (figure.value, *ends, *null)
    return {name: "" if number is None else repr(number) for name, number in zip(_FIGURE, numbers, strict=True)}
