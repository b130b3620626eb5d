"""Learning curves as TensorBoard's event files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import count, groupby
from pathlib import Path

import pyarrow as pa

from protocol import StoreError
from suite.results.writing import new_folder


def write_events(table: pa.Table, folder: Path) -> int:
    """Write curves as event files: a folder per run, a tag ``return/GAME`` per game, over frames.

    Args:
        table: see ``suite.episodes.tidy.SCHEMA``; the rows of a run stand together.
        folder: must not exist, as TensorBoard would show older events of the same run on top.

    Returns:
        how many runs were written; a run of which no episode had ended is none.

    Raises:
        StoreError: TensorBoard is not installed, or the folder exists or cannot be written.
    """
    try:
        from tensorboard.summary import Writer
    except ImportError as error:
        raise StoreError("TensorBoard is not installed; run `pip install 'amtlb[tensorboard]'`") from error
    runs, places = 0, _places(table["learner"].unique().to_pylist())
    with new_folder(folder) as new:
        for (learner, run_id), points in groupby(
            table.to_pylist(), lambda row: (row["learner"], row["run_id"])
        ):
            runs += 1
            with closing(Writer(str(new / places[learner] / run_id))) as writer:
                for point in points:
                    writer.add_scalar(f"return/{point['game']}", point["return"], point["frames"])
    return runs


def _places(learners: Sequence[str]) -> dict[str, str]:
    """A folder's name for each learner, no two alike, and none that leads elsewhere."""
    places: dict[str, str] = {}
    for learner in learners:
        name = learner.strip("/").replace("/", "-").lstrip(".") or "learner"
        taken = {*places.values()}
        numbered = (f"{name}-{number}" for number in count(2))
        places[learner] = name if name not in taken else next(one for one in numbered if one not in taken)
    return places
