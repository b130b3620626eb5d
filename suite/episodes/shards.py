"""The formats of exported episodes: each writes a shard, a few episodes of a run, into a file of its own."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from suite.episodes.transitions import Transitions

_CHUNK_STEPS = 16
_BLOCK_STEPS = (
    512  # stacks are laid out so many steps at a time: four times the pictures' memory, but only of these
)
PARQUET_SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("step", pa.int32()),
        ("game", pa.string()),
        ("observation", pa.binary()),
        ("action", pa.uint8()),
        ("reward", pa.float64()),
        ("terminated", pa.bool_()),
        ("truncated", pa.bool_()),
        ("next_observation", pa.binary()),
    ]
)
"""A row is a transition; an observation is uint8 (4, 84, 84), rows first. ``row`` is the ledger's."""


class Format(NamedTuple):
    """A format of shards.

    Attributes:
        suffix: the end of its file's name.
        write: writes episodes, as they come, to a path; the rows of the ledger name them.
    """

    suffix: str
    write: Callable[[Path, Iterator[Transitions]], None]


def write_hdf5(path: Path, episodes: Iterator[Transitions]) -> None:
    """A group ``episode_ROW`` per episode, as Minari lays it out; deflate finds each picture's three copies."""
    import h5py

    with h5py.File(path, "w") as file:
        for one in episodes:
            group = file.create_group(f"episode_{one.row}")
            stacks = one.observations
            chunk = (min(_CHUNK_STEPS, len(stacks)), *stacks.shape[1:])
            deflate = {"compression": "gzip", "compression_opts": 1}
            observations = group.create_dataset("observations", stacks.shape, np.uint8, chunks=chunk, **deflate)
            for begin in range(0, len(stacks), _BLOCK_STEPS):
                observations[begin : begin + _BLOCK_STEPS] = np.ascontiguousarray(
                    stacks[begin : begin + _BLOCK_STEPS]
                )
            for name, values in (
                ("actions", one.actions),
                ("rewards", one.rewards),
                ("terminations", one.terminated),
                ("truncations", one.truncated),
            ):
                group.create_dataset(name, data=values, chunks=True, **deflate)
            group.create_group("infos")
            for name in ("game", "phase", "lane", "number", "end_reason", "episode_return"):
                group.attrs[name] = getattr(one.episode, name)
            group.attrs["total_steps"] = len(one.rewards)
            group.attrs["row"] = one.row


def write_npz(path: Path, episodes: Iterator[Transitions]) -> None:
    """Arrays over all steps of the shard; each picture is stored once.

    ``pictures`` uint8 (P, 84, 84); ``at`` int64 (N,): pictures at to at + 3 are a step's observation, at + 1 to
    at + 4 the true next one; ``actions`` uint8, ``rewards`` float64, ``terminated`` and ``truncated`` bool,
    ``rows`` (of the ledger) int32 and ``games``, all (N,).
    """
    parts = list(episodes)
    lengths = [len(one.rewards) for one in parts]
    begins = np.cumsum([0, *(len(one.pictures) for one in parts)])[:-1]
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "at": np.concatenate(
            [begin + np.arange(length) for begin, length in zip(begins, lengths, strict=True)]
        ),
        "actions": np.concatenate([one.actions for one in parts]).astype(np.uint8),
        "rewards": np.concatenate([one.rewards for one in parts]),
        "terminated": np.concatenate([one.terminated for one in parts]),
        "truncated": np.concatenate([one.truncated for one in parts]),
        "rows": np.repeat(np.array([one.row for one in parts], np.int32), lengths),
        "games": np.repeat([one.episode.game for one in parts], lengths),
        "pictures": np.concatenate([one.pictures for one in parts]),
    }
    # numpy's own function deflates at level 6, which takes three times as long for a fifth less.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, values, allow_pickle=False)


def write_parquet(path: Path, episodes: Iterator[Transitions]) -> None:
    """A row per transition (see PARQUET_SCHEMA), each complete in itself."""
    with pq.ParquetWriter(path, PARQUET_SCHEMA, compression="zstd", use_dictionary=["game"]) as writer:
        for one in episodes:
            for begin in range(0, len(one.rewards), _BLOCK_STEPS):
                writer.write_table(_table(one, slice(begin, begin + _BLOCK_STEPS)))


def _table(one: Transitions, steps: slice) -> pa.Table:
    actions = one.actions[steps]
    observations = [stack.tobytes() for stack in one.observations[steps.start : steps.start + len(actions) + 1]]
    columns = [
        np.full(len(actions), one.row),
        np.arange(steps.start, steps.start + len(actions)),
        [one.episode.game] * len(actions),
        observations[:-1],
        actions,
        one.rewards[steps],
        one.terminated[steps],
        one.truncated[steps],
        observations[1:],
    ]
    return pa.table(
        [pa.array(v, field.type) for v, field in zip(columns, PARQUET_SCHEMA, strict=True)], PARQUET_SCHEMA
    )


MINARI = "minari"
FORMATS = {
    MINARI: Format(".h5", write_hdf5),
    "npz": Format(".npz", write_npz),
    "parquet": Format(".parquet", write_parquet),
}
