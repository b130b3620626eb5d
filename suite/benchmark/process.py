"""One run in a fresh process: its start, its messages, and how it ended."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from protocol import LearnerError, UnknownName
from suite.learners.hyperparameters import VARIABLE
from suite.machine import RUN_SETTINGS
from suite.run.job import Job
from suite.run.messages import Failed, Message, Played, Status, read_message
from suite.tracking.mongo_url import environment_without_url
from suite.tracking.tracker import follow

_POLL_SECONDS = 0.5
_STOP_SECONDS = 20


@dataclass(frozen=True)
class Task:
    """One run to be played in a process of its own.

    Attributes:
        job: what the process is told.
        log: the file that receives what the run prints, absolute.
        tracked: whether it is a Sacred run, too.
        hyperparameters: given to its learner, as JSON; empty: none.
    """

    job: Job
    log: str
    tracked: bool
    hyperparameters: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``error`` is empty when it is complete, ``untracked`` when tracking went well."""

    run_id: str
    status: Status
    error: str
    log: str
    untracked: str = ""


def ask(
    module: str, *arguments: str, timeout_seconds: float | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a module in a fresh process, under the settings that a run's process has.

    Args:
        module: run as ``python -m`` does.
        arguments: of its command line.
        timeout_seconds: it is killed after that; None: it may take as long as it likes.
        variables: of its environment, besides.

    Raises:
        TimeoutExpired: of ``subprocess``: it took too long.
    """
    return subprocess.run(
        [sys.executable, "-P", "-m", module, *arguments],
        env=environment_without_url() | RUN_SETTINGS | {VARIABLE: ""} | variables,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout_seconds,
    )


def check_importable(learner: str, hyperparameters: str = "") -> None:
    """Import a learner in a process of its own, where it meets nothing of ours.

    Raises:
        UnknownName: there is no such learner, or it does not take one of the hyper-parameters.
        LearnerError: importing it fails.
    """
    done = ask("suite.learners.contract", learner, AMTLB_HYPERPARAMETERS=hyperparameters)
    if not done.returncode:
        return
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if not last.startswith("error: "):
        last = f"learner {learner!r}: importing it ended the process with status {done.returncode}: {last}"
    raise (UnknownName if done.returncode == 2 else LearnerError)(last.removeprefix("error: "))


def run_child(task: Task, report: Callable[[Played], None], stopped: Callable[[], bool]) -> Outcome:
    """Play one run in a fresh process and wait for its end.

    Args:
        task: the run.
        report: takes how far the run is, about twice a second.
        stopped: asked about twice a second; true ends the run.
    """
    with follow(task.job) if task.tracked else nullcontext() as follower:

        def pass_on(message: Message) -> None:
            if isinstance(message, Played):
                report(message)
            if follower:
                follower.take(message)

        outcome = _run_child(task, pass_on, stopped)
        if follower:
            outcome = replace(outcome, untracked=follower.end(outcome.status, outcome.error))
    return outcome


def _run_child(task: Task, pass_on: Callable[[Message], None], stopped: Callable[[], bool]) -> Outcome:
    given = {VARIABLE: task.hyperparameters, "AMTLB_DEVICE": task.job.device}
    environment = environment_without_url() | RUN_SETTINGS | given
    command = [sys.executable, "-P", "-m", "suite.run.child"]  # the folder here hides nothing
    with (
        Path(task.log).open("w", encoding="utf-8") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=environment,
            start_new_session=True,  # an interrupt from the terminal is the parent's to hand on
        ) as child,
    ):
        try:
            error, status = _attend(child, task.job, pass_on, stopped)
        except LearnerError as problem:
            return Outcome(task.job.run_id, "failed", str(problem), task.log)
    if status == 0:
        return Outcome(task.job.run_id, "complete", "", task.log)
    if status == 130:
        return Outcome(task.job.run_id, "stopped", "stopped", task.log)
    reason = error or f"its process ended with status {status} (negative: killed by that signal)"
    return Outcome(task.job.run_id, "failed", reason, task.log)


def _attend(
    child: subprocess.Popen[bytes],
    job: Job,
    pass_on: Callable[[Message], None],
    stopped: Callable[[], bool],
) -> tuple[str, int]:
    """Hand a child its job and pass its messages on until it ends; its error, if any, and its exit status.

    Raises:
        LearnerError: the child wrote something that is no message; it has been ended.
    """
    assert child.stdin is not None
    assert child.stdout is not None
    error = ""
    try:
        child.stdin.write(job.model_dump_json().encode() + b"\n")
        child.stdin.flush()
        for message in _messages(child.stdout, stopped):
            if isinstance(message, Failed):
                error = message.error
            pass_on(message)
        if not stopped():
            # Its output has ended, so it is about to: it must not see its input end as well.
            with suppress(subprocess.TimeoutExpired):
                child.wait(_STOP_SECONDS)
    finally:
        child.stdin.close()
        try:
            status = child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            status = child.wait()
    return error, status


def _messages(stream: IO[bytes], stopped: Callable[[], bool]) -> Iterator[Message]:
    """The child's messages until it ends or is to be stopped."""
    rest = b""
    while not stopped():
        if not select.select([stream], [], [], _POLL_SECONDS)[0]:
            continue
        chunk = os.read(stream.fileno(), 65536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(read_message, lines)
