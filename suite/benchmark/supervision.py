"""The supervision of a run by its parent: its messages until its process has ended, and the order to end."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from protocol import LearnerError
from suite.benchmark.guarded_process import END_SECONDS, GuardedProcess
from suite.run.job import Job
from suite.run.messages import Failed, Message, read_message

POLL_SECONDS = 0.5
EXIT_SECONDS = 60.0
"""The most seconds that a run that is complete, or has failed, may take for its exit handlers."""
_MOST_BETWEEN_LOOKS = 10.0
"""Seconds: a process that is not paused looks twice a second."""
_DUMP_SECONDS = 2.0
"""The most seconds that the run's own clock, at whose limit it dumps where it stands, may be behind."""
_LOG_TAIL_BYTES = 2**16


class Supervisor:
    """Receives a run's messages, and ends it where it was stopped, stalls, or does not come to its end.

    Args:
        process: the run's process.
        log: where it prints.
        job: its orders.
        complete: asked about twice a second: whether the run is complete.
        pass_on: takes each message.
        stopped: asked about twice a second; true ends the run.

    Attributes:
        error: why the run failed, as far as its messages or its end say; empty: they do not.
        stopped: whether the run was ended because ``stopped`` said so.
        disk_full: whether the run said that a disk is full.
    """

    def __init__(
        self,
        process: GuardedProcess,
        log: str,
        job: Job,
        complete: Callable[[], bool],
        pass_on: Callable[[Message], None],
        stopped: Callable[[], bool],
    ) -> None:
        self.error, self.stopped, self.disk_full = "", False, False
        self._process, self._log, self._job = process, Path(log), job
        self._complete, self._pass_on, self._is_stopped = complete, pass_on, stopped
        self._news = self._looked = time.monotonic()
        self._over: float | None = None  # when it had nothing more to say
        self._given_up: float | None = None  # when it was asked to end

    @property
    def was_ended(self) -> bool:
        """True if the run was ordered to end, rather than ending by itself."""
        return self._given_up is not None

    def attend(self, messages: IO[bytes]) -> None:
        """Receive messages until their pipe ends: with the run's process and all that this started."""
        rest, ready = b"", select.poll()  # select knows no file above 1023
        ready.register(messages, select.POLLIN)
        while self._given_up is None or time.monotonic() < self._given_up + END_SECONDS:
            if ready.poll(1000 * POLL_SECONDS):
                if not (chunk := os.read(messages.fileno(), 65536)):
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._receive(line)
            if self._given_up is None:
                self._look()

    def _receive(self, line: bytes) -> None:
        if self._given_up is not None:
            return
        try:
            message = read_message(line)
        except LearnerError as error:
            self.error = str(error)
            self._give_up()
            return
        self._news = time.monotonic()
        if isinstance(message, Failed):
            self.error, self.disk_full, self._over = message.error, message.disk_full, self._news
        self._pass_on(message)

    def _look(self) -> None:
        """End a run that is to be stopped, stalls, or does not end."""
        now = time.monotonic()
        if (slept := now - self._looked - _MOST_BETWEEN_LOOKS) > 0:  # both were paused
            self._news += slept
        self._looked = now
        if self._is_stopped():
            self.stopped = True
            self._give_up()
            return
        if self._over is None:
            if self._complete():
                self._over = now
            elif not self._job.foreground and now > self._news + 60 * self._job.stall_minutes + _DUMP_SECONDS:
                self.error = (
                    f"no step for {self._job.stall_minutes:g} minutes, which is the limit of --stall-minutes; "
                    f"it stood at {_where_it_stands(self._log)}"
                )
                self._give_up()
        elif now > self._over + EXIT_SECONDS:
            self._give_up()

    def _give_up(self) -> None:
        self._given_up = time.monotonic()
        self._process.interrupt()


def _where_it_stands(log: Path) -> str:
    """The innermost call of the main thread, from what the run's own clock has dumped into its log."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
        dumped = file.read().decode("utf-8", "replace").rpartition("Timeout (")[2]
    thread = dumped.rpartition("(most recent call first):\n")[2]  # the main one is last
    found = re.match(r'\s*File "(.*)", line (\d+) in (\S+)', thread)
    return f"{found[1]}:{found[2]} in {found[3]}" if found else "no place that its log shows"
