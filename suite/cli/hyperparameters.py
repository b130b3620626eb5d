"""Hyper-parameters from the command line and from a file, for tuning."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

from protocol import UnknownName
from suite.untrusted.files import Unreadable, parse_json, parse_toml

_SHOWN = 80  # characters of what was given


def hyperparameters(texts: list[str] | None, file: Path | None) -> str:
    """The hyper-parameters that the options give, as JSON; empty: none.

    Args:
        texts: each NAME=VALUE, whose value is JSON; what is no JSON is text.
        file: a table of others, which the texts replace.

    Raises:
        UnknownName: a text is not NAME=VALUE, or the file holds no table of values that JSON knows.
    """
    given = {} if file is None else _read_table(file)
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise UnknownName(
                f"--set {text[:_SHOWN]!r} is not of the form NAME=VALUE, such as learning_rate=1e-4"
            )
        given[name] = _value(name, value)
    return json.dumps(given, sort_keys=True) if given else ""


def _value(name: str, text: str) -> Any:
    if text in ("True", "False", "None"):
        raise UnknownName(f"--set {name}={text} is not JSON; write true, false or null")
    try:
        return parse_json(text.encode())
    except Unreadable as error:
        if isinstance(error.__cause__, json.JSONDecodeError):
            _refuse_number(name, text)
            return text
        raise UnknownName(f"--set {name}: its value {error}; give one that JSON knows") from error


def _refuse_number(name: str, text: str) -> None:
    """Raise UnknownName for what is a number to Python, which a learner would get as text."""
    with suppress(ValueError):
        number = float(text)
        way_out = f"{name}={number:g}" if math.isfinite(number) else "a finite number"
        raise UnknownName(f"--set {name}={text} is a number, but not in JSON; write {way_out}, or quote text")


def _read_table(file: Path) -> dict[str, Any]:
    readers = {".json": parse_json, ".toml": parse_toml}
    if file.suffix not in readers:
        raise UnknownName(f"--set-from {file} is neither .json nor .toml; name it as what it is")
    try:
        table = readers[file.suffix](file.read_bytes())
        json.dumps(table, allow_nan=False)
    except OSError as error:
        raise UnknownName(f"--set-from {file} cannot be read ({error.strerror})") from error
    except Unreadable as error:
        raise UnknownName(f"--set-from {file} {error}") from error
    except (TypeError, ValueError) as error:
        raise UnknownName(f"--set-from {file} holds a value that JSON does not know ({error})") from error
    if not isinstance(table, dict):
        raise UnknownName(f"--set-from {file} holds no table of hyper-parameters by name")
    return table
