"""The learner contract: what a module must offer to be measured, and how it is found."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt
import rfc8785
from pydantic import TypeAdapter, ValidationError

from protocol import AmtlbError, LearnerError, LearnerName, UnknownName, canonical_digest
from suite.learners.answering import say_error
from suite.learners.hyperparameters import with_given
from suite.shadows import hidden

if TYPE_CHECKING:
    from suite.lanes.environment import (
        LaneEnv,  # the lanes import the emulator, which a contained learner's side does not have
    )


class Learner(Protocol):
    """One instance of an architecture: its weights and everything that it learns with.

    Attributes:
        configuration: every hyper-parameter, JSON-able; the same for all games, arms and editions.
    """

    configuration: Mapping[str, Any]

    def learn(self, env: LaneEnv) -> None:
        """Play and learn until ``env.step`` raises BudgetExhausted (which need not be caught)."""

    def act(
        self, observations: npt.NDArray[np.uint8], episode_start: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Choose actions without learning.

        Args:
            observations: uint8 (L, 4, 84, 84).
            episode_start: bool (L,), true where the observation is an episode's first.

        Returns:
            integers (L,), each 0 to 17.
        """

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into an empty folder, as files that run no code when read."""

    def load(self, folder: Path) -> None:
        """Become the learner that was saved in the folder."""


@runtime_checkable
class NoteWriter(Protocol):
    """A learner that also takes notes on what it did, for people and figures; no score depends on them."""

    def write_notes(self, folder: Path) -> None:
        """Write files about the training that has just ended into an empty folder."""


@runtime_checkable
class Resumable(Protocol):
    """A learner whose training, and whose acting, can be broken off and go on to the same bytes.

    ``learn`` calls ``env.safe_point(self.save_state)`` where all that it goes on with is in its state. After
    ``load_state``, ``env.reset()`` returns the observations that were current then, and ``learn`` plays what is
    left of the budget.
    """

    def save_state(self, folder: Path) -> None:
        """Write all that the learner goes on with into an empty folder, as files that run no code when read."""

    def load_state(self, folder: Path) -> None:
        """Become the learner that was writing its state, in the middle of what it did."""


MAX_CONFIGURATION_DEPTH, MAX_CONFIGURATION_BYTES = 32, 2**16
"""Limits below those of what reads records back: a depth of some 200, and 262,144 bytes of a whole record."""
_OFFERED = ("configuration", "learn", "act", "save", "load")
_NAME: TypeAdapter[str] = TypeAdapter(LearnerName)


class MakeLearner(Protocol):
    """The function that a learner's name, ``module:function``, refers to."""

    def __call__(self, seed: int, lanes: int) -> Learner:
        """Make a new learner; ``seed`` has 32 bits, ``lanes`` is the number of observations per step."""


def find_learner(name: str) -> MakeLearner:
    """The function that a name such as ``baselines.ppo:make`` refers to.

    It may lie in the working folder, which is looked through last: nothing there hides what is installed. Where
    this process was given hyper-parameters (suite.learners.hyperparameters), the function has them.

    Raises:
        UnknownName: the name is malformed, there is no such module or function, files next to it have names
            under which they cannot be imported, or it does not take a hyper-parameter that is given.
        LearnerError: importing the module fails.
    """
    check_name(name)
    module_name, _, function_name = name.partition(":")
    unseen = _look_here_last()
    if unseen and lies_here(module_name):
        raise UnknownName(f"learner {name!r}: {unseen}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UnknownName(
            f"learner {name!r}: {error}; it must be importable, or lie in the working folder, {os.getcwd()}"
        ) from error
    except (Exception, SystemExit) as error:
        raise LearnerError(
            f"learner {name!r}: importing {module_name} failed with {type(error).__name__}: {error}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise UnknownName(
            f"learner {name!r}: module {module_name} has no function {function_name}"
            + (unseen and f"; {unseen}")
        )
    tuned = with_given(name, function)
    _check_callable(name, tuned)

    def make(seed: int, lanes: int) -> Learner:
        learner = tuned(seed, lanes)
        if lacking := [one for one in _OFFERED if not hasattr(learner, one)]:
            raise LearnerError(
                f"learner {name!r}: {function_name} returned {type(learner).__name__}, which has no "
                f"{', '.join(lacking)}"
            )
        return cast(Learner, learner)

    return make


def _check_callable(name: str, function: Callable[..., Any]) -> None:
    """Raise UnknownName where a function cannot be called with a seed and a number of lanes."""
    try:
        inspect.signature(function).bind(0, 8)
    except TypeError as error:
        raise UnknownName(
            f"learner {name!r}: it is called as {name.partition(':')[2]}(seed, lanes), and {error}; give every "
            "other parameter a default"
        ) from error
    except ValueError:
        pass  # it has no signature that Python knows


def check_name(name: str) -> None:
    """Raise UnknownName where a learner's name is none that a record can hold."""
    try:
        _NAME.validate_python(name)
    except ValidationError:
        raise UnknownName(
            f"learner {name!r} is not of the form module:function, such as baselines.ppo:make, of letters, "
            "digits, _ and dots, and at most 200 characters; add the function, leave out .py, or rename them"
        ) from None


def _look_here_last() -> str:
    """Put the working folder on the module path; which of its files cannot be imported; empty: none."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)
    return hidden(here) or ""


def lies_here(module: str) -> bool:
    """True if a module is imported from the working folder, which is searched last.

    Args:
        module: its name, with dots.
    """
    return lies_in(Path.cwd(), module)


def lies_in(folder: Path, module: str) -> bool:
    """True if a module would be imported from a folder; nothing is imported here."""
    spec = PathFinder.find_spec(module.partition(".")[0], [*sys.path, os.getcwd()])
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    return any(Path(place).resolve().is_relative_to(folder.resolve()) for place in places if place)


def _not_finite(value: Any, place: str) -> str:
    """A number in a configuration that is not finite, and its place; empty: there is none."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{place} is {value}"
    listed = enumerate(value) if isinstance(value, list | tuple) else ()
    inner = value.items() if isinstance(value, Mapping) else listed
    return next(filter(None, (_not_finite(one, f"{place}.{key}") for key, one in inner)), "")


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return any(levels == 0 or _is_deeper(one, levels - 1) for one in inner)


def checked_configuration(learner: Learner) -> tuple[dict[str, Any], str]:
    """A learner's configuration and its digest.

    Raises:
        LearnerError: there is none, it is not JSON-able, or it is too large for a record.
    """
    try:
        configuration = dict(learner.configuration)
        if _is_deeper(configuration, MAX_CONFIGURATION_DEPTH):
            raise LearnerError(
                f"the learner's configuration is nested more than {MAX_CONFIGURATION_DEPTH} deep; flatten it"
            )
        if unfit := _not_finite(configuration, "configuration"):
            raise LearnerError(f"the learner's {unfit}, and JSON has finite numbers only; write it as text")
        size_bytes = len(json.dumps(configuration, indent=2, ensure_ascii=False).encode())
        if size_bytes > MAX_CONFIGURATION_BYTES:
            raise LearnerError(
                f"the learner's configuration has {size_bytes:,} bytes as JSON, at most "
                f"{MAX_CONFIGURATION_BYTES:,} fit into a record; leave out what is no hyper-parameter"
            )
        return configuration, canonical_digest(configuration)
    except (AttributeError, TypeError, ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise LearnerError(
            f"the learner's configuration must be a JSON-able mapping ({type(error).__name__}: {error})"
        ) from error


def _main(name: str) -> int:
    """Import a learner; its error is the last line of standard error."""
    try:
        find_learner(name)
    except AmtlbError as error:
        return say_error(error)
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1]))
