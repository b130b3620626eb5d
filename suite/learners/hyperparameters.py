"""Hyper-parameters that are given from outside: as keywords of a learner's function, and in its configuration.

They travel in the environment of the process that makes the learner, as JSON.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from protocol import LearnerError, UnknownName

VARIABLE = "AMTLB_HYPERPARAMETERS"


def with_given(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """A learner's function with the hyper-parameters that this process was given; itself where there are none.

    Args:
        name: ``module:function``, for errors.
        make: takes seed, lanes and, as keywords, the hyper-parameters that may be given.

    Returns:
        takes seed and lanes; raises LearnerError where a hyper-parameter does not become the configuration.

    Raises:
        UnknownName: it does not take one of them.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return make
    given = json.loads(text)
    _check_taken(name, make, given)

    def tuned(seed: int, lanes: int) -> Any:
        learner = make(seed, lanes, **given)
        _check_configured(name, getattr(learner, "configuration", None), given)
        return learner

    return tuned


def _check_taken(name: str, make: Callable[..., Any], given: Mapping[str, Any]) -> None:
    parameters = list(inspect.signature(make).parameters.values())
    if reserved := [one.name for one in parameters[:2] if one.name in given]:
        raise UnknownName(f"{reserved[0]} is no hyper-parameter: the protocol says it; leave it out")
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return
    taken = [one.name for one in parameters[2:] if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    if unknown := [one for one in given if one not in taken]:
        raise UnknownName(
            f"learner {name!r} takes no hyper-parameter {unknown[0]!r}; its function takes "
            f"{', '.join(taken) or 'seed and lanes only'}"
        )


def _check_configured(name: str, configuration: Any, given: Mapping[str, Any]) -> None:
    for one, value in given.items():
        if not isinstance(configuration, Mapping) or not same(configuration.get(one), value):
            raise LearnerError(
                f"learner {name!r} was given {one}={json.dumps(value)}, and its configuration does not say so; "
                "each hyper-parameter stands there under its name"
            )


def same(one: Any, other: Any) -> bool:
    """True if two values are the same JSON, in which tuples are lists; False if one of them is no JSON."""
    try:
        return bool(json.loads(json.dumps(one)) == json.loads(json.dumps(other)))
    except (TypeError, ValueError):
        return False
