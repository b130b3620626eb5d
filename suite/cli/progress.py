"""The progress of long commands on a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from protocol import Run
from suite.benchmark.process import RunEnd
from suite.benchmark.scheduler import Notice, Progress
from suite.untrusted.text import duration_text


class ProgressDisplay:
    """Shows runs done, steps per second and the time left: live on a terminal, one line per run elsewhere.

    Steps of evaluation are counted at their cap, so the time left is an upper estimate: of all steps at the
    speed so far or that of the longest chain of runs at the speed of one run, whichever is longer.

    Args:
        console: where to write.
        runs: all runs of the edition.
        missing: those that are to be played.
    """

    def __init__(self, console: Console, runs: Sequence[Run], missing: Sequence[Run]) -> None:
        self._console = console
        self._most = {str(run.run_id): run.most_steps for run in missing}
        self._start = {str(run.run_id): str(run.starts_from) for run in missing}
        self._played: dict[str, int] = {}
        self._left: set[str] = set()
        self._ended = 0
        self._total, self._done_before = len(runs), len(runs) - len(missing)
        self._started = time.monotonic()
        self._lock = threading.Lock()  # progress comes from one thread, ends from another
        self._bar = ProgressBar(
            TextColumn("runs"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total, completed=self._done_before, speed="", left="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, news: Progress | RunEnd | Notice) -> None:
        """Take in how far a run is, how it ended, or what else a user should know."""
        with self._lock:
            if isinstance(news, Notice):
                self._console.print(news.text, markup=False, highlight=False, soft_wrap=True)
            elif isinstance(news, Progress):
                self._go_on(news)
            else:
                self._end(news)
            self._update()

    def _go_on(self, news: Progress) -> None:
        """Take in how far a run is; say, once, what it goes on with."""
        if news.resumed_steps and news.run_id not in self._played:
            share = news.resumed_steps / self._most[news.run_id]
            self._console.print(
                f"{news.run_id} resumes after {news.resumed_steps:,} agent steps, {share:.0%} of its maximum",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            self._most[news.run_id] -= news.resumed_steps
        self._played[news.run_id] = news.steps - news.resumed_steps

    def _end(self, end: RunEnd) -> None:
        if end.status == "elsewhere":
            self._leave(end)
            return
        self._ended += 1
        self._most[end.run_id] = self._played.get(end.run_id, 0)
        place = f"[{self._done_before + self._ended:>{len(str(self._total))}}/{self._total}]"
        if end.status == "complete":
            untracked = f", not tracked: {end.untracked}" if end.untracked else ""
            text = f"{place} {end.run_id} complete{untracked}{self._left_in_words(', ')}"
        else:
            text = f"{place} {end.run_id} {end.status}: {end.error} (log: {end.log})"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _leave(self, end: RunEnd) -> None:
        """Say, once, that a run is waited for."""
        if end.run_id not in self._left:
            self._left.add(end.run_id)
            self._console.print(
                f"{end.run_id} is waited for: {end.error}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def _update(self) -> None:
        speed = self._speed()
        self._bar.update(
            self._task,
            completed=self._done_before + self._ended,
            speed=f"{speed:,.0f} steps/s",
            left=self._left_in_words(""),
        )

    def _speed(self) -> float:
        """Steps per second of all runs together, so far."""
        seconds = time.monotonic() - self._started
        return sum(self._played.values()) / seconds if seconds else 0.0

    def _left_in_words(self, before: str) -> str:
        """The time until all runs have ended; empty where there is none left, or no speed yet."""
        speed = self._speed()
        steps = {run: max(0, most - self._played.get(run, 0)) for run, most in self._most.items()}
        if not speed or not any(steps.values()):
            return ""
        playing = sum(0 < steps[run] < self._most[run] for run in steps)
        chain = max(left + steps.get(self._start[run], 0) for run, left in steps.items())
        seconds = max(sum(steps.values()), chain * max(1, playing)) / speed
        return f"{before}at most {duration_text(seconds)} left"


class CountDisplay:
    """Shows how many of so many things are done, on a terminal only."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = ProgressBar(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def count(self) -> None:
        """One more is done."""
        self._bar.advance(self._task)

    def show(self, done: int, total: int) -> None:
        """So many of so many are done."""
        self._bar.update(self._task, completed=done, total=total)
