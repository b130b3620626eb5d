"""A table of text and figures as text: one form for a terminal, a Markdown page, a CSV file and the report."""

from __future__ import annotations

import csv
import io
import re
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from suite.scoring.estimates import Figure
from suite.untrusted.text import printable

_ACTS_IN_MARKDOWN = re.compile(r"[\\`*_<|&]|\](?=[(\[:])")
_FORMULA = re.compile(r"\s*[=+\-@]")
_NUMBER = re.compile(r"[+-]?(\d[\d,]*)?(\.\d+)?(e[+-]?\d+)?")
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
    table = Table(title=Text(printable(sheet.title)), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(sheet.header):
        title = Text(printable(column))
        table.add_column(title, justify="left" if place < sheet.labels else "right", overflow="fold")
    for row in sheet.rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def markdown_table(sheet: Sheet) -> str:
    """For a Markdown page: the title in bold, then a pipe table."""
    rules = ["---" if place < sheet.labels else "---:" for place in range(len(sheet.header))]
    cells = [[*map(_in_markdown, sheet.header)], rules, *([*map(_in_markdown, row)] for row in sheet.rows)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return f"**{_in_markdown(sheet.title)}**\n\n" + "\n".join(lines) + "\n"


def _in_markdown(text: str) -> str:
    """Text that stays text in a Markdown table."""
    return _ACTS_IN_MARKDOWN.sub(r"\\\g<0>", printable(text))


def csv_text(sheet: Sheet) -> str:
    """For a spreadsheet (RFC 4180, but lines end as on Unix): the header, then the rows; no title."""
    text = io.StringIO()
    rows = [[_in_a_spreadsheet(cell) for cell in row] for row in (sheet.header, *sheet.rows)]
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _in_a_spreadsheet(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that opens like it, and is no number, gets a quote."""
    shown = printable(text)
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown) else shown


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
