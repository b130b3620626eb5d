"""The journal of every episode, kept while a run is played.

The journal is an Arrow IPC stream to which fragments of episodes are appended every few seconds. A kill
loses what came after the last append and harms nothing before it: a half-written batch at the end is not
read.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protocol import EndReason, EpisodeRecord, Phase, StoreError
from suite.results.schema import JOURNAL_SCHEMA

APPEND_SECONDS = 2.0
"""The most seconds that recorded steps stay in memory, and so the most that a kill can lose."""
_BUFFERED_STEPS = 1024
_SHARED = ("phase", "lane", "number", "game", "seed")
"""The columns of an episode that all of its fragments share."""


class JournalRecorder:
    """Records the lanes into a journal; a ``suite.lanes.environment.Recorder``.

    Args:
        path: the journal; it must not exist, unless its size is given.
        lanes: how many lanes.
        size_bytes: of a journal to go on with, as ``sync`` gave it; what came after it is cut off.
        ended: takes the episodes that had ended in a journal to go on with, in the order of their ends.

    Attributes:
        unfinished: the episodes of a journal to go on with that had not ended, as ``read_journal`` gives them.

    Raises:
        StoreError: the journal is shorter than that, or cannot be read.
    """

    def __init__(
        self,
        path: Path,
        lanes: int,
        size_bytes: int | None = None,
        ended: Callable[[EpisodeRecord], None] = lambda _: None,
    ) -> None:
        if size_bytes is None:
            with path.open("xb") as file:
                file.write(JOURNAL_SCHEMA.serialize())
        else:
            _cut(path, size_bytes)
        self._path = path
        self._actions = np.empty((_BUFFERED_STEPS, lanes), np.uint8)
        self._rewards = np.empty((_BUFFERED_STEPS, lanes), np.int32)
        self._row = 0  # the next row of these two buffers
        self._open: dict[int, dict[str, Any]] = {}  # by lane: the shared columns of its episode
        self._from_row = [0] * lanes  # the row where the unwritten part of the lane's episode begins
        self._from_step = [0] * lanes  # the step of the episode which that row is
        self._fragments: list[dict[str, Any]] = []
        self._append_at = time.monotonic() + APPEND_SECONDS
        self.unfinished: list[dict[str, Any]] = []
        if size_bytes is not None:
            self._go_on(ended)
        self._file = path.open("ab", buffering=0)
        self._size_bytes = path.stat().st_size

    def _go_on(self, ended: Callable[[EpisodeRecord], None]) -> None:
        """Read the journal once; whoever goes on with the run takes from here what it holds."""
        for episode in read_journal(self._path, self.unfinished, whole=True):
            ended(episode)
        for left in self.unfinished:
            self._open[left["lane"]] = {name: left[name] for name in _SHARED}
            self._from_step[left["lane"]] = len(left["actions"])

    def begin(self, lane: int, phase: Phase, number: int, game: str, seed: int) -> None:
        """An episode begins."""
        self._open[lane] = {"phase": phase, "lane": lane, "number": number, "game": game, "seed": seed}
        self._from_row[lane] = self._row
        self._from_step[lane] = 0

    def step(self, actions: npt.NDArray[np.uint8], rewards: npt.NDArray[np.int32]) -> None:
        """All lanes were stepped; what a lane without an episode says is not recorded."""
        if self._row == _BUFFERED_STEPS or (self._row % 16 == 0 and time.monotonic() >= self._append_at):
            self.append()
        self._actions[self._row] = actions
        self._rewards[self._row] = rewards
        self._row += 1

    def end(self, lane: int, reason: EndReason, ram: npt.NDArray[np.uint8]) -> None:
        """The lane's episode has ended."""
        self._take(lane, reason, hashlib.sha256(ram.tobytes()).digest())
        del self._open[lane]

    def append(self) -> None:
        """Append everything that is still in memory to the journal, or nothing: then it stays in memory.

        Raises:
            OSError: there is no room for it; the journal is as it was.
            StoreError: it could not be put back to what it was.
        """
        for lane in self._open:
            self._take(lane, None, None)
        if self._fragments:
            self._write(pa.RecordBatch.from_pylist(self._fragments, JOURNAL_SCHEMA).serialize())
        self._fragments = []
        self._row = 0
        self._from_row = [0] * len(self._from_row)
        self._append_at = time.monotonic() + APPEND_SECONDS

    def close(self) -> None:
        """Append what is left and close the journal."""
        self.append()
        self._file.close()

    def sync(self) -> int:
        """Append everything and wait until it is on the disk; the journal's size in bytes."""
        self.append()
        os.fsync(self._file.fileno())
        return self._size_bytes

    def _write(self, data: memoryview) -> None:
        left = data
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError:
            try:
                os.ftruncate(self._file.fileno(), self._size_bytes)
            except OSError as error:
                raise StoreError(
                    f"the journal {self._path} is damaged ({error}); play the run again"
                ) from error
            raise
        self._size_bytes += len(data)

    def _take(self, lane: int, reason: EndReason | None, ram_sha256: bytes | None) -> None:
        rows = slice(self._from_row[lane], self._row)
        rewards = self._rewards[rows, lane]
        at = np.flatnonzero(rewards)
        self._fragments.append(
            self._open[lane]
            | {
                "actions": self._actions[rows, lane].tobytes(),
                "reward_steps": (at + self._from_step[lane]).tolist(),
                "rewards": rewards[at].tolist(),
                "end_reason": reason,
                "ram_sha256": ram_sha256,
            }
        )
        self._from_step[lane] += rows.stop - rows.start
        self._from_row[lane] = self._row


def read_journal(
    path: Path, unfinished: list[dict[str, Any]] | None = None, *, whole: bool = False
) -> Iterator[EpisodeRecord]:
    """The ended episodes of a journal, in the order in which they ended.

    Args:
        path: the journal, complete or cut off anywhere.
        unfinished: where given, receives what is known of the episodes that had not ended: the shared
            columns with ``actions``, ``reward_steps`` and ``rewards``.
        whole: whether a journal that is cut off inside a batch is an error; otherwise that batch is left out.

    Raises:
        StoreError: the disk cannot read it, or it is not whole.
    """
    parts: dict[int, list[dict[str, Any]]] = {}
    for fragment in _fragments(path, whole):
        lane = parts.setdefault(fragment["lane"], [])
        lane.append(fragment)
        if fragment["end_reason"] is not None:
            yield _episode(parts.pop(fragment["lane"]))
    if unfinished is not None:
        unfinished.extend(lane[0] | _joined(lane) for lane in parts.values())


def _cut(path: Path, size_bytes: int) -> None:
    found = path.stat().st_size
    if found < size_bytes:
        raise StoreError(
            f"the journal {path} has {found:,} bytes, {size_bytes:,} were written; play the run again"
        )
    os.truncate(path, size_bytes)


def _fragments(path: Path, whole: bool) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        try:
            for batch in pa.ipc.open_stream(file):
                yield from batch.to_pylist()
        except (pa.ArrowInvalid, OSError) as error:
            if getattr(error, "errno", None) is not None:  # of the disk; those of Arrow have none
                raise StoreError(f"the journal {path} cannot be read ({error}); try again") from error
            if whole:
                raise StoreError(f"the journal {path} is cut off ({error}); play the run again") from error


def _joined(fragments: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "actions": b"".join(fragment["actions"] for fragment in fragments),
        "reward_steps": tuple(step for fragment in fragments for step in fragment["reward_steps"]),
        "rewards": tuple(reward for fragment in fragments for reward in fragment["rewards"]),
    }


def _episode(fragments: list[dict[str, Any]]) -> EpisodeRecord:
    last, joined = fragments[-1], _joined(fragments)
    return EpisodeRecord(
        phase=last["phase"],
        lane=last["lane"],
        number=last["number"],
        game=last["game"],
        seed=last["seed"],
        length_steps=len(joined["actions"]),
        episode_return=sum(joined["rewards"]),
        end_reason=last["end_reason"],
        ram_sha256=last["ram_sha256"],
        **joined,
    )
