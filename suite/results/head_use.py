"""The use of a learner's heads by game: its notes joined with the ledger.

A learner that mixes heads may note, in ``notes/head_use.parquet`` of its run, one row per training episode: the
lane, the episode's number in it, its length in agent steps, and ``head_0`` to ``head_K-1``, the mean weight of
each head over the episode. It does not know the games; the ledger does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from protocol import Protocol, Run, StoreError, UnknownName, describe, load, parse_run_id
from suite.results.reading import checked_ledger_file, ledger_limits, read_record
from suite.results.store import LEDGER, NOTES, RECORD
from suite.untrusted.files import Unreadable, read_bytes
from suite.untrusted.processes import Failure, within_bounds

HEAD_USE = "head_use.parquet"
MAX_HEAD_USE_BYTES = 32 * 2**20
MAX_HEADS = 64
PARTS = 20
"""Each game is shown in so many parts of equal frames."""


def head_columns(heads: int) -> list[str]:
    """The names of the columns that hold the heads' weights."""
    return [f"head_{head}" for head in range(heads)]


class HeadUse(NamedTuple):
    """Mean weights of the heads.

    Attributes:
        games: the run's games, sorted.
        weights: float (G, PARTS, K), by game, by part of the game's frames, by head; rows sum to 1.
    """

    games: tuple[str, ...]
    weights: npt.NDArray[np.float64]

    @property
    def specialisation_nats(self) -> float:
        """Mutual information of game and head in the last part, each game counted alike; float, in nats.

        0 where all games use the heads alike; at most the logarithm of the smaller of the numbers of games
        and heads (Cover & Thomas 2006, chapter 2).
        """
        last = self.weights[:, -1]
        return float(_entropy(last.mean(0)) - np.mean([_entropy(row) for row in last]))


def _entropy(weights: npt.NDArray[np.float64]) -> float:
    positive = weights[weights > 0]
    return float(-(positive * np.log(positive)).sum())


def read_head_use(run_folder: Path) -> HeadUse:
    """Join a complete run's notes on its heads with its ledger, in a process within bounds.

    Raises:
        StoreError: the run has no such notes, or they are not of the ledger's episodes.
    """
    try:
        record = read_record(run_folder, RECORD)
        protocol = load(record.protocol_version)
        run = describe(parse_run_id(record.run_id, protocol), protocol)
    except Unreadable as error:
        raise StoreError(f"the record of {run_folder} cannot be read: it {error}") from error
    except UnknownName as error:
        raise StoreError(f"the record of {run_folder} is of no run: {error}") from error
    found = within_bounds(_joined, _Task(run_folder, protocol, run, record.ledger_sha256), ledger_limits([run]))
    if isinstance(found, Failure):
        raise StoreError(f"{run_folder / NOTES / HEAD_USE} cannot be read: {found.reason}")
    assert isinstance(found, HeadUse)
    return found


class _Task(NamedTuple):
    """A run, its folder, its protocol, and the digest of its ledger by its record."""

    folder: Path
    protocol: Protocol
    run: Run
    ledger_sha256: str


def _joined(task: _Task) -> HeadUse:
    try:
        columns = checked_ledger_file(task.folder, LEDGER, task.run, task.protocol, task.ledger_sha256).columns
    except Unreadable as error:
        raise StoreError(f"the ledger of {task.folder} {error}; play the run again") from error
    training = columns.training
    places = zip(
        *(own[training].tolist() for own in (columns.lane, columns.number, columns.length)), strict=True
    )
    games = (task.run.games[place] for place in columns.game[training].tolist())
    return join_head_use(task.folder / NOTES, dict(zip(places, games, strict=True)))


def join_head_use(notes: Path, games: Mapping[tuple[int, int, int], str]) -> HeadUse:
    """Join notes on heads with the games that were played.

    Args:
        notes: the folder that a learner wrote its notes into.
        games: by lane, number and length in steps, of each training episode, in the order in which they ended.

    Raises:
        StoreError: there are no such notes, or they are not of these episodes.
    """
    path = notes / HEAD_USE
    try:
        file = pq.ParquetFile(pa.BufferReader(read_bytes(notes, HEAD_USE, MAX_HEAD_USE_BYTES)))
        heads = head_columns(sum(name.startswith("head_") for name in file.schema_arrow.names))
        if len(heads) > MAX_HEADS:
            raise Unreadable(f"has {len(heads):,} heads, at most {MAX_HEADS} are drawn")
        if file.metadata.num_rows != len(games):
            raise StoreError(f"{path} is not about the episodes of its run's ledger; play the run again")
        table = file.read(use_threads=False)
        rows = table.select(["lane", "number", "length_steps", "head_0", *heads[1:]]).to_pylist()
    except (Unreadable, OSError, pa.ArrowException, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise StoreError(
            f"{path} cannot be read ({reason}); it is written by learners with heads, "
            "such as baselines.multihead_a2c:make"
        ) from error
    if [*games] != [(row["lane"], row["number"], row["length_steps"]) for row in rows]:
        raise StoreError(f"{path} is not about the episodes of its run's ledger; play the run again")
    try:
        weights = np.array([[row[head] for head in heads] for row in rows], np.float64)
    except (TypeError, ValueError):
        weights = np.full((1, 1), np.nan)
    if not (np.isfinite(weights).all() and np.allclose(weights.sum(axis=1), 1, atol=1e-3)):
        raise StoreError(f"{path} does not hold weights that sum to 1; play the run again")
    return _by_game([*games.values()], np.array([row["length_steps"] for row in rows]), weights)


def _by_game(
    games: list[str], length_steps: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]
) -> HeadUse:
    """Mean weights a game and part, from episodes in the order in which they ended.

    A game's episodes are laid end to end; each part is the mean over its steps.
    """
    names = tuple(sorted(set(games)))
    found = np.empty((len(names), PARTS, weights.shape[1]))
    of_game = np.array([names.index(game) for game in games])
    for index in range(len(names)):
        steps, own = length_steps[of_game == index], weights[of_game == index]
        bounds = np.concatenate([[0], np.cumsum(steps)])
        edges = np.linspace(0, bounds[-1], PARTS + 1)
        for head, column in enumerate(own.T):
            summed = np.concatenate([[0.0], np.cumsum(column * steps)])
            found[index, :, head] = np.diff(np.interp(edges, bounds, summed)) / (bounds[-1] / PARTS)
    return HeadUse(names, found)
