"""A table of text and figures as text: one form for a terminal, a Markdown page, a CSV file and the report."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from suite.scoring.estimates import Figure

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
    table = Table(title=Text(sheet.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(sheet.header):
        table.add_column(Text(column), justify="left" if place < sheet.labels else "right", overflow="fold")
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    return table


def markdown_table(sheet: Sheet) -> str:
    """For a Markdown page: the title in bold, then a pipe table."""
    rules = ["---" if place < sheet.labels else "---:" for place in range(len(sheet.header))]
    escaped = [[cell.replace("|", r"\|") for cell in row] for row in (sheet.header, rules, *sheet.rows)]
    lines = ["| " + " | ".join(row) + " |" for row in escaped]
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


def rough(value: float) -> str:
    """An estimate, to two digits where it is small: 0.034, 2.7, 1,250."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def with_interval(figure: Figure, sign: bool) -> str:
    """A figure and its interval: +0.050 [-0.100, +0.200]."""
    if figure.value is None:
        return UNDEFINED
    return f"{(signed if sign else plain)(figure.value)} {interval_text(figure, sign)}"


def with_p(figure: Figure, sign: bool) -> str:
    """A figure, its interval and its p-value: +0.050 [-0.100, +0.200] p 0.400."""
    return with_interval(figure, sign) + (f" p {figure.null.p_value:.3f}" if figure.null else "")


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
