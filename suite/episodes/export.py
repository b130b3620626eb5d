"""A run's episodes as data to train on: regenerated shard by shard, on all cores, continued when stopped."""

from __future__ import annotations

import json
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from protocol import Phase, Protocol, StoreError, UnknownName, WorkerDied, load
from suite.emulator.console import Console
from suite.emulator.roms import checked_cartridge
from suite.episodes.minari_set import write_minari_index
from suite.episodes.recorded import Recorded, find_recorded
from suite.episodes.shards import FORMATS, MINARI
from suite.episodes.transitions import Transitions, regenerate
from suite.results.writing import new_file, write_file
from suite.untrusted.files import is_there

SHARD_STEPS = 10_000
"""A shard is closed once its episodes have so many steps. A worker holds one episode of a shard in memory (at
most 27,000 steps of 7 kB), and for npz the whole shard."""
MANIFEST = "export.json"
_SAMPLED_EPISODES, _SAMPLED_STEPS = 6, 200


class Size(NamedTuple):
    """The size of an export: the bytes on disk are an estimate from a few episodes, the rest is exact."""

    episodes: int
    steps: int
    disk_bytes: int
    observation_bytes: int


@dataclass(frozen=True)
class Export:
    """The episodes of a run, to be written in one format.

    Args:
        protocol: the rules.
        recorded: the run.
        edition: of a published baseline, by which the run was found.
        form: one of FORMATS.
        phase: of the episodes; None: of both.
        game: None: of all games.
        out: the folder in which the export gets a folder of its own.

    Raises:
        UnknownName: there is no such format, phase or game.
        StoreError: the format's package is missing.
    """

    protocol: Protocol
    recorded: Recorded
    edition: str
    form: str
    phase: Phase | None
    game: str | None
    out: Path

    def __post_init__(self) -> None:
        if self.form not in FORMATS:
            raise UnknownName(f"format {self.form!r} does not exist; choose one of: {', '.join(FORMATS)}")
        if self.form == MINARI and not (find_spec("minari") and find_spec("h5py")):
            raise StoreError(
                "Minari is not installed; run `pip install 'amtlb[offline]'`, or choose --format npz"
            )
        self.recorded.rows(self.phase, self.game)

    @property
    def name(self) -> str:
        """The export's name, which is the id of a Minari data set: whose run, which one, and what of it."""
        run_id = self.recorded.run.run_id
        parts = (self.recorded.owner, str(run_id), self.phase or "", self.game or "")
        return "-".join(re.sub(r"[^A-Za-z0-9_]+", "-", part) for part in parts if part) + "-v0"

    @property
    def folder(self) -> Path:
        """The folder of the export."""
        return self.out / self.name

    @property
    def shard_folder(self) -> Path:
        """The folder of its shards."""
        return self.folder / "data" / "shards" if self.form == MINARI else self.folder

    def shards(self) -> list[tuple[Path, tuple[int, ...]]]:
        """Each shard's file, and the rows of the ledger that it holds."""
        rows = self.recorded.rows(self.phase, self.game)
        lengths = self.recorded.table["length_steps"].take(rows).to_numpy().astype(np.int64)
        numbers = (np.cumsum(lengths) - lengths) // SHARD_STEPS
        groups = np.split(np.array(rows), np.flatnonzero(np.diff(numbers)) + 1)
        suffix = FORMATS[self.form].suffix
        return [
            (self.shard_folder / f"shard-{place:05}{suffix}", tuple(group.tolist()))
            for place, group in enumerate(groups)
        ]

    def size(self) -> Size:
        """The size of the export to come; a few episodes are begun and written for it.

        Raises:
            StoreError: a row of them cannot be an episode of this run.
        """
        rows = self.recorded.rows(self.phase, self.game)
        steps = int(np.sum(self.recorded.table["length_steps"].take(rows).to_numpy(), dtype=np.int64))
        some = rows[:: -(-len(rows) // _SAMPLED_EPISODES)]
        sample = [_regenerate(self.protocol, self.recorded, row, _SAMPLED_STEPS) for row in some]
        with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
            FORMATS[self.form].write(Path(scratch) / "sample", iter(sample))
            sampled_bytes = (Path(scratch) / "sample").stat().st_size
        sampled_steps = sum(len(one.rewards) for one in sample)
        stack_bytes = sample[0].observations[0].nbytes
        disk_bytes = sampled_bytes * steps // sampled_steps
        return Size(len(rows), steps, disk_bytes, stack_bytes * (steps + len(rows)))


class _Task(NamedTuple):
    """One shard, for one worker."""

    run: str
    version: str
    edition: str
    ledger_sha256: str
    form: str
    path: str
    rows: tuple[int, ...]


def write_export(export: Export, workers: int, listener: Callable[[int, int], None]) -> None:
    """Write what is missing of an export; each shard appears once it is whole and proven.

    Args:
        export: what is written.
        workers: processes.
        listener: is called with how many of how many shards are there.

    Raises:
        StoreError: an episode is not the one that the ledger claims, or the folder holds another export or
            cannot be written.
        WorkerDied: a process was ended from outside.
    """
    shards = export.shards()
    try:
        export.shard_folder.mkdir(parents=True, exist_ok=True)
        _check_manifest(export)
        missing = [(path, rows) for path, rows in shards if not path.exists()]
        listener(len(shards) - len(missing), len(shards))
        tasks = [_task(export, path, rows) for path, rows in missing]
        for done, _ in enumerate(_in_processes(tasks, workers), len(shards) - len(missing) + 1):
            listener(done, len(shards))
        if export.form == MINARI:
            write_minari_index(export.folder / "data", export.name, shards, export.protocol, export.recorded)
    except OSError as error:
        raise StoreError(f"{export.folder} cannot be written ({error}); choose another --out") from error


def _check_manifest(export: Export) -> None:
    """Say in the folder which export it holds; raise StoreError where it holds another one."""
    path = export.folder / MANIFEST
    manifest = {
        "run_id": str(export.recorded.run.run_id),
        "ledger_sha256": export.recorded.ledger_sha256,
        "edition_digest": export.recorded.run.edition_digest,
        "format": export.form,
        "phase": export.phase,
        "game": export.game,
        "shard_steps": SHARD_STEPS,
    }
    text = json.dumps(manifest, indent=2) + "\n"
    if not is_there(path):
        if any(export.shard_folder.iterdir()):
            raise StoreError(f"{export.shard_folder} holds something else; choose another --out")
        write_file(path, text)
    elif path.read_bytes() != text.encode():
        raise StoreError(f"{path} is of another export; choose another --out, or delete {export.folder}")


def _task(export: Export, path: Path, rows: tuple[int, ...]) -> _Task:
    recorded = export.recorded
    version = export.protocol.version
    return _Task(recorded.name, version, export.edition, recorded.ledger_sha256, export.form, str(path), rows)


def _in_processes(tasks: Sequence[_Task], workers: int) -> Iterator[None]:
    """Write shards on all cores; the first that cannot be written ends it all."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_leave_interrupts)
    try:
        for future in as_completed([pool.submit(_write_shard, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise WorkerDied("a process that wrote shards was ended; the same command goes on") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle


def _write_shard(task: _Task) -> None:
    protocol, recorded = _opened(task.run, task.version, task.edition)
    if recorded.ledger_sha256 != task.ledger_sha256:
        raise StoreError(f"the ledger of {task.run} changed while it was exported; export it again")
    with new_file(Path(task.path)) as new:
        FORMATS[task.form].write(new, (_regenerate(protocol, recorded, row) for row in task.rows))


@cache
def _opened(run: str, version: str, edition: str) -> tuple[Protocol, Recorded]:
    protocol = load(version)
    return protocol, find_recorded(run, protocol, edition)


@cache
def _console(version: str, game: str) -> Console:
    """A worker's own, which stays loaded from episode to episode."""
    protocol = load(version)
    return Console(checked_cartridge(protocol, game), protocol.environment)


def _regenerate(protocol: Protocol, recorded: Recorded, row: int, most_steps: int | None = None) -> Transitions:
    game = recorded.episode(row).game
    if game not in recorded.run.games:
        raise StoreError(f"row {row} of {recorded.name} is of a game that the run does not play")
    return regenerate(protocol, recorded, row, _console(protocol.version, game), most_steps)


def check_room(export: Export, size: Size) -> None:
    """Raise StoreError where the disk has less room than what is left of an export needs."""
    written = sum(path.stat().st_size for path, _ in export.shards() if is_there(path))
    needed = max(0, size.disk_bytes - written)
    existing = next(folder for folder in (export.out, *export.out.absolute().parents) if is_there(folder))
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise StoreError(
            f"{export.folder} needs about {needed / 1e9:.1f} GB, the disk has {free / 1e9:.1f} GB "
            "left; choose another --out, or a --phase or --game"
        )
