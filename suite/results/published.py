"""The published baselines: where they lie.

artifacts/<protocol version>/<edition>/croissant.json
artifacts/<protocol version>/<edition>/self_transfer.jsonl    suite.release.self_transfer
artifacts/<protocol version>/<edition>/<baseline>/      a results folder without checkpoints and logs
    SHA256SUMS                                          of every file that is published there
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from protocol import CURRENT, RunRecord, UnknownName
from suite.results.store import SUMS, record_paths
from suite.untrusted.files import is_folder

ARTIFACTS = (Path(__file__).resolve().parents[2] / "amtlb" / "artifacts").resolve()
"""In a checkout a link leads to its ``artifacts``; a wheel has the files in their place."""

DEFAULT_EDITION = "smoke"
"""The edition of a baseline that is named without one."""


def edition_folder(edition: str) -> Path:
    """The folder of an edition's published baselines."""
    return ARTIFACTS / CURRENT / edition


def published_baselines(edition: str = DEFAULT_EDITION) -> tuple[str, ...]:
    """The names of the baselines that are published for an edition, sorted; () where none is.

    Example:
        >>> import amtlb
        >>> amtlb.published_baselines("smoke")
        ('dqn', 'multihead_a2c', 'ppo', 'ppo_reset', 'uniform')
    """
    return tuple(sorted(path.parent.name for path in edition_folder(edition).glob(f"*/{SUMS}")))


def baseline_names() -> frozenset[str]:
    """The names of all baselines of any edition, whether all of their runs are published or not."""
    return frozenset(path.name for path in edition_folder(DEFAULT_EDITION).parent.glob("*/*") if path.is_dir())


def published_folder(name: str, edition: str) -> Path:
    """The results folder of a published baseline; raises UnknownName where there is none of that name."""
    known = published_baselines(edition)
    if name not in known:
        raise UnknownName(
            f"{name!r} is neither a results folder nor a baseline that is published for edition {edition} "
            f"({', '.join(known) or 'none is'})"
        )
    return edition_folder(edition) / name


def source_folder(source: str | Path, edition: str) -> Path:
    """A results folder, or that of a published baseline; raises UnknownName if there is neither."""
    return Path(source) if is_folder(source) else published_folder(str(source), edition)


class PublishedLearner(NamedTuple):
    """A learner whose runs are published.

    Attributes:
        learner: ``module:function``.
        configuration_digest: of its runs.
        learns: False if all of its runs end as one checkpoint, so that anybody's may be the same.
        folder: of the runs.
    """

    learner: str
    configuration_digest: str
    learns: bool
    folder: Path


def published_learners(edition: str) -> tuple[PublishedLearner, ...]:
    """The learners whose runs are published for an edition, sorted by name."""
    found = []
    for name in published_baselines(edition):
        folder = edition_folder(edition) / name
        records = [RunRecord.model_validate_json(path.read_bytes()) for path in record_paths(folder)]
        ends = {record.checkpoint_out for record in records}
        first = records[0]
        found.append(PublishedLearner(first.learner, first.configuration_digest, len(ends) > 1, folder))
    return tuple(found)
