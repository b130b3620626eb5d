"""The published baselines: where they lie.

artifacts/<protocol version>/<edition>/croissant.json
artifacts/<protocol version>/<edition>/self_transfer.jsonl    suite.release.self_transfer
artifacts/<protocol version>/<edition>/<baseline>/      a results folder without checkpoints and logs
    SHA256SUMS                                          of every file that is published there
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from protocol import CURRENT, RunId, RunRecord, UnknownName, load, parse_run_id
from suite.results.reading import plays_of
from suite.results.store import LEDGER, SUMS, record_paths
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


def published_plays(edition: str) -> dict[RunId, dict[str, frozenset[bytes]]]:
    """Of each published transfer run, by its learner, what was played (``plays_of``).

    Of learners that learn: runs that all end as one checkpoint follow from the seeds alone, and anybody's may
    be the same. So may be the runs that load nothing: of two learners that differ in what they do after a load.
    """
    protocol = load(CURRENT)
    found: dict[RunId, dict[str, frozenset[bytes]]] = {}
    for name in published_baselines(edition):
        paths = record_paths(edition_folder(edition) / name)
        records = {path: RunRecord.model_validate_json(path.read_bytes()) for path in paths}
        if len({record.checkpoint_out for record in records.values()}) == 1:
            continue
        for path, record in records.items():
            run_id = parse_run_id(record.run_id, protocol)
            if run_id.arm == "transfer":
                actions = pq.read_table(path.with_name(LEDGER), columns=["actions"])["actions"]
                found.setdefault(run_id, {})[record.learner] = plays_of(actions)
    return found
