"""Tables in a terminal of any width: no number is broken, and what has no room is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from suite.report.numbers import Cell, pieces
from suite.report.sheets import KINDS, Column, Sheet
from suite.untrusted.text import printable

GAP = 3
"""Columns of text between two columns of a table."""
_WORDS, _LABEL = 24, 40
"""Columns of text that words get at least, and that a label gets at most where room is scarce."""


def print_sheet(console: Console, sheet: Sheet) -> None:
    """Print a table as wide as the console allows, in blocks where the columns that matter do not fit."""
    for table in rich_tables(sheet, console.width):
        console.print(table)


def rich_tables(sheet: Sheet, width: int) -> list[Table]:
    """A table for so many columns of text.

    Where it is too wide, first the pieces of cells stand below each other, then columns are left out, those of
    the highest rank first, and named. Columns of rank 0 stay: those without room follow in blocks of their own.
    """
    layout = _Layout(sheet, width, stacked=False)
    if not layout.fits(sheet.columns):
        layout = layout._replace(stacked=True)
    shown = list(sheet.columns)
    while not layout.fits(shown) and (ranked := [column for column in shown if column.rank]):
        shown.remove(max(reversed(ranked), key=lambda column: column.rank))
    left_out = [column.title for column in sheet.columns if column not in shown]
    title = printable(sheet.title)
    if left_out:
        title += f" (too narrow for: {', '.join(map(printable, left_out))})"
    blocks = layout.blocks(shown)
    return [layout.table(block, title if place == 0 else "") for place, block in enumerate(blocks)]


class _Layout(NamedTuple):
    """The layout of a sheet: the width of its columns, and whether pieces stand below each other."""

    sheet: Sheet
    width: int
    stacked: bool

    def fits(self, columns: Sequence[Column]) -> bool:
        """True if these columns fit side by side."""
        needed = sum(self.least(column) for column in columns) + GAP * (len(columns) - 1)
        return needed + 2 <= self.width

    def least(self, column: Column) -> int:
        """The columns of text below which something would be broken."""
        if column.kind == "words":
            return min(_WORDS, max(self._lengths(column)))
        longest = max(self._lengths(column))
        return min(_LABEL, longest) if column.kind == "label" else longest

    def _lengths(self, column: Column) -> Iterator[int]:
        """Of all that must stay whole: the words of the header, the lines of the cells."""
        yield from (len(word) for word in printable(column.title).split() or [""])
        for row in self.sheet.rows:
            yield from map(len, self.lines(row[column.name]))

    def lines(self, cell: Cell) -> list[str]:
        """A cell's lines."""
        own = [printable(piece) for piece in pieces(cell)]
        return own if self.stacked else [" ".join(own)]

    def blocks(self, columns: Sequence[Column]) -> list[list[Column]]:
        """The columns in as many blocks as the width needs; each begins with the labels."""
        labels = [column for column in columns if column.kind == "label"]
        blocks: list[list[Column]] = [[]]
        for column in columns:
            if column.kind == "label":
                continue
            if blocks[-1] and not self.fits([*labels, *blocks[-1], column]):
                blocks.append([])
            blocks[-1].append(column)
        return [[column for column in columns if column in (*labels, *block)] for block in blocks]

    def table(self, columns: Sequence[Column], title: str) -> Table:
        """A block."""
        table = Table(
            title=Text(title) if title else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False
        )
        for column, width in zip(columns, self.widths(columns), strict=True):
            justify: JustifyMethod = "right" if column.kind == "number" else "left"
            table.add_column(Text(printable(column.title)), justify=justify, overflow="fold", width=width)
        for row in self.sheet.rows:
            table.add_row(*(Text("\n".join(self.lines(row[column.name]))) for column in columns))
        return table

    def widths(self, columns: Sequence[Column]) -> list[int]:
        """The width that each column needs; the rest goes to labels, then words, then headers."""
        widths = {column: self.least(column) for column in columns}
        spare = self.width - 2 - GAP * (len(columns) - 1) - sum(widths.values())
        for column in sorted(columns, key=lambda column: KINDS.index(column.kind)):
            wanted = max(len(printable(column.title)), *self._lengths(column)) - widths[column]
            widths[column] += max(0, min(spare, wanted))
            spare -= max(0, min(spare, wanted))
        return [widths[column] for column in columns]
