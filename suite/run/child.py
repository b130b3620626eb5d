"""The process of one run: its order comes on its lifeline, its messages go into a pipe.

``python -m suite.run.child LIFELINE MESSAGES`` names both by number. The order is one line, a
``suite.run.job.Job`` as JSON; the messages are those of ``suite.run.messages``, a line each. Standard output
and error are the learner's: the parent keeps them as the run's log. The process is interrupted where it is to
end early. It has no thread of its own, and what a learner forks has neither pipe.
"""

from __future__ import annotations

import atexit
import bdb
import faulthandler
import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Never

from protocol import AmtlbError, LearnerError, RunBusy, describe, load, parse_run_id
from suite.results.store import Store
from suite.run.job import Job
from suite.run.messages import (
    BUSY_STATUS,
    STOPPED_STATUS,
    Begun,
    EpisodeEnd,
    Failed,
    Measured,
    Message,
    Overrun,
    Played,
    Point,
    message_line,
)
from suite.run.play import play
from suite.run.points import Returns, Speeds
from suite.run.space import is_full, room_for, where_full

REPORT_SECONDS = 0.5
_NO_TERMINAL = (
    "the learner called for a debugger, which needs a terminal; play it with `amtlb run {} --foreground`"
)


class _Sender:
    """Sends the parent what a run reports: progress at most every REPORT_SECONDS, points at each hundredth.

    Args:
        pipe: the number of its writing end.
    """

    def __init__(self, pipe: int) -> None:
        os.set_inheritable(pipe, False)
        self._pipe, self._known_as = pipe, _identity(pipe)
        self._next = 0.0
        self._returns: Returns | None = None
        self._speeds: Speeds | None = None
        self._stall_seconds: float | None = None

    def follow(self, job: Job) -> None:
        """Take the metrics of this run from what is reported, and watch that it goes on."""
        protocol = load(job.protocol_version)
        self._returns = Returns(describe(parse_run_id(job.run_id, protocol), protocol))
        self._speeds = Speeds(self._returns, time.monotonic())
        self._stall_seconds = None if job.foreground else 60 * job.stall_minutes
        self._watch()

    def report(self, event: Begun | Played | EpisodeEnd | Overrun) -> None:
        """Pass on what the run reports; a ``suite.run.messages.Listener``."""
        if isinstance(event, Played):
            self._progress(event)
        elif isinstance(event, Begun):
            if self._speeds is not None:
                self._speeds.begin(time.monotonic())
            self.send(event)
        elif isinstance(event, Overrun):
            self._end_now(event.error)
        elif self._returns is not None:
            self._send_points(self._returns.add(event))

    def finish(self) -> None:
        """Send the points that are left: the run is complete."""
        if self._returns is not None:
            self._send_points(self._returns.finish())

    def send(self, message: Message) -> None:
        """Write a message at once; where the parent is gone, the run's reaper ends it.

        Raises:
            LearnerError: something in this process has closed the pipe.
        """
        if _identity(self._pipe) != self._known_as:
            raise LearnerError(
                "the learner closed the files that its process had open, the harness's among them; it may "
                "close its own only"
            )
        line = message_line(message).encode() + b"\n"
        with suppress(BrokenPipeError):
            while line:
                line = line[os.write(self._pipe, line) :]

    def forget(self) -> None:
        """Close the pipe, once: this is a process that the learner has forked, or one that such a one has."""
        if _identity(self._pipe) == self._known_as:
            os.close(self._pipe)

    def _progress(self, played: Played) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REPORT_SECONDS
            self._watch()
            self.send(played)
            if self._speeds is not None:
                self._send_points(self._speeds.add(played, now))

    def _watch(self) -> None:
        """From now on, a run without progress shows in its log where it stands; the parent ends it then."""
        if self._stall_seconds is not None:
            faulthandler.dump_traceback_later(self._stall_seconds, file=2)

    def _send_points(self, points: list[Point]) -> None:
        if points:
            self.send(Measured(points=tuple(points)))

    def _end_now(self, error: str) -> Never:
        """End the process without going back into the learner, which would let nothing through."""
        try:
            self.send(Failed(error=error))
            atexit._run_exitfuncs()
            sys.stdout.flush()
        finally:
            os._exit(1)


def _identity(pipe: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(pipe)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read_order(lifeline: int) -> Job:
    with os.fdopen(lifeline, "rb", buffering=0) as stream:
        return Job.model_validate_json(stream.readline())


def _prepare(job: Job, sender: _Sender) -> None:
    """Make this a process in which a learner may do what learners do."""
    for number in (signal.SIGINT, signal.SIGTERM):  # whoever started the parent may have had them ignored
        signal.signal(number, signal.default_int_handler)
    os.register_at_fork(after_in_child=sender.forget)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what is printed is kept, however the process ends
    if not job.foreground and "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = lambda *_, **__: _refuse_debugger(job)


def _refuse_debugger(job: Job) -> Never:
    raise LearnerError(_NO_TERMINAL.format(job.run_id))


def _in_words(error: BaseException, job: Job) -> str:
    """An error in one line."""
    if isinstance(error, AmtlbError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if isinstance(error, bdb.BdbQuit):
        return "it was left in the debugger" if job.foreground else _NO_TERMINAL.format(job.run_id)
    if is_full(error):
        store = Store(Path(job.folder), load(job.protocol_version))
        needed = room_for(describe(parse_run_id(job.run_id, store.protocol), store.protocol), store)
        return f"{where_full(needed)} ({error})"
    return f"{type(error).__name__}: {error}"


def _tell(error: BaseException, job: Job, sender: _Sender) -> None:
    """Send the parent what went wrong, then print it into the log, which may have no room left."""
    with suppress(LearnerError):  # the pipe is closed, which the log says
        sender.send(Failed(error=" ".join(_in_words(error, job).split()), disk_full=is_full(error)))
    with suppress(OSError, ValueError):
        if isinstance(error, AmtlbError):
            print(f"error: {error}", file=sys.stderr, flush=True)
        elif not isinstance(error, KeyboardInterrupt):
            traceback.print_exception(error)


def _status(error: BaseException) -> int:
    if isinstance(error, RunBusy):
        return BUSY_STATUS
    return STOPPED_STATUS if isinstance(error, KeyboardInterrupt) else 1


def main(arguments: Sequence[str]) -> int:
    """Play the run that the lifeline orders; the exit status is 0 when it is complete."""
    lifeline, pipe = map(int, arguments)
    job = _read_order(lifeline)
    sender = _Sender(pipe)
    try:
        _prepare(job, sender)
        sender.follow(job)
        play(job, sender.report)
        sender.finish()
    except BaseException as error:
        if not isinstance(error, RunBusy):  # the log is the other process's
            _tell(error, job, sender)
        return _status(error)
    finally:
        faulthandler.cancel_dump_traceback_later()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
