"""Room on disks: what a run needs, checked before it is played, and which disk was full when one was."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from protocol import DiskFull, Run
from suite.digests import folder_bytes
from suite.results.ledger import LEDGER_BYTES_PER_RUN, LEDGER_BYTES_PER_STEP
from suite.results.store import CHECKPOINT, Store, record_paths
from suite.untrusted.text import bytes_text

JOURNAL_BYTES_PER_STEP = 5.0
"""Bytes of a journal per agent step: measured 2.1 where 6,000 steps are appended at once, 4.3 where 600 are."""
LEDGER_COPIES = 2
"""The run's folder holds one, Sacred's folder another (suite.tracking)."""


def room_for(run: Run, store: Store) -> dict[Path, int]:
    """The bytes that a run takes at most, by folder: of the results, and of what it writes for a while.

    What its checkpoint takes is known from a complete run of the folder; without one, it counts nothing. Nor do
    its snapshots count.
    """
    ledger = LEDGER_BYTES_PER_STEP * run.most_steps + LEDGER_BYTES_PER_RUN
    checkpoint = _checkpoint_bytes(store)
    results = LEDGER_COPIES * ledger + JOURNAL_BYTES_PER_STEP * run.most_steps + checkpoint
    return {store.folder: round(results), Path(tempfile.gettempdir()): 2 * checkpoint}  # one in, one out


def _checkpoint_bytes(store: Store) -> int:
    for record in record_paths(store.folder):
        return folder_bytes(record.parent / CHECKPOINT)
    return 0


def check_room(needed: Mapping[Path, int]) -> None:
    """Raise DiskFull where a disk has less room than folders on it need.

    Args:
        needed: bytes by folder, each of which exists.
    """
    disks: dict[int, list[Path]] = {}
    for folder in needed:
        disks.setdefault(folder.stat().st_dev, []).append(folder)
    for folders in disks.values():
        wanted = sum(needed[folder] for folder in folders)
        if _free(folders[0]) < wanted:
            raise DiskFull(_too_little(folders[0], wanted))


def is_full(error: BaseException) -> bool:
    """True if an error says that a disk, or a user's quota on it, is full."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, DiskFull)


def where_full(needed: Mapping[Path, int]) -> str:
    """The message that a disk is full, about the one of these folders whose disk has the least room."""
    folder = min(needed, key=_free)
    return _too_little(folder, needed[folder])


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _too_little(folder: Path, wanted: int) -> str:
    return (
        f"the disk of {folder} is full: it has {bytes_text(_free(folder))} left and this run needs "
        f"{bytes_text(wanted)} there; make room, or choose another folder with --out or TMPDIR"
    )
