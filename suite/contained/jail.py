"""The common part of all kinds of box: their methods, the socket inside them, their owner."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol as Contract

SOCKET, FOLDER_PREFIX = "referee", "amtlb-box-"
"""The name of the socket in the folder that a box is shown, and how that folder's name begins."""


class Jail(Contract):
    """One kind of box while it runs."""

    def why_ended(self) -> str | None:
        """Why the learner's side has ended; None: it has not, or nobody knows."""

    def kill(self) -> None:
        """End it and all that it started."""

    def remove(self, log: Callable[[str], None]) -> None:
        """End it, hand its last output to ``log``, and leave nothing behind."""


def owner() -> str:
    """This process, named so that no later one, and none elsewhere, is taken for it."""
    return f"{_place()}.{os.getpid()}.{_start_ticks(os.getpid())}"


def has_ended(name: str) -> bool:
    """Whether a process that ``owner`` named was one of this place, and runs no more."""
    place, _, rest = name.partition(".")
    pid, _, ticks = rest.partition(".")
    return place == _place() and pid.isdigit() and _start_ticks(int(pid)) != ticks


def _place() -> str:
    """Where process numbers mean what they mean here: this boot, this namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"


def _start_ticks(pid: int) -> str | None:
    """When a process started, in the system's own count; None: there is none, or it only waits to be reaped."""
    try:
        state, *facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else facts[18]
