"""Learning curves as one tidy table, for any plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from protocol import END_REASONS, Run, UnknownName
from suite.results.columns import Columns, start_steps
from suite.results.each_ledger import from_each_ledger
from suite.results.editions import complete_runs
from suite.results.results import edition_of_names, open_results
from suite.results.store import Store
from suite.results.writing import write_file
from suite.scoring.arrays import Floats, Ints
from suite.scoring.comparison import labels
from suite.scoring.curves import frame_grid, frames_of_game
from suite.untrusted.text import in_a_spreadsheet

WINDOW_EPISODES = 100
"""The most episodes that a point is the mean of; as Stable-Baselines3's ``rollout/ep_rew_mean``."""
SCHEMA = pa.schema(
    [
        ("learner", pa.string()),
        ("arm", pa.string()),
        ("game", pa.string()),
        ("seed", pa.int64()),
        ("frames", pa.int64()),
        ("return", pa.float64()),
        ("run_id", pa.string()),
    ]
)
"""A row is a point of a curve: what the learner's last whole episodes of a game returned, in game points, after
so many frames of training on that game."""


def find_results(names: Sequence[str], edition: str | None) -> list[tuple[str, Store]]:
    """Results folders and published baselines, each with a label of its own.

    Args:
        names: each a folder or, where there is none of that path, a baseline's name.
        edition: of all; None: the edition of the first folder, or ``smoke`` where there is no folder.

    Raises:
        UnknownName: there is neither a folder nor a baseline of a name.
        StoreError: a folder holds no complete run, or runs of another edition, or is named twice.
    """
    chosen = edition or edition_of_names(names)
    stores = [open_results(name, chosen).store for name in names]
    return list(zip(labels(names, [store.folder for store in stores]), stores, strict=True))


def curve_table(results: Sequence[tuple[str, Store]]) -> pa.Table:
    """The curves of all complete runs (see SCHEMA), run by run in the order of the plan.

    Raises:
        StoreError: a ledger cannot be read, breaks a rule or is not the one that its record names.
    """
    parts = []
    for label, store in results:
        runs = complete_runs(store)
        records = [store.record(run.run_id) for run in runs]
        found = from_each_ledger(store, runs, records, game_points)
        parts += [_run_points(label, run, points) for run, points in zip(runs, found, strict=True)]
    return pa.concat_tables(parts)


def _run_points(label: str, run: Run, curves: Mapping[str, tuple[Ints, Floats]]) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for game, (frames, returns) in curves.items():
        points = len(frames)
        columns["learner"] += [label] * points
        columns["arm"] += [run.run_id.arm] * points
        columns["game"] += [game] * points
        columns["seed"] += [run.run_id.seed] * points
        columns["frames"] += frames.tolist()
        columns["return"] += returns.tolist()
        columns["run_id"] += [str(run.run_id)] * points
    return pa.table(columns, SCHEMA)


def game_points(columns: Columns, run: Run) -> dict[str, tuple[Ints, Floats]]:
    """The curve of each game of a run: after so many frames of it, int64 (N,), its return, float64 (N,).

    Args:
        columns: of a ledger in which no error was found (``suite.results.ledger_faults``).
        run: gives the games, their budget and the frame skip.
    """
    starts = start_steps(columns.lane, columns.number, columns.length)  # evaluation follows training
    whole = columns.reason != END_REASONS.index("budget")
    found = {}
    for place, game in enumerate(run.games):
        own = columns.training & (columns.game == place)
        ends = (starts + columns.length)[own & whole]
        ended_at = frames_of_game(ends, starts[own], columns.length[own], run.frame_skip) if len(ends) else ends
        returns = columns.claimed_return[own & whole]
        found[game] = trailing_means(ended_at, returns, frame_grid(run.budget_frames))
    return found


def trailing_means(ended_at: Ints, returns: Ints, grid_frames: Ints) -> tuple[Ints, Floats]:
    """The mean return of the last episodes that had ended by each point in time.

    Args:
        ended_at: int (E,), when each episode ended, ascending.
        returns: int (E,).
        grid_frames: int (T,), the points, ascending.

    Returns:
        the points by which an episode had ended, int64 (N,), and the means of at most ``WINDOW_EPISODES``
        episodes there, float64 (N,).
    """
    ended = np.searchsorted(ended_at, grid_frames, "right")
    first = np.maximum(ended - WINDOW_EPISODES, 0)
    sums = np.concatenate([[0], np.cumsum(returns)])
    known = ended > 0
    means: Floats = (sums[ended] - sums[first])[known] / (ended - first)[known]
    return grid_frames[known], means


def check_name(path: Path) -> None:
    """Raise UnknownName unless the file's name ends as one of the formats."""
    if path.suffix not in (".csv", ".parquet"):
        raise UnknownName(f"{path} cannot be written: the name must end in .csv or .parquet")


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as CSV or Parquet, as the name ends, whole or not at all; in CSV no text is a formula.

    Raises:
        UnknownName: the name ends in something else.
        StoreError: the file cannot be written.
    """
    check_name(path)
    written = pa.BufferOutputStream()
    if path.suffix == ".csv":
        options = pyarrow.csv.WriteOptions(quoting_style="needed")
        pyarrow.csv.write_csv(_for_spreadsheets(table), written, options)
    else:
        pyarrow.parquet.write_table(table, written)
    write_file(path, written.getvalue().to_pybytes())


def _for_spreadsheets(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.type == pa.string():
            column = table.column(place).combine_chunks().dictionary_encode()
            texts = pa.array([in_a_spreadsheet(text) for text in column.dictionary.to_pylist()], pa.string())
            safe = pa.DictionaryArray.from_arrays(column.indices, texts).cast(pa.string())
            table = table.set_column(place, field, safe)
    return table
