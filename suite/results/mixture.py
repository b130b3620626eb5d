"""On what the runs of a folder were played: whether all on one device, type of CPU, code and versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

from protocol import RunRecord, Stretch
from suite.machine import RECORDED_PACKAGES
from suite.untrusted.text import printable

Played = RunRecord | Stretch
_SHORT_COMMIT = 12
_SHOWN = 5


def mixtures(records: Sequence[RunRecord]) -> list[str]:
    """A line for each thing that could change results and differs between runs; none: all are alike.

    Records are claims: of what they name beyond what a harness writes nothing is said, and of each thing a few.
    """
    facts: dict[str, Callable[[Played], str]] = {
        "devices": lambda played: played.device,
        "types of CPU": lambda played: printable(played.cpu),
        "commits of the code": lambda played: short_commit(played.code_commit),
    }
    for name in RECORDED_PACKAGES:
        facts[f"versions of {name}"] = partial(_version, name)
    return [line for name, fact in facts.items() for line in _line(name, fact, records)]


def _line(name: str, fact: Callable[[Played], str], records: Sequence[RunRecord]) -> Iterator[str]:
    counts = Counter(said for record in records for said in {fact(played) for played in stretches(record)})
    if len(counts) > 1:
        told = ", ".join(f"{said} ({count} runs)" for said, count in counts.most_common(_SHOWN))
        more = f" and {len(counts) - _SHOWN:,} more" if len(counts) > _SHOWN else ""
        yield f"the runs were played on {len(counts):,} {name}: {told}{more}"


def stretches(record: RunRecord) -> tuple[Played, ...]:
    """All parts of a run, of which each was played without a break: the last one, then the earlier ones."""
    return (record, *record.resumed_from)


def wall_seconds(record: RunRecord) -> float:
    """The seconds that a run took, all its parts together."""
    return sum(played.wall_seconds for played in stretches(record))


def joined(parts: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """The parts of a run in their order, where those that were played on the same are one.

    A record has room for hundreds of parts, and a run may be stopped more often.
    """
    return tuple(map(_as_one, (list(group) for _, group in groupby(parts, _played_on))))


def _played_on(part: Stretch) -> tuple[object, ...]:
    return part.device, part.cpu, part.code_commit, part.versions


def _as_one(parts: Sequence[Stretch]) -> Stretch:
    seconds = round(sum(part.wall_seconds for part in parts), 3)
    return parts[-1].model_copy(update={"wall_seconds": seconds})


def _version(name: str, played: Played) -> str:
    return printable(played.versions.get(name, "none"))


def short_commit(commit: str | None) -> str:
    """As much of a commit as a person compares, with the mark of changes that no commit has."""
    if commit is None:
        return "unknown"
    return commit[:_SHORT_COMMIT] + ("-dirty" if commit.endswith("-dirty") else "")
