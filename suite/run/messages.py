"""What a run tells of itself while it is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocol import Phase


@dataclass(frozen=True)
class Begun:
    """The learner has been made and its configuration is right: the run begins.

    Attributes:
        configuration: the learner's hyper-parameters, JSON-able.
        configuration_digest: of these.
        started_at: as in the run's record.
    """

    configuration: dict[str, Any]
    configuration_digest: str
    started_at: str


@dataclass(frozen=True)
class Ended:
    """An episode has ended.

    Attributes:
        phase: training or evaluation.
        game: ale-py's name.
        episode_return: the sum of its raw rewards, in game points.
        steps: the agent steps that the run had played by then, over all lanes.
    """

    phase: Phase
    game: str
    episode_return: int
    steps: int


Report = Callable[[int | Begun | Ended], None]
"""Hears the news of a run; a number is the agent steps, of training and evaluation, that have been played."""
