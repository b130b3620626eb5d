"""Results as tables of text: what a terminal, a Markdown page, a CSV file and the report show alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table

from suite.estimates import Figure
from suite.scores import Scores

UNDEFINED = "undefined"
UNKNOWN = "unknown"


class Sheet(NamedTuple):
    """A table: the first ``labels`` columns name the row, the others hold figures."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1


def rich_table(sheet: Sheet) -> Table:
    """For a terminal."""
    table = Table(title=sheet.title, title_justify="left")
    for place, column in enumerate(sheet.header):
        table.add_column(column, justify="left" if place < sheet.labels else "right")
    for row in sheet.rows:
        table.add_row(*row)
    return table


def markdown_table(sheet: Sheet) -> str:
    """For a Markdown page: the title in bold, then a pipe table."""
    rules = ["---" if place < sheet.labels else "---:" for place in range(len(sheet.header))]
    lines = ["| " + " | ".join(row) + " |" for row in (sheet.header, rules, *sheet.rows)]
    return f"**{sheet.title}**\n\n" + "\n".join(lines) + "\n"


def csv_text(sheet: Sheet) -> str:
    """For a spreadsheet (RFC 4180, but lines end as on Unix): the header, then the rows; no title."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([sheet.header, *sheet.rows])
    return text.getvalue()


def signed(value: float | None) -> str:
    """A difference or a contrast: +0.123."""
    return UNDEFINED if value is None else f"{value:+.3f}"


def plain(value: float | None) -> str:
    """A ratio or a probability: 1.234."""
    return UNDEFINED if value is None else f"{value:.3f}"


def points(value: float | None) -> str:
    """Game points: 1,234.5."""
    return UNKNOWN if value is None else f"{value:,.1f}"


def interval_text(figure: Figure, sign: bool) -> str:
    """The 95 % interval: [-0.100, +0.200]."""
    if figure.interval is None:
        return UNDEFINED
    show = signed if sign else plain
    return f"[{show(figure.interval.low)}, {show(figure.interval.high)}]"


def null_text(figure: Figure, sign: bool) -> str:
    """The null's 5 % and 95 % points: -0.100 .. +0.100."""
    if figure.null is None:
        return UNDEFINED
    show = signed if sign else plain
    return f"{show(figure.null.low)} .. {show(figure.null.high)}"


def aggregate_rows(scores: Scores) -> list[tuple[str, Figure, bool]]:
    """The figures over all games: name, figure, whether it is shown with a sign."""
    transfer = scores.transfer
    return [
        ("contrast, interquartile mean", transfer.contrast, True),
        ("contrast, mean", transfer.mean_contrast, True),
        (f"ratio r, of {transfer.defined_games} of {len(transfer.games)} games", transfer.ratio, False),
        ("probability that transfer beats fresh", transfer.win_probability, False),
        (
            f"human-normalised gain, {transfer.referenced_games} games",
            transfer.human_normalised_gain,
            True,
        ),
    ]


def score_sheets(scores: Scores) -> tuple[Sheet, ...]:
    """All tables of one learner's scores on one edition."""
    name = f"{scores.learner} on {scores.edition}"
    return (
        _transfer_sheet(scores, name),
        _speed_sheet(scores, name),
        _multitask_sheet(scores, name),
        Sheet(
            f"transfer over all games, {name}: each figure beside its null",
            ("figure", "value", "95 % interval", "null 5 .. 95 %", "null median", "p", "detectable"),
            tuple(_aggregate_row(*row) for row in aggregate_rows(scores)),
        ),
    )


def _aggregate_row(name: str, figure: Figure, sign: bool) -> tuple[str, ...]:
    show = signed if sign else plain
    null = figure.null
    return (
        name,
        show(figure.value),
        interval_text(figure, sign),
        null_text(figure, sign),
        show(null.median if null else None),
        plain(null.p_value if null else None),
        plain(null.minimum_detectable_effect if null else None),
    )


def _transfer_sheet(scores: Scores, name: str) -> Sheet:
    header = ("held-out game", "fold", "fresh", "pre-trained", "ratio", "contrast", "95 % interval")
    rows = tuple(
        (
            game.game,
            str(game.fold),
            points(game.fresh_reward),
            points(game.transfer_reward),
            plain(game.ratio.value),
            signed(game.contrast.value),
            interval_text(game.contrast, True),
            null_text(game.contrast, True),
            plain(game.win_probability.value),
        )
        for game in scores.transfer.games
    )
    return Sheet(
        f"transfer by game, {name}: reward of the whole budget, mean over {scores.seeds} seeds",
        (*header, "null 5 .. 95 %", "wins"),
        rows,
    )


def _speed_sheet(scores: Scores, name: str) -> Sheet:
    rows = tuple(
        (
            game.game,
            points(game.fresh_jumpstart),
            points(game.transfer_jumpstart),
            points(game.fresh_asymptote),
            points(game.transfer_asymptote),
            UNKNOWN if game.human_normalised_gain is None else signed(game.human_normalised_gain),
        )
        for game in scores.transfer.games
    )
    return Sheet(
        f"jumpstart and asymptote, {name}: points per 1,000 steps in the first and last tenth of the frames",
        ("game", "first, fresh", "first, pre-trained", "last, fresh", "last, pre-trained", "human-norm. gain"),
        rows,
    )


def _multitask_sheet(scores: Scores, name: str) -> Sheet:
    header = ("game", "generalist", "top", "specialist", "top", "ratio", "contrast", "95 % interval")
    rows = tuple(
        (
            game.game,
            points(game.generalist_mean),
            points(game.generalist_top),
            points(game.specialist_mean),
            points(game.specialist_top),
            plain(game.ratio.value),
            signed(game.contrast.value),
            interval_text(game.contrast, True),
            null_text(game.contrast, True),
            signed(game.training_contrast.value),
            points(game.random),
            points(game.human),
        )
        for game in scores.multitask
    )
    return Sheet(
        f"multitask, {name}: evaluation returns of one set of weights, beside the specialists'",
        (*header, "null 5 .. 95 %", "in training", "random", "human"),
        rows,
    )


def headline(scores: Scores) -> Sequence[str]:
    """What the scores say, in words."""
    transfer, figure = scores.transfer, scores.transfer.contrast
    lines = [
        f"transfer contrast {signed(figure.value)} {interval_text(figure, True)}, "
        f"null {null_text(figure, True)}: {verdict(figure)}",
        f"transfer ratio {plain(transfer.ratio.value)} {interval_text(transfer.ratio, False)}, "
        f"null {null_text(transfer.ratio, False)}: above 1 proves nothing unless it is above its null",
    ]
    if transfer.undefined_games:
        lines.append(f"without a ratio: {', '.join(transfer.undefined_games)}")
    return lines


def verdict(figure: Figure) -> str:
    """Whether a contrast tells transfer from chance."""
    if figure.null is None or figure.value is None:
        return "nothing can be said"
    p = f"p = {figure.null.p_value:.3f}"
    if figure.null.p_value >= 0.05:
        return f"no transfer can be told from chance ({p})"
    return f"pre-training {'helps' if figure.value > 0 else 'harms'} ({p})"
