"""Stopping a command: SIGTERM as politely as Ctrl-C, each with its exit status."""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Never

TERMINATED_STATUS = 128 + signal.SIGTERM
STOP_SECONDS = 8.0
"""The most seconds that a command may take to end after SIGTERM; `docker stop` kills after 10 s."""


class Terminated(SystemExit):
    """SIGTERM has come: from ``docker stop``, Kubernetes, Slurm or ``kill``."""


def heed_sigterm() -> None:
    """From now on SIGTERM interrupts, as Ctrl-C does; in process 1 of a container, too."""
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGALRM, _end)
    # Python's own end takes `_end` away first: an alarm then would end the process with another status.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)


def _terminate(number: int, frame: object) -> Never:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; what is being ended must not be cut short
    signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)
    raise Terminated(TERMINATED_STATUS)


def _end(number: int, frame: object) -> Never:
    """The time is over: end what was started here, keepers of runs excepted, which see to their own."""
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            with suppress(OSError):
                os.kill(int(child), signal.SIGTERM)
    os._exit(TERMINATED_STATUS)


@contextmanager
def interrupts_left_to_the_run() -> Iterator[None]:
    """While the block lasts, Ctrl-C is for the run in the foreground, whose terminal sends it there, too."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
