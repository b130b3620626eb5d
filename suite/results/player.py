"""The player of a run: one process at a time, whether on one machine or on several that share the disk.

    <folder>/<arm>/.../seedN.player     while a run is played, and after it was broken off: on which machine

Below the machine stands for whom it is played, once the player has announced that. The player locks the file. A
lock frees itself when its process ends, and some shared disks pass it on to other machines. Others do not, and
none says so; therefore the player also renews the file, and a file that another machine has renewed within
LEASE_SECONDS is held. Both times are the disk's, whatever the machines' clocks say.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from protocol import RunBusy, StoreError
from suite.results.writing import lock, write_once

RENEW_SECONDS = 20.0
LEASE_SECONDS = 120.0
"""After this, a machine that has not renewed its file is taken to be off."""
_SETTLE_SECONDS = 3.0
"""The seconds that two machines that take over the same run need to see which of them was last."""
_ASKING_SECONDS = 1.0
"""``is_held`` locks the file for a moment, too; a lock that lasts for longer is a player's."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_machine() -> str:
    """A name of this machine that it has until it is started again; containers share that of their host."""
    return _BOOT.read_text(encoding="ascii").strip()


@contextmanager
def held(path: Path, run: str) -> Iterator[None]:
    """Hold a run for this process; the lock goes with the process. The file goes when the block ends well.

    Args:
        path: the run's ``.player`` file, in a folder that exists.
        run: its name, for errors.

    Raises:
        RunBusy: another process is playing the run.
        StoreError: another process has just completed it, or the file cannot be written.
    """
    descriptor = _opened(path, run)
    try:
        if not _locked(descriptor, str(path)):
            raise RunBusy(f"run {run} is being played by another process; wait for it or end it")
        if not _is_named(path, descriptor):
            raise StoreError(f"run {run} has just been completed by another process")
        _take(path, descriptor, run)
        yield
        path.unlink()
    finally:
        os.close(descriptor)


def _opened(path: Path, run: str) -> int:
    """The file of a run, opened; where there is none, it appears with this machine's name in it."""
    write_once(path, this_machine())
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        raise StoreError(f"run {run} has just been completed by another process") from None


def _is_named(path: Path, descriptor: int) -> bool:
    """True if an open file still has its name."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _locked(descriptor: int, name: str) -> bool:
    """Lock a file for this process; False: another one holds it, and does more than to ask who does."""
    deadline = time.monotonic() + _ASKING_SECONDS
    while True:
        with suppress(BlockingIOError):
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, name)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)


def _take(path: Path, descriptor: int, run: str) -> None:
    before = _machine(descriptor)
    if _is_held_elsewhere(path, descriptor):
        raise RunBusy(f"run {run} is being played on another machine; wait for it or end it")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, this_machine().encode(), 0)
    os.fsync(descriptor)
    if before not in ("", this_machine()):
        time.sleep(_SETTLE_SECONDS)
        check_held(path, run)


def _machine(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode("ascii", "replace").partition("\n")[0]


def announce(path: Path, run: str, whom: str) -> None:
    """Say for whom the run is played that this process holds; the machine in the file stays.

    Args:
        path: the run's ``.player`` file.
        run: its name, for errors.
        whom: a word without spaces.

    Raises:
        RunBusy: another machine has taken the run.
    """
    check_held(path, run)
    with path.open("r+b") as file:
        file.seek(len(this_machine()))
        file.write(f"\n{whom}\n".encode())


def announced(path: Path) -> str:
    """For whom a run is played; empty: its player has not said that, or there is none."""
    with suppress(OSError):
        return path.read_text(encoding="ascii", errors="replace").partition("\n")[2].strip()
    return ""


def check_held(path: Path, run: str) -> None:
    """Raise RunBusy where another machine has taken a run that this one held."""
    if not _is_ours(path):
        raise RunBusy(f"run {run} has been taken over by another machine")


def _is_ours(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return path.read_text(encoding="ascii", errors="replace").partition("\n")[0] == this_machine()
    return False


def is_held(path: Path) -> bool:
    """True if a process, here or on another machine, holds a run."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        lock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, str(path))
        return _is_held_elsewhere(path, descriptor)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _is_held_elsewhere(path: Path, descriptor: int) -> bool:
    """True if another machine has renewed the file within LEASE_SECONDS."""
    if _machine(descriptor) in ("", this_machine()):
        return False
    with tempfile.NamedTemporaryFile(dir=path.parent) as now:
        age_seconds = os.fstat(now.fileno()).st_mtime - os.fstat(descriptor).st_mtime
    return age_seconds < LEASE_SECONDS


class Renewal:
    """Renews the file of a run while it is played.

    Args:
        path: the run's ``.player`` file.

    Attributes:
        lost: whether another machine has taken the run.
    """

    def __init__(self, path: Path) -> None:
        self.lost = self._was_ours = False
        self._path, self._next = path, 0.0

    def renew(self) -> bool:
        """Renew the file when it is time; whether the run is lost. Called twice a second."""
        if time.monotonic() < self._next:
            return self.lost
        try:
            ours = _is_ours(self._path)
            if ours:
                os.utime(self._path)
        except OSError:  # the disk is away for a while, or the run has just been completed
            return self.lost
        self.lost = self._was_ours and not ours and self._path.exists()
        self._was_ours = self._was_ours or ours
        self._next = time.monotonic() + (RENEW_SECONDS if ours else 1)
        return self.lost
