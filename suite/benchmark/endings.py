"""The ends of processes that did not say why, in words: as far as the system and their output show it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from suite.untrusted.text import printable

_MOST_READ_BYTES = 2**16
_MOST_QUOTED = 300  # characters of the last line of a log


def how_it_ended(status: int, before: str, kills: int = 0, printed: str = "") -> str:
    """Why a process has ended that did not say so, as far as the system and its output show it.

    Args:
        status: as ``subprocess`` gives it.
        before: that it was to do first, such as "the run was complete".
        kills: of processes that the system made meanwhile for want of memory.
        printed: its output.
    """
    if status > 0 and (lines := printed.strip().splitlines()):
        last = printable(lines[-1], _MOST_QUOTED)
        return f"its process ended with status {status}, incomplete; its log ends with {last!r}"
    if status >= 0:
        return (
            f"its process ended with status {status} before {before}, and said nothing: the "
            "learner, or a library that it uses, calls os._exit"
        )
    name = _name_of(-status)
    if -status != signal.SIGKILL:
        return (
            f"its process was ended by {name} (status {status}): a fault in compiled code, or somebody's kill"
        )
    if kills:
        return (
            f"its process was ended by {name} (status {status}) when the system ran out of memory; play fewer "
            "runs side by side (--jobs), or give them more memory"
        )
    return f"its process was ended by {name} (status {status}), by somebody else than the learner"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one


def end_of(log: Path, after_bytes: int) -> str:
    """The end of what a log has grown by since it had so many bytes; empty: there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(after_bytes, file.seek(0, os.SEEK_END) - _MOST_READ_BYTES))
            return file.read(_MOST_READ_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def out_of_memory_kills() -> int:
    """The processes that the system has killed for want of memory since its start; 0: it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
