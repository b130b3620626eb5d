"""The parts of a run, each played without a break: on what, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from protocol import RunPart, RunRecord

AnyPart = RunRecord | RunPart
"""A part of a run; a record describes the last one."""


def parts_of(record: RunRecord) -> tuple[AnyPart, ...]:
    """All parts of a run: the last one, then the earlier ones."""
    return (record, *record.resumed_from)


def wall_seconds(record: RunRecord) -> float:
    """The seconds that a run took, all its parts together."""
    return sum(part.wall_seconds for part in parts_of(record))


def wall_hours(records: Sequence[RunRecord]) -> float:
    """The hours of all runs, one after another, with all their parts."""
    return sum(map(wall_seconds, records)) / 3600


def joined(parts: Sequence[RunPart]) -> tuple[RunPart, ...]:
    """The parts of a run in their order, where consecutive ones that were played on the same are one.

    A record has room for hundreds of parts, and a run may be stopped more often.
    """
    return tuple(map(_as_one, (list(group) for _, group in groupby(parts, _played_on))))


def _played_on(part: RunPart) -> tuple[object, ...]:
    return part.device, part.cpu, part.code_commit, part.versions


def _as_one(parts: Sequence[RunPart]) -> RunPart:
    seconds = round(sum(part.wall_seconds for part in parts), 3)
    return parts[-1].model_copy(update={"wall_seconds": seconds})
