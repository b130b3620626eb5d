"""Runs the real command line and watches its processes: how long, how much memory, what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests import ROOT

COMMAND = (sys.executable, "-P", "-c", "from suite.cli import main; main()")
"""As the installed ``amtlb``, of this checkout."""
_SECONDS_PER_LOOK = 0.02


class Watched(NamedTuple):
    """The result of a command.

    Attributes:
        status: its exit status; None: it was killed for its time.
        seconds: how long it took.
        peak_bytes: the most that its processes held together, of memory that is not a file's.
        stdout, stderr: its output.
    """

    status: int | None
    seconds: float
    peak_bytes: int
    stdout: str
    stderr: str


def watched(arguments: Sequence[str], folder: Path, seconds: float, **environment: str) -> Watched:
    """Run ``amtlb`` in a folder, in a session of its own; killed after so many seconds."""
    started = time.monotonic()
    settings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=folder, env=settings, stdout=out, stderr=err, start_new_session=True
        )
        peak = _Peak(process.pid)
        try:
            status: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        took = time.monotonic() - started
        peak.stop()
        out.seek(0), err.seek(0)
        said = [stream.read(10_000_000).decode("utf-8", "replace") for stream in (out, err)]
    return Watched(status, took, peak.bytes, *said)


class _Peak:
    """Looks at a session's processes until it is stopped."""

    def __init__(self, session: int) -> None:
        self.bytes, self._session, self._over = 0, session, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_SECONDS_PER_LOOK):
            self.bytes = max(self.bytes, sum(_anonymous_bytes(pid) for pid in self._processes()))

    def _processes(self) -> list[int]:
        found = []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.getsid(int(name)) == self._session:
                    found.append(int(name))
            except ProcessLookupError:
                continue
        return found


def _anonymous_bytes(pid: int) -> int:
    """Of what is mapped, what is neither a file's nor another process's."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
