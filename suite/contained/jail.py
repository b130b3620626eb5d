"""The common part of all kinds of box: their methods, the socket inside them, their owner."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol as Contract

SOCKET = "referee"
"""The name of the socket in the folder that a box is shown."""
FOLDER_PREFIX = "amtlb-box-"
"""The beginning of the name of a box's own folder, which lies where temporary files do."""
_OWNER = "owner"


class Jail(Contract):
    """One kind of box while it runs."""

    def may_call(self, pid: int) -> bool:
        """True if the process ``pid``, which has connected to the socket, can be the learner's."""

    def why_ended(self) -> str | None:
        """Why the learner's side has ended; None: it has not, or nobody knows."""

    def kill(self) -> None:
        """End it and all that it started."""

    def remove(self, log: Callable[[str], None]) -> None:
        """End it, hand its last output to ``log``, and leave nothing behind."""


def owner() -> str:
    """This process, named so that no later one, and none elsewhere, is taken for it."""
    return f"{_place()}.{os.getpid()}.{_start_ticks(os.getpid())}"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for the files of one box, which only this user may enter; it goes with the block."""
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / _OWNER).write_text(owner(), encoding="ascii")
        yield folder


def remove_folders_of_the_ended() -> None:
    """Remove the folders of this user's boxes whose process was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        try:
            left = folder.lstat().st_uid == os.geteuid() and has_ended(
                (folder / _OWNER).read_text(encoding="ascii")
            )
        except (OSError, ValueError):  # it is going, or was not made here
            continue
        if left:
            shutil.rmtree(folder, ignore_errors=True)


def has_ended(name: str) -> bool:
    """True if a process that ``owner`` named was one of this boot and namespace, and runs no more."""
    place, _, rest = name.partition(".")
    pid, _, ticks = rest.partition(".")
    return place == _place() and pid.isdigit() and _start_ticks(int(pid)) != ticks


def _place() -> str:
    """The name of this boot and this process namespace, in which a process number means what it means here."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"


def _start_ticks(pid: int) -> str | None:
    """When a process started, in the system's own count; None: there is none, or it only waits to be reaped."""
    try:
        state, *facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else facts[18]
