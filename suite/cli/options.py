"""The options that most commands share, and how each ends on an error."""

from __future__ import annotations

import math
import sys
from typing import Annotated, NoReturn

import typer

from suite.untrusted.text import printable

PLAY, READ, SHARE, RULES = "Play", "Read results", "Share and verify", "The rules"
"""The panels of ``amtlb --help``."""
DEFAULT_EDITION = "smoke"
_MOST_SAID = 4_000  # characters of an error

EditionOption = Annotated[str, typer.Option("--edition", help="smoke, lite or full.")]

OfEditionOption = Annotated[
    str | None,
    typer.Option("--edition", help="smoke, lite or full.", show_default="that of the folders, or smoke"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def finite(value: float | None) -> float | None:
    """A number of an option; one that is infinite, or none, is refused: limits let both through."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


def error_line(message: str) -> str:
    """The line in which a command says what went wrong; names of other people's in it have no effect."""
    return "error: " + printable(" ".join(message.split()), _MOST_SAID)


def fail(message: str, status: int) -> NoReturn:
    """Say in one line what went wrong, and exit."""
    print(error_line(message), file=sys.stderr)
    raise SystemExit(status)
