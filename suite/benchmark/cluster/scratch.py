"""A dask worker's disk: the files that it keeps for a batch.

    <local directory>/dask-scratch-space/amtlb/BATCH/
        learner/        the folder of the learner, if it travels
        starts/DIGEST/  a results folder with what a transfer run starts from
        runs/           a results folder: runs that wait to be fetched, or to be resumed

``--local-directory`` of the worker says on which disk. The folder survives the worker: the next one on the same
disk answers from it. On a shared disk all workers do. It goes when the batch is complete, or when it was not
used for STALE_SECONDS.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from protocol import Protocol, RunId
from suite.benchmark.cluster.packed_run import PackedRun, put_start
from suite.results.player import is_held
from suite.results.store import Store, record_paths
from suite.results.writing import sync_files, sync_names

STALE_SECONDS = 30 * 86_400
"""A batch of which nothing was asked and nothing played for so long is given up."""


class Scratch:
    """The folder of a batch on a worker's disk.

    Args:
        local_directory: of the worker, as dask names it.
        batch: names the runs of one results folder, learner and code.
        protocol: their rules.

    Attributes:
        folder: of the batch.
        store: the results folder in it.
        learner: where the learner's folder lies.
    """

    def __init__(self, local_directory: str, batch: str, protocol: Protocol) -> None:
        self.folder = Path(local_directory).parent / "amtlb" / batch
        self.store = Store(self.folder / "runs", protocol)
        self.learner = self.folder / "learner"

    def use(self) -> None:
        """Show those who look for stale batches that this one is not."""
        with suppress(FileNotFoundError):
            os.utime(self.folder)

    def drop_stale(self) -> None:
        """Remove the other batches of this disk that are given up."""
        with suppress(OSError), tempfile.NamedTemporaryFile(dir=self.folder.parent) as now:
            disk_time = os.fstat(now.fileno()).st_mtime  # whatever this machine's clock says
            for other in self.folder.parent.iterdir():
                with suppress(OSError):  # another worker of this disk removes it
                    if other.is_dir() and other != self.folder and _is_stale(other, disk_time):
                        shutil.rmtree(other)

    def start(self, run_id: RunId, packed_run: PackedRun) -> Path:
        """A results folder with the run that another starts from."""
        folder = self.folder / "starts" / hashlib.sha256(packed_run.record).hexdigest()[:16]
        return laid_out(folder, lambda new: put_start(Store(new, self.store.protocol), run_id, packed_run))

    def complete(self) -> list[str]:
        """The runs that lie here, complete."""
        if not self.store.folder.exists():
            return []
        return [self._name(path.parent) for path in record_paths(self.store.folder)]

    def begun(self) -> list[str]:
        """The runs that lie here, broken off."""
        return [self._name(path.with_suffix("")) for path in self.store.folder.glob("*/**/*.partial")]

    def _name(self, folder: Path) -> str:
        return folder.relative_to(self.store.folder).as_posix()


def _is_stale(batch: Path, disk_time: float) -> bool:
    """True if nobody has asked anything of a batch for long, and no run of it is being played."""
    players = batch.glob("runs/*/**/*.player")
    return disk_time - batch.stat().st_mtime > STALE_SECONDS and not any(map(is_held, players))


def laid_out(folder: Path, fill: Callable[[Path], None]) -> Path:
    """A folder that is there whole or not at all, whoever else lays it out."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        try:
            fill(new)
            sync_files(new)
            new.rename(folder)
            sync_names(folder.parent)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            if not folder.exists():
                raise
    return folder
