"""The process of one run: its order comes on standard input, its messages go to standard output.

Input: one line, a ``suite.run.job.Job`` as JSON; then nothing, and its end means that the parent is gone and
that the run is to stop. Output: the messages of ``suite.run.messages``, a line each. What a learner prints goes
to standard error, which the parent keeps as the run's log.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
import traceback
from typing import TextIO

from protocol import AmtlbError, describe, load, parse_run_id
from suite.run.job import Job
from suite.run.messages import Begun, EpisodeEnd, Failed, Measured, Message, Played, Point, message_line
from suite.run.play import play
from suite.run.points import SPEED, Returns

REPORT_SECONDS = 0.5
_LAST_GRACE_SECONDS = 10


class _Sender:
    """Sends the parent what a run reports: progress at most every REPORT_SECONDS, points at each hundredth."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next = 0.0
        self._returns: Returns | None = None
        self._hundredth, self._since_steps, self._since = 1, 0, time.monotonic()

    def follow(self, job: Job) -> None:
        """Take the metrics of this run from what is reported."""
        protocol = load(job.protocol_version)
        self._returns = Returns(describe(parse_run_id(job.run_id, protocol), protocol))

    def report(self, event: Begun | Played | EpisodeEnd) -> None:
        """Pass on what the run reports; a ``suite.run.messages.Listener``."""
        if isinstance(event, Played):
            self._progress(event)
        elif isinstance(event, Begun):
            self._since = time.monotonic()
            self.send(event)
        elif self._returns is not None:
            self._send_points(self._returns.add(event))

    def finish(self) -> None:
        """Send the points that are left: the run is complete."""
        if self._returns is not None:
            self._send_points(self._returns.finish())

    def send(self, message: Message) -> None:
        """Write a message at once."""
        try:
            print(message_line(message), file=self._stream, flush=True)
        except BrokenPipeError:
            pass  # the parent is gone; the end of standard input stops the run

    def _progress(self, played: Played) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REPORT_SECONDS
            self.send(played)
            self._send_speed(played.steps, now)

    def _send_speed(self, steps: int, now: float) -> None:
        if self._returns is None or (hundredth := self._returns.hundredth(steps)) == self._hundredth:
            return
        speed = (steps - self._since_steps) / (now - self._since)
        frames = self._returns.frames(hundredth - 1)
        self._hundredth, self._since_steps, self._since = hundredth, steps, now
        self._send_points([Point(SPEED, frames, round(speed, 1))])

    def _send_points(self, points: list[Point]) -> None:
        if points:
            self.send(Measured(points=tuple(points)))


def _stop_when_parent_ends() -> None:
    sys.stdin.buffer.read()
    _thread.interrupt_main()
    time.sleep(_LAST_GRACE_SECONDS)
    os._exit(130)


def main() -> int:
    """Play the run that standard input names; the exit status is 0 when it is complete."""
    sender = _Sender(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    job = Job.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_stop_when_parent_ends, daemon=True).start()
    try:
        sender.follow(job)
        play(job, sender.report)
        sender.finish()
    except AmtlbError as error:
        print(f"error: {error}", file=sys.stderr)
        sender.send(Failed(error=str(error)))
        return 1
    except KeyboardInterrupt:
        sender.send(Failed(error="stopped"))
        return 130
    except Exception as error:
        traceback.print_exc()
        sender.send(Failed(error=f"{type(error).__name__}: {error}"))
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the lifeline thread sits in a read that nothing else would end
