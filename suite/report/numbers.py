"""Numbers as text, and the pieces that a cell of a table is made of."""

from __future__ import annotations

import re
from collections.abc import Callable

from suite.scoring.claims import p_value_text
from suite.scoring.estimates import Figure

UNDEFINED = "undefined"
UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"
_SIGN = re.compile(r"(?<![\w.\-])-(?=\.?\d)")

Form = Callable[[float | None], str]
"""The way in which a number is written: ``signed`` or ``plain``."""
Cell = str | tuple[str, ...]
"""A text, or pieces of one that may stand below each other but are never broken themselves."""


def pieces(cell: Cell) -> tuple[str, ...]:
    """The pieces of a cell, at least one."""
    return (cell,) if isinstance(cell, str) else cell or ("",)


def joined(cell: Cell) -> str:
    """A cell as one text."""
    return " ".join(pieces(cell))


def typeset(text: str) -> str:
    """Text for the eye: each number below 0 with a real minus sign; files for machines keep the hyphen."""
    return _SIGN.sub(MINUS, text)


def signed(value: float | None) -> str:
    """A difference or a contrast: +0.123, with a fourth digit where three would say nothing: -0.0004."""
    if value is None:
        return UNDEFINED
    found = next((text for text in (f"{value:+.3f}", f"{value:+.4f}") if float(text)), None)
    return found or "+0.000"


def plain(value: float | None) -> str:
    """A ratio or a probability: 1.234."""
    return UNDEFINED if value is None else f"{value:.3f}"


def points(value: float | None) -> str:
    """Game points: 1,234.5."""
    return UNKNOWN if value is None else f"{value:,.1f}"


def rough(value: float) -> str:
    """An estimate, to two digits where it is small: 0.034, 2.7, 1,250."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def interval_text(figure: Figure, show: Form) -> str:
    """The 95 % interval: [-0.100, +0.200]."""
    if figure.interval is None:
        return UNDEFINED
    return f"[{show(figure.interval.low)}, {show(figure.interval.high)}]"


def null_text(figure: Figure, show: Form) -> str:
    """The null's 5 % and 95 % points: -0.100 .. +0.100."""
    if figure.null is None:
        return UNDEFINED
    return f"{show(figure.null.low)} .. {show(figure.null.high)}"


def null_pieces(figure: Figure, show: Form) -> tuple[str, ...]:
    """The same in two pieces: -0.100 .. and +0.100."""
    low, dots, high = null_text(figure, show).partition(" ..")
    return (low + dots, high.strip()) if high else (low,)


def p_text(figure: Figure) -> str:
    """The p-value: 0.400."""
    return p_value_text(figure.null.p_value) if figure.null else UNDEFINED


def with_interval(figure: Figure, show: Form) -> tuple[str, ...]:
    """A figure and its interval: +0.050 and [-0.100, +0.200]."""
    if figure.value is None:
        return (UNDEFINED,)
    return show(figure.value), interval_text(figure, show)


def with_null(figure: Figure, show: Form) -> str:
    """A figure with its interval and its null: +0.050 [-0.100, +0.200], null -0.100 .. +0.100."""
    return f"{joined(with_interval(figure, show))}, null {null_text(figure, show)}"


def with_p(figure: Figure, show: Form) -> tuple[str, ...]:
    """A figure, its interval and its p-value: +0.050, [-0.100, +0.200] and p 0.400."""
    return (*with_interval(figure, show), *((f"p {p_text(figure)}",) if figure.null else ()))
