"""Options that several commands share, declared once: a dataclass stands in a signature for its fields.

Typer, which reads a command's signature, knows no such groups.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter
from typing import Any, TypeVar, get_type_hints

Command = TypeVar("Command", bound=Callable[..., Any])


def grouped(command: Command) -> Command:
    """A command whose parameters that are dataclasses are replaced by options, one for each of their fields.

    The fields are annotated as a command's parameters are, or are dataclasses again. Each dataclass becomes the
    options that stand where it stood, in its own order, and is made of what they are given.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            parameters += _options(hints[name])
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def called(**given: Any) -> Any:
        for name in inspect.signature(command).parameters:
            if is_dataclass(hints[name]):
                given[name] = _made(hints[name], given)
        return command(**given)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called  # type: ignore[return-value]


def _options(kind: Any) -> list[Parameter]:
    """The options for the fields of a dataclass."""
    options: list[Parameter] = []
    for field in fields(kind):
        hint = _hint(kind, field.name)
        if is_dataclass(hint):
            options += _options(hint)
        else:
            default = Parameter.empty if field.default is MISSING else field.default
            options.append(Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hint))
    return options


def _made(kind: Any, given: dict[str, Any]) -> Any:
    """A dataclass of what its options were given, which is taken out."""
    values = {}
    for field in fields(kind):
        hint = _hint(kind, field.name)
        values[field.name] = _made(hint, given) if is_dataclass(hint) else given.pop(field.name)
    return kind(**values)


def _hint(kind: Any, name: str) -> Any:
    return get_type_hints(kind, include_extras=True)[name]
