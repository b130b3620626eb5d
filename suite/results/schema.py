"""The columns of a ledger and of its journal, and the version that a ledger names."""

from __future__ import annotations

import pyarrow as pa

_SHARED = [
    pa.field("phase", pa.string(), nullable=False),
    pa.field("lane", pa.int16(), nullable=False),
    pa.field("number", pa.int32(), nullable=False),
    pa.field("game", pa.string(), nullable=False),
    pa.field("seed", pa.uint64(), nullable=False),
]
_PLAYED = [
    pa.field("actions", pa.binary(), nullable=False),
    pa.field("reward_steps", pa.list_(pa.field("item", pa.int32(), nullable=False)), nullable=False),
    pa.field("rewards", pa.list_(pa.field("item", pa.int32(), nullable=False)), nullable=False),
]
JOURNAL_SCHEMA = pa.schema(
    [*_SHARED, *_PLAYED, pa.field("end_reason", pa.string()), pa.field("ram_sha256", pa.binary(32))]
)
"""A fragment of an episode; the last two are null while it goes on."""
LEDGER_SCHEMA = pa.schema(
    [
        *_SHARED,
        pa.field("length_steps", pa.int32(), nullable=False),
        pa.field("episode_return", pa.int64(), nullable=False),
        pa.field("end_reason", pa.string(), nullable=False),
        *_PLAYED,
        pa.field("ram_sha256", pa.binary(32), nullable=False),
    ],
    metadata={"amtlb.schema_version": "1"},
)
"""One episode; the columns are the fields of ``protocol.EpisodeRecord``.

Its metadata is written into every file and names this layout. Another layout gets another version, and the
code that reads this one stays.
"""


def version_problem(schema: pa.Schema) -> str | None:
    """The complaint about the version that a file's schema names; None: it is the one that is read here."""
    ((key, version),) = LEDGER_SCHEMA.metadata.items()
    found = (schema.metadata or {}).get(key)
    if found == version:
        return None
    said = "no version" if found is None else f"version {found[:20].decode(errors='replace')!r}"
    return f"names {said} of the ledger ({key.decode()}), this release reads version {version.decode()!r}"
