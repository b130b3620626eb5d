"""Learning curves as TensorBoard's event files."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
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
    runs = 0
    with new_folder(folder) as new:
        for (learner, run_id), points in groupby(
            table.to_pylist(), lambda row: (row["learner"], row["run_id"])
        ):
            runs += 1
            with closing(Writer(str(new / learner.strip("/").replace("/", "-") / run_id))) as writer:
                for point in points:
                    writer.add_scalar(f"return/{point['game']}", point["return"], point["frames"])
    return runs
