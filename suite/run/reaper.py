"""The reaper of a process: starts it, ends with whatever it started, and hands its status on.

``python -m suite.run.reaper LIFELINE COMMAND...``: LIFELINE is the number of a pipe's reading end that the
command has, too. When its writing end is closed, because whoever holds it asks for an end or is gone, the
command is interrupted, and killed after GRACE_SECONDS. What it left behind, in whatever session, is ended
before the reaper ends as the command did: with its exit status, or by its signal. The command does not outlive
the reaper.

The reaper has no thread and imports little, so that nothing that a learner does can hold it up.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Sequence
from typing import Never

GRACE_SECONDS = 5.0
"""The most seconds that an interrupted process may take to end."""
LAST_SECONDS = 2.0
"""The most seconds for what a process left behind to end: once when it was asked, once when it was killed."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LIBC = ctypes.CDLL(None)


def main(arguments: Sequence[str]) -> Never:
    """Keep a command until it ends."""
    lifeline, command = int(arguments[0]), arguments[1:]
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent becomes a child of the reaper
    woken = _wake_on_children()
    for number in (signal.SIGINT, signal.SIGTERM):  # which terminals and batch systems send to everyone
        signal.signal(number, _nothing)
    reaper = os.getpid()
    child = os.fork()
    if not child:
        _become(command, reaper)
    status = _await(child, lifeline, woken)
    _end_what_is_left()
    _end_as(status)


def _nothing(number: int, frame: object) -> None:
    """The handler of signals that only wake the reaper; the command does not inherit it."""


def _wake_on_children() -> int:
    """The reading end of a pipe that is written to when a child ends."""
    woken, waking = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _nothing)
    return woken


def _become(command: Sequence[str], reaper: int) -> Never:
    try:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == reaper:
            os.execv(command[0], list(command))
    finally:
        os._exit(127)


def _await(child: int, lifeline: int, woken: int) -> int:
    """The status of the child, as ``waitpid`` gives it."""
    poller = select.poll()
    poller.register(woken, select.POLLIN)
    poller.register(lifeline, 0)  # its end alone: what is written there is for the child
    deadline: float | None = None
    while (status := _reap(child)) is None:
        left = None if deadline is None else 1000 * max(0.0, deadline - time.monotonic())
        for number, _ in poller.poll(left):
            if number == woken:
                _empty(woken)
            else:
                poller.unregister(lifeline)
                os.kill(child, signal.SIGINT)
                deadline = time.monotonic() + GRACE_SECONDS
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
    return status


def _empty(pipe: int) -> None:
    try:
        os.read(pipe, 4096)
    except BlockingIOError:
        pass


def _reap(child: int | None) -> int | None:
    """Take leave of all children that have ended; the status of the given one, if it is among them."""
    found = None
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                found = ended[1]
    except ChildProcessError:
        pass
    return found


def _end_what_is_left() -> None:
    """Ask all that the command left behind to end, then kill it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + LAST_SECONDS
        while (children := _children()) and time.monotonic() < deadline:
            for child in children:
                try:
                    os.kill(child, number)
                except (ProcessLookupError, PermissionError):
                    pass
            time.sleep(0.01)
            _reap(None)


def _children() -> list[int]:
    process = os.getpid()
    with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def _end_as(status: int) -> Never:
    if os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core file is enough
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1:])
