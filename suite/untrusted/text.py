"""Foreign text, made fit to print."""

from __future__ import annotations


def printable(text: str) -> str:
    """Foreign text as one line of at most 500 printable characters."""
    return "".join(character if character.isprintable() else " " for character in text)[:500]
