"""Rule I1, as far as a program can help the reviewer who holds it: where a configuration names a game."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from protocol import Protocol, RunId, RunRecord
from suite.results.store import RECORD
from suite.untrusted.text import listed
from suite.verify.findings import Finding, Place, finding

_SHOWN_PLACES = 5
_SHOWN_CHARACTERS = 60  # of one place
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def check_intent(protocol: Protocol, records: Mapping[RunId, RunRecord]) -> Iterator[Finding]:
    """A warning for each configuration whose keys or texts name a game of the protocol.

    Args:
        protocol: of whose games the names are looked for.
        records: of the runs whose record could be read.
    """
    pattern = _pattern(protocol)
    seen: set[str] = set()
    for run_id, record in records.items():
        if record.configuration_digest in seen:
            continue
        seen.add(record.configuration_digest)
        places = [
            place for place, text in _texts(record.configuration, "configuration") if _names(pattern, text)
        ]
        if places:
            shown = listed([place[-_SHOWN_CHARACTERS:] for place in places], _SHOWN_PLACES)
            yield finding(
                "I1",
                Place.of_run(run_id, RECORD),
                "a configuration that names no game",
                f"games are named at {shown}",
                "warning",
            )


def _pattern(protocol: Protocol) -> re.Pattern[str]:
    """Finds the name of a game that stands as words of its own, whatever is between its words."""
    names = ("[^a-z]*".join(game.name.split("_")) for game in protocol.games)
    return re.compile(rf"(?<![a-z])(?:{'|'.join(names)})(?![a-z])")


def _names(pattern: re.Pattern[str], text: str) -> bool:
    """True if a text names a game: ``lr_space_invaders``, ``ALE/SpaceInvaders-v5`` and ``PONG`` do."""
    return bool(pattern.search(text.lower()) or pattern.search(_NEW_WORD.sub("_", text).lower()))


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every key and every text of a configuration, each with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield f"{place}.{key}", str(key)
            yield from _texts(part, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _texts(part, f"{place}[{index}]")
