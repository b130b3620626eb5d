"""Text for people: foreign text made fit to print; counts, lists, sizes and durations in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

MOST_CHARACTERS = 500
_FORMULA = re.compile(r"\s*[=+\-@]")
_NUMBER = re.compile(r"[+-]?(\d[\d,]*(\.\d+)?|\.\d+)(e[+-]?\d+)?")


def printable(text: str, most: int = MOST_CHARACTERS) -> str:
    """Foreign text as one line of at most so many printable characters."""
    return "".join(character if character.isprintable() else " " for character in text[:most])


def counted(number: int, noun: str) -> str:
    """A number of things, such as ``1 run`` or ``2,000 runs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str], most: int) -> str:
    """The first names, with commas, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def bytes_text(count: float) -> str:
    """A number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def duration_text(seconds: float) -> str:
    """A duration: ``1 h 05 min`` or ``3 min 20 s``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def in_a_spreadsheet(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that opens like it, and is no number, gets a quote."""
    shown = printable(text)
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown) else shown


def first_complaint(error: ValidationError) -> str:
    """The first thing that a model finds wrong, in a line: the field, if it is one's fault, and the reason."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"]))
    reason = first["msg"].removeprefix("Value error, ")
    value = repr(first["input"])[:80] if isinstance(first["input"], str | int | float | bool | None) else ""
    return printable(" ".join((f"{place} {value}".strip() + f": {reason}" if place else reason).split()))
