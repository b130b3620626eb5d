"""One run in a fresh process: its start, and how it ended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from protocol import (
    AmtlbError,
    BoxError,
    ForeignProtocol,
    LearnerError,
    RunId,
    StoreError,
    UnknownName,
    describe,
    load,
    parse_run_id,
)
from suite.benchmark.endings import end_of, how_it_ended, out_of_memory_kills
from suite.benchmark.guarded_process import GuardedProcess
from suite.benchmark.supervision import Supervisor
from suite.contained.boxes import remove_orphans
from suite.contained.spec import BoxSpec
from suite.learners.hyperparameters import VARIABLE
from suite.results.player import Renewal
from suite.results.store import Store
from suite.run.job import Job
from suite.run.messages import BUSY_STATUS, STOPPED_STATUS, Message, Played, Status
from suite.run.space import is_full, room_for, where_full
from suite.tracking.tracker import follow


@dataclass(frozen=True)
class Task:
    """One run to be played in a process of its own.

    Attributes:
        job: the orders of the process.
        log: the file that receives what the run prints, absolute; in the foreground, the terminal does.
        tracked: whether it is a Sacred run, too.
        hyperparameters: given to its learner, as JSON; empty: none.
        cwd: the working folder of its process; None: this process's.
    """

    job: Job
    log: str
    tracked: bool
    hyperparameters: str = ""
    cwd: str | None = None


@dataclass(frozen=True)
class RunEnd:
    """The end of a run.

    Attributes:
        run_id: the run.
        status: how it ended.
        error: why it is not complete; empty where it is.
        log: the file that has what it printed.
        untracked: what could not be tracked, and why; empty: nothing.
        disk_full: whether it failed because a disk was full, which another machine's may not be.
    """

    run_id: str
    status: Status
    error: str
    log: str
    untracked: str = ""
    disk_full: bool = False


def ask(
    module: str,
    *arguments: str,
    timeout_seconds: float | None = None,
    cwd: str | None = None,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run a module in a fresh process, under the settings that a run's process has, and wait for its end.

    What the module leaves behind is ended with it.

    Args:
        module: run as ``python -m`` does.
        arguments: of its command line.
        timeout_seconds: it is ended after that; None: it may take as long as it likes.
        cwd: its working folder; None: this process's.
        variables: of its environment, besides.

    Raises:
        TimeoutExpired: of ``subprocess``: it took too long.
    """
    with _memory_file("stdout") as out, _memory_file("stderr") as errors:
        with GuardedProcess(
            module, arguments, stdout=out, stderr=errors, variables=variables, cwd=cwd
        ) as process:
            status = process.wait(timeout_seconds)
        said, wrong = (os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0) for file in (out, errors))
    return subprocess.CompletedProcess(
        [module, *arguments], status, said.decode("utf-8", "replace"), wrong.decode("utf-8", "replace")
    )


def _memory_file(name: str) -> IO[bytes]:
    """A file that needs no disk and, unlike a pipe, ends when one looks at it, whoever else has it open."""
    return os.fdopen(os.memfd_create(name), "w+b")


def answer_of(
    module: str,
    learner: str,
    *arguments: str,
    doing: str,
    minutes: float | None,
    limit: str = "",
    cwd: str | None = None,
    **variables: str,
) -> str:
    """A module's answer about a learner, from a process of its own, where the learner meets nothing of ours.

    Args:
        module: prints its answer; where there is none, the last line of its errors is ``error: `` and why.
        learner: ``module:function``, its first argument.
        arguments: the others.
        doing: what takes the time, such as "importing it".
        minutes: it may take so long; None: as long as it likes.
        limit: how the user sets that, in words that follow the number.
        cwd: its working folder; None: this process's.
        variables: of its environment, besides.

    Raises:
        UnknownName: there is no such learner, or it does not take one of the hyper-parameters.
        LearnerError: it failed, or takes longer than it may.
    """
    seconds = None if minutes is None else 60 * minutes
    try:
        done = ask(module, learner, *arguments, timeout_seconds=seconds, cwd=cwd, **variables)
    except subprocess.TimeoutExpired as error:
        raise LearnerError(
            f"learner {learner!r}: {doing} takes more than {minutes:g} minutes{limit}"
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        if not last.startswith("error: "):
            last = f"learner {learner!r}: {doing} ended the process with status {done.returncode}: {last}"
        raise (UnknownName if done.returncode == 2 else LearnerError)(last.removeprefix("error: "))
    return done.stdout


def check_importable(learner: str, stall_minutes: float | None = None, hyperparameters: str = "") -> None:
    """Import a learner in a process of its own.

    Raises:
        UnknownName: there is no such learner, or it does not take one of the hyper-parameters.
        LearnerError: importing it fails, or takes longer than it may.
    """
    answer_of(
        "suite.learners.contract",
        learner,
        doing="importing it",
        minutes=stall_minutes,
        limit=", which is the limit of --stall-minutes",
        **{VARIABLE: hyperparameters},
    )


def run_child(task: Task, report: Callable[[Played], None], stopped: Callable[[], bool]) -> RunEnd:
    """Play one run in a fresh process and wait for its end, unless it is complete or another process plays it.

    Args:
        task: the run.
        report: takes how far the run is, about twice a second.
        stopped: asked about twice a second; true ends the run.
    """
    if (end := _recorded(task)) is not None:
        return end
    store, run_id = _place(task.job)
    if store.is_being_played(run_id):
        return _elsewhere(task)
    if store.complete_left(run_id) and (end := _recorded(task)) is not None:
        return end
    with follow(task.job) if task.tracked else nullcontext() as follower:

        def pass_on(message: Message) -> None:
            if isinstance(message, Played):
                report(message)
            if follower:
                follower.take(message)

        try:
            end = _run_child(task, pass_on, stopped)
        finally:
            _remove_orphans(task.job.box)
        if follower:
            end = replace(end, untracked=follower.end(end.status, end.error))
    return end


def _remove_orphans(box: BoxSpec | None) -> None:
    """Remove the box of a run whose process was killed before it could, this one or an earlier one."""
    if box is not None:
        with suppress(BoxError):  # it must not hide how the run ended; the next run tries again
            remove_orphans(box)


def _place(job: Job) -> tuple[Store, RunId]:
    store = Store(Path(job.folder), load(job.protocol_version))
    return store, parse_run_id(job.run_id, store.protocol)


def _elsewhere(task: Task) -> RunEnd:
    return RunEnd(task.job.run_id, "elsewhere", "another process plays it", task.log)


def _recorded(task: Task) -> RunEnd | None:
    """The end of a run as its record says it, whoever played it; None: no record, so it is not complete."""
    job = task.job
    store, run_id = _place(job)
    try:
        if not store.is_complete(run_id):
            return None
        record = store.record(run_id)
        if record.learner != job.learner:
            raise ForeignProtocol(f"{job.folder} holds this run of {record.learner}; choose another folder")
    except AmtlbError as error:
        return RunEnd(job.run_id, "failed", str(error), task.log)
    return RunEnd(job.run_id, "complete", "", task.log)


def _has_record(task: Task) -> bool:
    """True if the run is complete; False also if that cannot be read, since a disk may be away for a moment."""
    store, run_id = _place(task.job)
    with suppress(StoreError):
        return store.is_complete(run_id)
    return False


def _run_child(task: Task, pass_on: Callable[[Message], None], stopped: Callable[[], bool]) -> RunEnd:
    job = task.job
    kills, log = out_of_memory_kills(), Path(task.log)
    store, run_id = _place(job)
    renewal = Renewal(store.player_path(run_id))

    def is_over() -> bool:
        return renewal.renew() or stopped()

    before = log.stat().st_size if log.exists() else 0  # what an earlier try has printed
    try:
        with _started(task) as (process, messages):
            process.order(job.model_dump_json().encode())
            supervisor = Supervisor(process, task.log, job, lambda: _has_record(task), pass_on, is_over)
            supervisor.attend(messages)
            status = process.end()
    except OSError as error:
        if not is_full(error):
            raise
        reason = where_full(room_for(describe(run_id, store.protocol), store))
        return RunEnd(job.run_id, "failed", f"{reason} ({error})", task.log, disk_full=True)
    if (end := _recorded(task)) is not None:
        return end
    if status == BUSY_STATUS or renewal.lost:
        return _elsewhere(task)
    if supervisor.stopped or (status == STOPPED_STATUS and not supervisor.was_ended):
        return RunEnd(job.run_id, "stopped", "stopped", task.log)
    kills = out_of_memory_kills() - kills
    reason = supervisor.error or how_it_ended(status, "the run was complete", kills, end_of(log, before))
    return RunEnd(job.run_id, "failed", reason, task.log, disk_full=supervisor.disk_full)


@contextmanager
def _started(task: Task) -> Iterator[tuple[GuardedProcess, IO[bytes]]]:
    """The process of a run, and the pipe of its messages."""
    job = task.job
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as messages:
        try:
            with nullcontext() if job.foreground else Path(task.log).open("ab") as output:
                process = GuardedProcess(
                    "suite.run.child",
                    [str(writing)],
                    ordered=True,
                    stdin=None if job.foreground else subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    passed=[writing],
                    foreground=job.foreground,
                    variables={"AMTLB_DEVICE": job.device, VARIABLE: task.hyperparameters},
                    cwd=task.cwd,
                )
        finally:
            os.close(writing)
        with process:
            yield process, messages
