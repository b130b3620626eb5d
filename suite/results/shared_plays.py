"""The episodes that a run shares with another run of the same id, of which it may be a copy.

Episodes of one place (phase, lane, number) have one seed, whoever plays them. They are alike if the first half
of the actions of one agrees with the other's. Only steps count in which an action is not the episode's most
frequent one, since learners that have collapsed to one action play nearly the same, whoever they are. Not all
steps must agree: some actions have no effect, as while the console repeats the previous one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protocol import PHASES, Phase

TELLING_STEPS = 16
"""An episode of which fewer steps count is nobody's."""
ALIKE_SHARE = 0.9
"""Of the steps that count: independent players agree in 1 of 18 when they explore, and rarely in half."""

_Place = tuple[Phase, int, int]
COLUMNS = ("phase", "lane", "number", "actions")


class Alike(NamedTuple):
    """The episodes of one phase.

    Attributes:
        alike: how many agree.
        compared: how many were compared.
    """

    alike: int
    compared: int

    @property
    def is_most(self) -> bool:
        """True if at least half of the episodes that were compared agree."""
        return 0 < self.compared <= 2 * self.alike


class SharedPlays(NamedTuple):
    """The episodes that one run shares with another."""

    training: Alike
    evaluation: Alike


def shared_plays(own: pa.Table, theirs: pa.Table) -> SharedPlays:
    """Compare the episodes of two ledgers of one run id.

    Args:
        own: of the run in question, with COLUMNS.
        theirs: of the run that it may be a copy of, likewise.
    """
    others = dict(_episodes(theirs))
    counts = {phase: [0, 0] for phase in PHASES}
    for place, actions in _episodes(own):
        other = others.get(place, actions[:0])
        half = actions[: (len(actions) + 1) // 2]
        agree, counted = _agreement(half, other[: len(half)])
        if counted >= TELLING_STEPS:
            counts[place[0]][1] += 1
            counts[place[0]][0] += agree >= ALIKE_SHARE * counted
        elif _agreement(other[: (len(other) + 1) // 2], actions)[1] >= TELLING_STEPS:
            counts[place[0]][1] += 1
    return SharedPlays(*(Alike(*counts[phase]) for phase in ("training", "evaluation")))


def _episodes(table: pa.Table) -> list[tuple[_Place, npt.NDArray[np.uint8]]]:
    phases, lanes, numbers, actions = (table[name].to_pylist() for name in COLUMNS)
    return [
        ((phase, lane, number), np.frombuffer(played, np.uint8))
        for phase, lane, number, played in zip(phases, lanes, numbers, actions, strict=True)
    ]


def _agreement(ours: npt.NDArray[np.uint8], theirs: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Of the steps that count: how many agree, and how many there are."""
    if not len(ours):
        return 0, 0
    counting = np.flatnonzero(ours != np.bincount(ours).argmax())
    both = counting[counting < len(theirs)]
    return int((ours[both] == theirs[both]).sum()), len(counting)
