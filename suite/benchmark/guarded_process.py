"""Fresh processes for modules that import a learner: each with a reaper, which ends what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

from suite.learners.hyperparameters import VARIABLE
from suite.machine import RUN_SETTINGS
from suite.run.reaper import GRACE_SECONDS, LAST_SECONDS
from suite.tracking.mongo_url import environment_without_url

END_SECONDS = GRACE_SECONDS + 2 * LAST_SECONDS + 1
"""The most seconds that a reaper may take to end its process and what that left; then it is killed."""


class GuardedProcess:
    """A module that runs in a fresh process, under the settings that a run's process has.

    When the block ends, or this process does, so do the module's process and all that it started.

    Args:
        module: run as ``python -m`` does.
        arguments: of its command line.
        ordered: whether the number of its lifeline, from which it reads an order, is the first of these.
        stdin: what it reads.
        stdout: what its standard output is.
        stderr: what its standard error is.
        passed: open files that it has under the same numbers.
        foreground: whether it stays in the terminal's foreground, where an interrupt reaches it at once.
        variables: of its environment, besides.
        cwd: its working folder, from which it may import a learner; None: this process's.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        ordered: bool = False,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        passed: Sequence[int] = (),
        foreground: bool = False,
        variables: dict[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        reading, self._lifeline = os.pipe()
        reaper = [sys.executable, "-P", "-m", "suite.run.reaper", str(reading)]
        try:
            self._process = subprocess.Popen(
                [*reaper, sys.executable, "-P", "-m", module, *([str(reading)] if ordered else []), *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[reading, *passed],
                cwd=cwd,
                env=environment_without_url() | RUN_SETTINGS | {VARIABLE: ""} | (variables or {}),
                start_new_session=not foreground,  # an interrupt from the terminal is this process's to hand on
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(reading)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def order(self, line: bytes) -> None:
        """Write a line that the module reads from the lifeline; if it has ended, that is reported elsewhere."""
        with suppress(BrokenPipeError):
            os.write(self._lifeline, line + b"\n")

    def interrupt(self) -> None:
        """Ask it to end."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def wait(self, seconds: float | None = None) -> int:
        """Wait for its end, that of all that it started included; its exit status, negative: a signal's number.

        Raises:
            TimeoutExpired: of ``subprocess``: it has not ended in time.
        """
        return self._process.wait(seconds)

    def end(self) -> int:
        """Make it end, if it has not; its exit status."""
        self.interrupt()
        try:
            return self.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self.wait()
