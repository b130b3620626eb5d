"""The files that make shards a Minari data set: its description, and one index that links to the shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from protocol import Protocol
from suite.episodes.recorded import Recorded
from suite.results.writing import new_file

INDEX = "main_data.hdf5"


def write_minari_index(
    folder: Path,
    dataset_id: str,
    shards: Sequence[tuple[Path, tuple[int, ...]]],
    protocol: Protocol,
    recorded: Recorded,
) -> None:
    """Write what ``minari.load_dataset`` reads first; the folder can be moved as a whole.

    Args:
        folder: the ``data`` folder of the data set.
        dataset_id: its id.
        shards: each one's file, below the folder, and its rows of the ledger; the episodes of the data set are
            numbered in this order.
        protocol: the rules.
        recorded: the run.
    """
    import h5py
    from minari.dataset.minari_storage import METADATA_FILE_NAME, MinariStorage

    from suite.lanes.shape import LaneShape

    shape = LaneShape.of(protocol, protocol.lanes)
    for name in (INDEX, METADATA_FILE_NAME):
        (folder / name).unlink(missing_ok=True)
    storage = MinariStorage.new(
        folder.resolve(), shape.observation_space, shape.action_space, data_format="hdf5", jpeg_encoding=False
    )
    links = [(path, row) for path, rows in shards for row in rows]
    with new_file(folder / INDEX) as new, h5py.File(new, "w", track_order=True) as file:
        for number, (path, row) in enumerate(links):
            file[f"episode_{number}"] = h5py.ExternalLink(path.relative_to(folder).as_posix(), f"episode_{row}")
    rows = [row for _, row in links]
    storage.update_metadata(
        {
            "dataset_id": dataset_id,
            "minari_version": _version(),
            "total_episodes": len(links),
            "total_steps": int(sum(recorded.table["length_steps"].take(rows).to_pylist())),
            "dataset_size": storage.get_size(),
            "algorithm_name": recorded.owner,
            "description": f"run {recorded.run.run_id} of AMTLB protocol {protocol.version}, "
            f"regenerated from its ledger {recorded.ledger_sha256}",
        }
    )


def _version() -> str:
    from minari import __version__

    return str(__version__)
