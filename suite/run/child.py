"""The process of one run: told what to play on its standard input, tells how far it is on its output.

Input: one line, a ``suite.run.job.Job`` as JSON; then nothing, and its end means that the parent is gone and
that the run is to stop. Output: lines of JSON, ``{"steps": n}`` now and then, ``{"begun": {...}}`` once,
``{"points": [[name, frames, value], ...]}`` at most at each hundredth of the run, and ``{"error": text}`` at
most once. What a learner prints goes to standard error, which the parent keeps as the run's log.
"""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
import time
import traceback
from typing import Any, TextIO

from protocol import AmtlbError, describe, load, parse_run_id
from suite.run.job import Job
from suite.run.messages import Begun, Ended
from suite.run.play import play
from suite.run.points import SPEED, Point, Returns

REPORT_SECONDS = 0.5
_LAST_GRACE_SECONDS = 10


class _Teller:
    """Writes lines of JSON for the parent: progress at most every REPORT_SECONDS, points at each hundredth."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next = 0.0
        self._returns: Returns | None = None
        self._hundredth, self._since_steps, self._since = 1, 0, time.monotonic()

    def follow(self, job: Job) -> None:
        """Take the metrics of this run from what is heard."""
        protocol = load(job.protocol_version)
        run = describe(parse_run_id(job.run_id, protocol), protocol)
        self._returns = Returns(run, protocol.environment.frame_skip)

    def hear(self, news: int | Begun | Ended) -> None:
        """Pass news of the run on; a ``suite.run.messages.Report``."""
        if isinstance(news, int):
            self._progress(news)
        elif isinstance(news, Begun):
            self._since = time.monotonic()
            self.tell({"begun": vars(news)})
        elif self._returns is not None:
            self._tell_points(self._returns.add(news))

    def finish(self) -> None:
        """Tell the points that are left: the run is complete."""
        if self._returns is not None:
            self._tell_points(self._returns.finish())

    def tell(self, message: dict[str, Any]) -> None:
        try:
            print(json.dumps(message), file=self._stream, flush=True)
        except BrokenPipeError:
            pass  # the parent is gone; the end of standard input stops the run

    def _progress(self, steps: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REPORT_SECONDS
            self.tell({"steps": steps})
            self._tell_speed(steps, now)

    def _tell_speed(self, steps: int, now: float) -> None:
        if self._returns is None or (hundredth := self._returns.hundredth(steps)) == self._hundredth:
            return
        speed = (steps - self._since_steps) / (now - self._since)
        frames = self._returns.frames(hundredth - 1)
        self._hundredth, self._since_steps, self._since = hundredth, steps, now
        self._tell_points([Point(SPEED, frames, round(speed, 1))])

    def _tell_points(self, points: list[Point]) -> None:
        if points:
            self.tell({"points": points})


def _stop_when_parent_ends() -> None:
    sys.stdin.buffer.read()
    _thread.interrupt_main()
    time.sleep(_LAST_GRACE_SECONDS)
    os._exit(130)


def main() -> int:
    """Play the run that standard input names; the exit status is 0 when it is complete."""
    teller = _Teller(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    job = Job.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_stop_when_parent_ends, daemon=True).start()
    try:
        teller.follow(job)
        play(job, teller.hear)
        teller.finish()
    except AmtlbError as error:
        print(f"error: {error}", file=sys.stderr)
        teller.tell({"error": str(error)})
        return 1
    except KeyboardInterrupt:
        teller.tell({"error": "stopped"})
        return 130
    except Exception as error:
        traceback.print_exc()
        teller.tell({"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the lifeline thread sits in a read that nothing else would end
