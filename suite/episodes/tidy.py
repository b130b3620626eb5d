"""Learning curves as one tidy table, for any plotting library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from protocol import Protocol, Run, StoreError, UnknownName
from suite.results.columns import start_steps
from suite.results.ledger import read_ledger
from suite.results.published import published_folder
from suite.results.store import Store, complete_runs, edition_of
from suite.scoring.arrays import Floats, Ints
from suite.scoring.comparison import labels
from suite.scoring.curves import frame_grid, frames_of_game

WINDOW_EPISODES = 100
"""How many episodes a point is the mean of, at most; as Stable-Baselines3's ``rollout/ep_rew_mean``."""
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
_COLUMNS = ["phase", "lane", "number", "game", "length_steps", "episode_return", "end_reason"]


def find_results(names: Sequence[str], protocol: Protocol, edition: str | None) -> list[tuple[str, Store]]:
    """Results folders and published baselines, each with a label of its own.

    Args:
        names: each a folder or, where there is none of that path, a baseline's name.
        protocol: the rules.
        edition: of all; None: the edition of the first folder, or ``smoke`` where there is no folder.

    Raises:
        UnknownName: there is neither a folder nor a baseline of a name.
        StoreError: a folder holds no complete run, or runs of another edition.
    """
    folders = [Path(name) for name in names if Path(name).is_dir()]
    chosen = edition or (edition_of(folders[0], protocol).name if folders else "smoke")
    found = []
    for label, name in zip(labels(names), names, strict=True):
        folder = Path(name) if Path(name) in folders else published_folder(name, chosen)
        if (own := edition_of(folder, protocol)) != protocol.edition(chosen):
            raise StoreError(
                f"{folder} holds runs of edition {own.name}, not of {chosen}; name those of one edition"
            )
        found.append((label, Store(folder, protocol)))
    return found


def curve_table(results: Sequence[tuple[str, Store]]) -> pa.Table:
    """The curves of all complete runs (see SCHEMA), run by run in the order of the plan.

    Raises:
        StoreError: a ledger cannot be read.
    """
    parts = [
        _run_points(label, run, read_ledger(store.ledger_path(run.run_id), _COLUMNS))
        for label, store in results
        for run in complete_runs(store)
    ]
    return pa.concat_tables(parts)


def _run_points(label: str, run: Run, ledger: pa.Table) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for game, frames, returns in _game_points(run, ledger):
        points = len(frames)
        columns["learner"] += [label] * points
        columns["arm"] += [run.run_id.arm] * points
        columns["game"] += [game] * points
        columns["seed"] += [run.run_id.seed] * points
        columns["frames"] += frames.tolist()
        columns["return"] += returns.tolist()
        columns["run_id"] += [str(run.run_id)] * points
    return pa.table(columns, SCHEMA)


def _game_points(run: Run, ledger: pa.Table) -> Iterator[tuple[str, Ints, Floats]]:
    ledger = ledger.filter(pc.equal(ledger["phase"], "training"))
    lanes, numbers, lengths, returns = (
        ledger[name].to_numpy().astype(np.int64)
        for name in ("lane", "number", "length_steps", "episode_return")
    )
    starts = start_steps(lanes, numbers, lengths)
    whole = pc.not_equal(ledger["end_reason"], "budget").to_numpy()
    for game in run.games:
        own = pc.equal(ledger["game"], game).to_numpy()
        ends = (starts + lengths)[own & whole]
        ended_at = frames_of_game(ends, starts[own], lengths[own], run.frame_skip) if len(ends) else ends
        yield game, *trailing_means(ended_at, returns[own & whole], frame_grid(run.budget_frames))


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
    """Write a table as CSV or Parquet, as the name ends.

    Raises:
        UnknownName: the name ends in something else.
        StoreError: the file cannot be written.
    """
    check_name(path)
    try:
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(quoting_style="needed"))
        else:
            pyarrow.parquet.write_table(table, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); choose another --out") from error
