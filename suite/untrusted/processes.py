"""Tasks in processes that may die or hang: each task ends in a result or in why there is none.

Whatever parses foreign bytes does so in here, so that nothing in them takes more memory or time than it may.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, NamedTuple

import pyarrow as pa

from protocol import AmtlbError, StoreError
from suite.untrusted.files import Unreadable

_PROCESSES = get_context("forkserver")
_SAFE = "PYTHONSAFEPATH"


def preload(module: str) -> None:
    """Let all processes to come start with a module that takes long to import: it is imported once."""
    _PROCESSES.set_forkserver_preload([module])


class Failure(NamedTuple):
    """Why a task has no result.

    Attributes:
        reason: its process ended, was too slow, or met an error.
        too_large: it wanted more memory than anything that is right could need.
        too_slow: it took more time than that.
    """

    reason: str
    too_large: bool = False
    too_slow: bool = False


class Limits(NamedTuple):
    """The limits of one task: memory beyond that of the process when it starts, and time."""

    memory_bytes: int
    seconds: float


SMALL = Limits(memory_bytes=512 * 2**20, seconds=60)
"""For a document of a few megabytes at most."""


def within_bounds(function: Callable[[Any], Any], task: Any, limits: Limits = SMALL) -> Any:
    """The result of a function, run in a process of its own as by ``run_sharded``; a Failure: it has none.

    Raises:
        AmtlbError, Unreadable: as the function raised it.
    """
    ((_, found),) = run_sharded(partial(_handing_back, function), [task], 1, limits)
    if isinstance(found, AmtlbError | Unreadable):
        raise found
    return found


def _handing_back(function: Callable[[Any], Any], task: Any) -> Any:
    """The function's result, or the error of ours that it raised."""
    try:
        return function(task)
    except (AmtlbError, Unreadable) as error:
        return error


def run_sharded(
    function: Callable[[Any], Any], tasks: Sequence[Any], workers: int, limits: Limits
) -> Iterator[tuple[int, Any]]:
    """Run a function over tasks in worker processes; one that dies or hangs is replaced and the rest goes on.

    Args:
        function: of a module, taking one task; both it and its results cross process borders.
        tasks: what is to be done.
        workers: processes, at least 1.
        limits: of each task.

    Yields:
        (index of the task, its result or a Failure), as they end.
    """
    waiting = iter(enumerate(tasks))
    processes = [_Worker(function, limits) for _ in range(min(workers, len(tasks)))]
    try:
        busy = [worker for worker in processes if worker.take(waiting)]
        while busy:
            slack = min(worker.deadline for worker in busy) - time.monotonic()
            wait([worker.pipe for worker in busy], timeout=max(0.0, slack))
            for worker in busy:
                if (ended := worker.ended()) is not None:
                    yield ended
                    worker.take(waiting)
            busy = [worker for worker in busy if worker.index is not None]
    finally:
        for worker in processes:
            worker.stop()


class _Worker:
    """One process and the task that it has."""

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        self._function, self._limits = function, limits
        self._start()

    def _start(self) -> None:
        self.pipe, theirs = _PROCESSES.Pipe()
        self._process: BaseProcess = _PROCESSES.Process(
            target=_serve, args=(theirs, self._function, self._limits.memory_bytes), daemon=True
        )
        with _nothing_from_here():
            try:
                self._process.start()
            except OSError as error:
                if "AF_UNIX" not in str(error):
                    raise
                said = f"no socket can be made in {tempfile.gettempdir()} ({error}); choose a shorter TMPDIR"
                raise StoreError(said) from error
        theirs.close()
        self.index: int | None = None
        self.deadline = 0.0

    def take(self, waiting: Iterator[tuple[int, Any]]) -> bool:
        """Begin the next task; false: there is none."""
        self.index = None
        task = next(waiting, None)
        if task is None:
            return False
        if not self._process.is_alive():
            self._start()
        self.index = task[0]
        self.deadline = time.monotonic() + self._limits.seconds
        try:
            self.pipe.send(task[1])
        except OSError:
            pass  # it has died: `ended` finds the pipe closed
        return True

    def ended(self) -> tuple[int, Any] | None:
        """The task's index and result, if it has ended or must end now."""
        assert self.index is not None
        try:
            if self.pipe.poll():
                return self.index, self.pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            status = self._process.exitcode
            self.stop()  # it may have closed the pipe and live on
            return self.index, Failure(f"its process ended with status {status}")
        if time.monotonic() < self.deadline:
            return None
        self.stop()
        return self.index, Failure(f"it took more than {self._limits.seconds:.0f} seconds", too_slow=True)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


@contextmanager
def _nothing_from_here() -> Iterator[None]:
    """Keep a process that starts here from importing the script that called us, or a module of this folder.

    The server that all of them are forked from begins as ``python -c``, which puts the working folder, and with
    it perhaps a submission, before the standard library, unless PYTHONSAFEPATH says otherwise.
    """
    main, safe = sys.modules["__main__"], os.environ.get(_SAFE)
    sys.modules["__main__"], os.environ[_SAFE] = ModuleType("__main__"), "1"
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if safe is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = safe


def limit(kind: int, value: int) -> int:
    """Give this process this limit, or leave it the lower one that its user set; return which it has.

    Args:
        kind: one of ``resource.RLIMIT_...``.
        value: the limit, in the unit of its kind (setrlimit(2)).
    """
    _, allowed = resource.getrlimit(kind)
    if allowed != resource.RLIM_INFINITY:
        value = min(value, allowed)  # such as that of `ulimit -v`, or a scheduler's; only root may raise it
    resource.setrlimit(kind, (value, value))
    return value


def limit_memory(memory_bytes: int) -> int:
    """Give this process so much memory beyond what it has, or what its user allows; it leaves no core.

    Returns:
        the bytes beyond what it has that it may take: less than asked for where its user set a lower limit.
    """
    with open("/proc/self/statm", encoding="ascii") as file:
        in_use = int(file.read().split()[0]) * resource.getpagesize()
    limit(resource.RLIMIT_CORE, 0)
    return limit(resource.RLIMIT_AS, in_use + memory_bytes) - in_use


def _without_memory(given: int, wanted: int) -> str:
    if given >= wanted:
        return f"it needs more than {wanted // 2**20} MiB of memory"
    left = f"{max(given, 0) // 2**20} MiB of memory that the user's limit (`ulimit -v`) leaves"
    return f"it needs more than the {left}; allow {wanted // 2**20} MiB, and try again"


def _serve(pipe: Connection, function: Callable[[Any], Any], memory_bytes: int) -> None:
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own reserves a gigabyte of addresses, all counted
    given = limit_memory(memory_bytes)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries that run out of memory say so at length
    while True:
        try:
            task = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            result = function(task)
        except MemoryError:
            result = Failure(_without_memory(given, memory_bytes), too_large=given >= memory_bytes)
        except Exception as error:
            result = Failure(f"{type(error).__name__}: {str(error)[:300]}")
        pipe.send(result)
