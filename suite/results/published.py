"""The published baselines: where they lie.

artifacts/<protocol version>/<edition>/croissant.json
artifacts/<protocol version>/<edition>/<baseline>/      a results folder without checkpoints and logs
    SHA256SUMS                                          of every file that is published there
"""

from __future__ import annotations

from pathlib import Path

from protocol import UnknownName
from suite.results.store import SUMS

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"


def edition_folder(version: str, edition: str) -> Path:
    """Where the baselines of an edition are published."""
    return ARTIFACTS / version / edition


def published_baselines(version: str, edition: str) -> tuple[str, ...]:
    """The names of the baselines that are published for an edition, sorted; none: there are no such."""
    return tuple(sorted(path.parent.name for path in edition_folder(version, edition).glob(f"*/{SUMS}")))


def published_folder(name: str, version: str, edition: str) -> Path:
    """The results folder of a published baseline; raises UnknownName where there is none of that name."""
    known = published_baselines(version, edition)
    if name not in known:
        raise UnknownName(
            f"{name!r} is neither a results folder nor a baseline that is published for edition {edition} "
            f"({', '.join(known) or 'none is'})"
        )
    return edition_folder(version, edition) / name
