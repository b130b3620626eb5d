"""Data files of pilots and searches: a line of JSON per play or pair, added as it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a data file; none if there is no file yet."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Add a line at the end of a data file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
