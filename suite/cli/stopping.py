"""How a command is stopped: SIGTERM as politely as Ctrl-C, and by which exit status each is told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: from ``docker stop``, Kubernetes, Slurm or ``kill``."""


def heed_sigterm() -> None:
    """From now on SIGTERM interrupts, as Ctrl-C does; in process 1 of a container, too."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: object) -> Never:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; what is being ended must not be cut short
    raise Terminated


def stop_status(stop: KeyboardInterrupt) -> int:
    """The exit status of a command that was stopped: 128 and the signal's number, as shells count."""
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


@contextmanager
def interrupts_left_to_the_run() -> Iterator[None]:
    """While the block lasts, Ctrl-C is for the run in the foreground, whose terminal sends it there, too."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
