"""The process of one run: told what to play on its standard input, tells how far it is on its output.

Input: one line, a ``suite.play.Job`` as JSON; then nothing, and its end means that the parent is gone and
that the run is to stop. Output: lines of JSON, ``{"steps": n}`` now and then and ``{"error": text}`` at most
once. What a learner prints goes to standard error, which the parent keeps as the run's log.
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

from protocol import AmtlbError
from suite.play import Job, play

REPORT_SECONDS = 0.5
_LAST_GRACE_SECONDS = 10


class _Teller:
    """Writes lines of JSON for the parent; progress at most every REPORT_SECONDS."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next = 0.0

    def progress(self, steps: int) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + REPORT_SECONDS
            self.tell({"steps": steps})

    def tell(self, message: dict[str, Any]) -> None:
        try:
            print(json.dumps(message), file=self._stream, flush=True)
        except BrokenPipeError:
            pass  # the parent is gone; the end of standard input stops the run


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
        play(job, teller.progress)
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
