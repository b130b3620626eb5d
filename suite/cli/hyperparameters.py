"""Hyper-parameters from the command line and from a file, for tuning."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from protocol import UnknownName


def hyperparameters(texts: list[str] | None, file: Path | None) -> str:
    """The hyper-parameters that the options give, as JSON; empty: none.

    Raises:
        UnknownName: a text is not NAME=VALUE, or the file holds no table of values that JSON knows.
    """
    given = {} if file is None else _read_table(file)
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise UnknownName(f"--set {text!r} is not of the form NAME=VALUE, such as learning_rate=1e-4")
        if value in ("True", "False", "None"):
            raise UnknownName(f"--set {text!r} is not JSON; write true, false or null")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    try:
        return json.dumps(given, allow_nan=False, sort_keys=True) if given else ""
    except (TypeError, ValueError) as error:
        raise UnknownName(f"hyper-parameters must be values that JSON knows ({error})") from error


def _read_table(file: Path) -> dict[str, Any]:
    readers = {".json": json.loads, ".toml": tomllib.loads}
    if file.suffix not in readers:
        raise UnknownName(f"--set-from {file} is neither .json nor .toml; name it as what it is")
    try:
        table = readers[file.suffix](file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnknownName(f"--set-from {file} cannot be read ({error})") from error
    if not isinstance(table, dict):
        raise UnknownName(f"--set-from {file} holds no table of hyper-parameters by name")
    return table
