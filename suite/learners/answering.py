"""The answer of a process that is asked about a learner, and the error in its place.

``suite.benchmark.process.answer_of`` asks, and reads both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from protocol import UnknownName


@contextmanager
def answer_stream() -> Iterator[TextIO]:
    """The stream of the answer; all that the learner prints, until the process ends, goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with stream:
        yield stream


def say_error(error: Exception | str) -> int:
    """Print an error in one line on standard error; the exit status: 2 for an unknown name, otherwise 1."""
    print("error: " + " ".join(str(error).split()), file=sys.stderr, flush=True)
    return 2 if isinstance(error, UnknownName) else 1
