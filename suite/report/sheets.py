"""A table whose columns have names: one form for a terminal, a Markdown page, a CSV file and the report."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from suite.report.numbers import Cell, joined
from suite.untrusted.text import in_a_spreadsheet, printable

_ACTS_IN_MARKDOWN = re.compile(r"[\\`*|]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])")
_ENTITIES = {"&": "&amp;", "<": "&lt;"}  # a backslash before them is seen on some pages

Kind = Literal["label", "words", "number"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Row = Mapping[str, Cell]
"""The cells of a row, by the name of their column."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: the key of its cells, and its header in a CSV file.
        title: its header for people.
        kind: "label" names the row, "words" may be broken at spaces, "number" is never broken.
        rank: 0 is always shown; where a terminal is too narrow, the highest goes first.
    """

    name: str
    title: str
    kind: Kind = "number"
    rank: int = 0


class Sheet(NamedTuple):
    """A table.

    Attributes:
        title: what its figures are.
        columns: from the left.
        rows: from the top; each has a cell for every column.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def cells(self, row: Row) -> list[Cell]:
        """A row's cells, from the left."""
        return [row[column.name] for column in self.columns]


def markdown_table(sheet: Sheet) -> str:
    """For a Markdown page: the title in bold, then a pipe table."""
    rules = ["---:" if column.kind == "number" else "---" for column in sheet.columns]
    header = [in_markdown(column.title) for column in sheet.columns]
    rows = [[in_markdown(joined(cell)) for cell in sheet.cells(row)] for row in sheet.rows]
    lines = ["| " + " | ".join(row) + " |" for row in (header, rules, *rows)]
    return f"**{in_markdown(sheet.title)}**\n\n" + "\n".join(lines) + "\n"


def in_markdown(text: str) -> str:
    """Text that stays text on a Markdown page, in a table too."""
    escaped = _ACTS_IN_MARKDOWN.sub(r"\\\g<0>", printable(text))
    return "".join(_ENTITIES.get(character, character) for character in escaped)


def csv_text(sheet: Sheet) -> str:
    """For a spreadsheet (RFC 4180, but lines end as on Unix): the columns' names, then the rows; no title."""
    text = io.StringIO()
    header = [column.name for column in sheet.columns]
    rows = [[joined(cell) for cell in sheet.cells(row)] for row in sheet.rows]
    csv.writer(text, lineterminator="\n").writerows(
        [in_a_spreadsheet(cell) for cell in row] for row in (header, *rows)
    )
    return text.getvalue()
