"""The engine that plays lanes in worker processes, over shared memory.

A worker receives each order as one byte on a pipe and answers with one byte on another. If either process ends,
the other one sees the end of the pipe: it does not hang, does not poll, and leaves no orphan.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.shared_memory import SharedMemory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocol import Protocol, WorkerDied
from suite.emulator.roms import Cartridge
from suite.lanes.engine import (
    Engine,
    InProcessEngine,
    LaneArrays,
    LaneBlock,
    checked_cartridges,
    order_episodes,
)

_AFTER_A_PAUSE_SECONDS = 10
ANSWER_SECONDS = 120
"""The time that a worker may take for one order; loading a ROM, its slowest work, takes 0.1 s per lane."""
SPIN_SECONDS = 0.001
"""The time for which a process polls for an answer or an order before it sleeps, yielding the core at each
poll. To sleep and be woken takes 40 us or more, which is 5 % of a step of four lanes. A learner that
computes for longer pays this once per step."""
_STEP, _BEGIN = b"s", b"b"
_DONE, _FAILED = b".", b"!"


class _Worker(NamedTuple):
    process: BaseProcess
    orders: Connection
    answers: Connection
    lanes: frozenset[int]


class WorkerEngine:
    """Plays lanes in worker processes: worker w of n has the lanes w, w + n, w + 2 n, ...

    The shared memory is unlinked as soon as every worker has opened it, so nothing remains however the
    processes end.

    Args:
        protocol: the rules.
        games: the games that ``begin`` may name.
        lanes: how many lanes.
        workers: how many processes, at least 1; never more than there are lanes are started.

    Raises:
        RomError: a ROM is missing or wrong.
        WorkerDied: a worker ended too early; the engine is then closed.
    """

    def __init__(self, protocol: Protocol, games: Sequence[str], lanes: int, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"{workers} workers: at least 1 is needed")
        cartridges = checked_cartridges(protocol, games)
        self._index = {game: index for index, game in enumerate(cartridges)}
        self._workers: list[_Worker] = []
        self._memory = SharedMemory(create=True, size=LaneArrays.size_bytes(protocol, lanes))
        self.arrays = LaneArrays.over(_buffer(self._memory), protocol, lanes)
        try:
            count = min(workers, lanes)
            for first in range(count):
                self._start(tuple(range(first, lanes, count)), cartridges, protocol, lanes)
            self._await(self._workers)
        except BaseException:
            self.close()
            raise
        finally:
            self._memory.unlink()

    def step(self, actions: npt.NDArray[np.uint8]) -> None:
        """Play one agent step (see Engine)."""
        self.arrays.actions[:] = actions
        self._order(_STEP, self._workers)

    def begin(self, episodes: Mapping[int, tuple[str, int]]) -> None:
        """Begin episodes (see Engine)."""
        order_episodes(self.arrays, self._index, episodes)
        self._order(_BEGIN, [worker for worker in self._workers if not worker.lanes.isdisjoint(episodes)])

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The ids of the worker processes."""
        return tuple(worker.process.pid or 0 for worker in self._workers)

    def close(self) -> None:
        """End the workers and free the memory."""
        for worker in self._workers:
            worker.orders.close()
            worker.answers.close()
        for worker in self._workers:
            worker.process.join(timeout=5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
        self._workers = []
        if hasattr(self, "arrays"):
            del self.arrays  # its views would keep the memory open
            self._memory.close()

    def _start(
        self, lanes: tuple[int, ...], cartridges: dict[str, Cartridge], protocol: Protocol, total: int
    ) -> None:
        context = get_context("spawn")
        orders_in, orders_out = context.Pipe(duplex=False)
        answers_in, answers_out = context.Pipe(duplex=False)
        process = context.Process(
            target=_work,
            args=(orders_in, answers_out, self._memory.name, lanes, cartridges, protocol, total),
            daemon=True,
            name=f"amtlb-lanes-{lanes[0]}",
        )
        process.start()
        orders_in.close()
        answers_out.close()
        self._workers.append(_Worker(process, orders_out, answers_in, frozenset(lanes)))

    def _order(self, order: bytes, workers: Iterable[_Worker]) -> None:
        workers = list(workers)
        try:
            for worker in workers:
                os.write(worker.orders.fileno(), order)
        except BrokenPipeError:
            pass  # the worker's answer, or its absence, shows why
        self._await(workers)

    def _await(self, workers: Iterable[_Worker]) -> None:
        for place, worker in enumerate(workers):
            answers = worker.answers.fileno()
            if place:  # by now a core is free to poll again
                _look_for_a_while(answers)
            poller = _poller(answers)
            # A second look: where both processes were paused meanwhile, the time is up before the answer comes.
            if not poller.poll(1000 * ANSWER_SECONDS) and not poller.poll(1000 * _AFTER_A_PAUSE_SECONDS):
                self._give_up(worker, f"did not answer for {ANSWER_SECONDS} s")
            answer = os.read(answers, 1)
            if answer == _FAILED:
                with os.fdopen(os.dup(answers), encoding="utf-8") as reason:
                    self._give_up(worker, f"failed: {reason.read()}")
            if answer != _DONE:
                self._give_up(worker, "")

    def _give_up(self, worker: _Worker, what: str) -> None:
        worker.process.join(timeout=1)
        what = what or f"ended with exit code {worker.process.exitcode} (negative: killed by that signal)"
        process_id = worker.process.pid
        lanes = ", ".join(map(str, sorted(worker.lanes)))
        self.close()
        raise WorkerDied(
            f"the worker process {process_id} that played lanes {lanes} {what}; "
            "what was recorded so far is kept; run the command again to restart this run"
        )


def _buffer(memory: SharedMemory) -> memoryview:
    assert memory.buf is not None  # it is until the memory is closed
    return memory.buf


def _work(
    orders: Connection,
    answers: Connection,
    memory_name: str,
    lanes: tuple[int, ...],
    cartridges: dict[str, Cartridge],
    protocol: Protocol,
    total: int,
) -> None:
    """The main loop of a worker: open the memory, then answer orders until the pipe ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent handles what is sent to everyone
        signal.signal(number, signal.SIG_IGN)
    memory = SharedMemory(name=memory_name)
    try:
        _serve(
            orders.fileno(),
            answers.fileno(),
            LaneArrays.over(_buffer(memory), protocol, total),
            lanes,
            cartridges,
            protocol,
        )
    except BrokenPipeError:
        pass  # the parent has ended
    except Exception as error:
        os.write(answers.fileno(), _FAILED + f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)  # the views of the memory need no cleanup: they end with the process


def _poller(descriptor: int) -> select.poll:
    """A poller of a pipe that is to be read; ``select.select`` takes no descriptor above 1023."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return poller


def _look_for_a_while(descriptor: int) -> None:
    """Return once a pipe can be read, or after SPIN_SECONDS, yielding the core to other processes meanwhile."""
    poller = _poller(descriptor)
    until = time.perf_counter() + SPIN_SECONDS
    while not poller.poll(0) and time.perf_counter() < until:
        os.sched_yield()


def _serve(
    orders: int,
    answers: int,
    arrays: LaneArrays,
    lanes: tuple[int, ...],
    cartridges: dict[str, Cartridge],
    protocol: Protocol,
) -> None:
    block = LaneBlock(lanes, arrays, cartridges, protocol)
    os.write(answers, _DONE)
    while True:
        _look_for_a_while(orders)
        order = os.read(orders, 1)
        if not order:
            return  # the parent has ended
        if order == _STEP:
            block.step()
        else:
            block.begin()
        os.write(answers, _DONE)


def make_engine(protocol: Protocol, games: tuple[str, ...], workers: int) -> Engine:
    """The engine that plays the protocol's lanes: in this process, or in ``workers`` other processes."""
    if workers:
        return WorkerEngine(protocol, games, protocol.lanes, workers)
    return InProcessEngine(protocol, games, protocol.lanes)
