"""Differences between the runs of a folder: in device, type of CPU, code or versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from protocol import RunRecord
from suite.digests import short_digest
from suite.machine import RECORDED_PACKAGES
from suite.results.run_parts import AnyPart, parts_of
from suite.untrusted.text import counted, listed, printable

_SHOWN = 5


def mixtures(records: Sequence[RunRecord]) -> list[str]:
    """A line for each thing that could change results and differs between runs; none: all are alike.

    Records are claims: of what they name beyond what a harness writes nothing is said, and of each thing a few.
    """
    facts: dict[str, Callable[[AnyPart], str]] = {
        "devices": lambda part: part.device,
        "types of CPU": lambda part: printable(part.cpu),
        "commits of the code": lambda part: short_digest(part.code_commit),
    }
    for name in RECORDED_PACKAGES:
        facts[f"versions of {name}"] = partial(_version, name)
    lines = [line for name, fact in facts.items() for line in _line(name, fact, records)]
    return [*lines, *_codes(records)]


def _codes(records: Sequence[RunRecord]) -> Iterator[str]:
    counts = Counter(short_digest(record.learner_code_sha256) for record in records)
    if len(counts) > 1:
        shown = listed([f"{value} ({counted(count, 'run')})" for value, count in counts.most_common()], _SHOWN)
        yield f"the runs were played with {len(counts):,} versions of the learner's code: {shown}"


def _line(name: str, fact: Callable[[AnyPart], str], records: Sequence[RunRecord]) -> Iterator[str]:
    counts = Counter(value for record in records for value in {fact(part) for part in parts_of(record)})
    if len(counts) > 1:
        shown = listed([f"{value} ({counted(count, 'run')})" for value, count in counts.most_common()], _SHOWN)
        yield f"the runs were played on {len(counts):,} {name}: {shown}"


def _version(name: str, part: AnyPart) -> str:
    return printable(part.versions.get(name, "none"))
