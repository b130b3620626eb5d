"""The graph of runs on this machine: each in a fresh process, after the one that it starts from."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from protocol import Run, RunId, ServerError
from suite.benchmark.process import RunEnd, Task, run_child
from suite.benchmark.settings import Settings
from suite.run.messages import Played


class Progress(NamedTuple):
    """The progress of a run. It crosses the scheduler as a dictionary.

    Attributes:
        run_id: the run.
        steps: agent steps played so far.
        resumed_steps: how many of them before the run was gone on with.
    """

    run_id: str
    steps: int
    resumed_steps: int


class Notice(NamedTuple):
    """Something that a user should know while runs are played, in one line."""

    text: str


class SchedulerLost(Exception):
    """A scheduler that answered does so no longer."""


_SOONEST = 2**62
Listener = Callable[[Progress | RunEnd | Notice], None]


def play_graph(
    missing: list[Run], tasks: Mapping[RunId, Task], settings: Settings, listener: Listener
) -> list[RunEnd]:
    """Play runs on this machine.

    Args:
        missing: the runs; a run stands behind the one that it starts from.
        tasks: of each run.
        settings: say how many are played side by side.
        listener: takes the progress and the ends of runs; called in another thread.

    Returns:
        how each run ended, in the order of ``missing``.
    """
    with _client(settings) as client:
        return _submit(client, missing, tasks, listener)


@contextmanager
def _client(settings: Settings) -> Iterator[Any]:
    """A client of a scheduler in this process."""
    import dask
    from distributed import Client

    # A machine that was suspended finds its own worker late, not gone.
    no_limit = dask.config.set({"distributed.scheduler.worker-ttl": None})
    with no_limit, _no_thresholds(), _local_cluster(settings.jobs) as cluster, Client(cluster) as client:
        yield client


@contextmanager
def cluster_client(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address; raises ServerError where none answers."""
    from distributed import Client

    for name in ("distributed", "distributed.client"):  # each has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said in a line, here
    with _no_thresholds():
        try:
            client = Client(address, timeout=10)
        except (OSError, ValueError, TimeoutError) as error:
            raise ServerError(f"no dask scheduler answers at {address} ({error}); check the address") from error
        with client:
            yield client


def threads_of(client: Any, address: str) -> int:
    """The threads of a scheduler's workers, all together; raises ServerError where it has no worker."""
    threads: int = sum(client.nthreads().values())
    if not threads:
        raise ServerError(f"the dask scheduler at {address} has no worker; start some")
    return threads


@contextmanager
def asking(client: Any) -> Iterator[None]:
    """A block that asks a scheduler; raises SchedulerLost where it has gone, TimeoutError where it is slow."""
    try:
        yield
    except Exception as error:
        slow = isinstance(error, TimeoutError)
        if client.status == "running" and (slow or not isinstance(error, OSError | CancelledError)):
            raise
        raise SchedulerLost from error
    if client.status != "running":
        raise SchedulerLost


def _no_thresholds() -> Any:
    """Replay buffers would trip the memory thresholds, and no result is larger than a line."""
    import dask

    thresholds = [f"distributed.worker.memory.{name}" for name in ("target", "spill", "pause", "terminate")]
    return dask.config.set(dict.fromkeys(thresholds, False))


def _local_cluster(jobs: int) -> Any:
    from distributed import LocalCluster

    with warnings.catch_warnings():
        # Where there is no network, dask warns that it found no address; in one process none is used.
        warnings.filterwarnings("ignore", "Couldn't detect a suitable IP address", RuntimeWarning)
        return LocalCluster(
            n_workers=1,
            threads_per_worker=jobs,
            processes=False,
            memory_limit=0,
            dashboard_address=":0",  # no dashboard, but a port, which others may have taken
            scheduler_kwargs={"dashboard": False},
        )


def as_progress(event: Mapping[str, Any]) -> Progress:
    """The progress in an event; dask adds the address of the worker that logged it."""
    return Progress(**{name: event[name] for name in Progress._fields})


def _submit(client: Any, missing: list[Run], tasks: Mapping[RunId, Task], listener: Listener) -> list[RunEnd]:
    from distributed import Event, as_completed

    token = uuid4().hex[:8]
    stop = Event(f"amtlb-stop-{token}", client=client)
    topic = f"amtlb-{token}"
    client.subscribe_topic(topic, lambda event: listener(as_progress(event[1])))
    futures: dict[Any, Any] = {}
    for run in missing:
        ancestor = futures.get(run.starts_from)
        futures[run.run_id] = client.submit(
            play_in_child,
            tasks[run.run_id],
            ancestor,
            token,
            key=f"{run.run_id}-{token}",
            pure=False,
            retries=0,
            priority=priority(run),
        )
    task_of = {future.key: tasks[run_id] for run_id, future in futures.items()}
    ends: dict[str, RunEnd] = {}
    try:
        for future in as_completed(futures.values()):
            end = _end_of(future, task_of[future.key])
            ends[end.run_id] = end
            listener(end)
    except BaseException:  # an interrupt, SIGTERM, a listener that can show nothing any more
        stop.set()
        client.gather(list(futures.values()), errors="skip")
        raise
    finally:
        client.unsubscribe_topic(topic)
    return [ends[str(run.run_id)] for run in missing]


def priority(run: Run) -> int:
    """Of the runs that can begin, the one with the highest priority does.

    The longest first, so that the last ones are short; but a transfer run as soon as it can begin, so that a
    benchmark that is broken off, and goes on without its checkpoints, has few of them to make again.
    """
    return _SOONEST if run.starts_from else run.total_budget_frames


def _end_of(future: Any, task: Task) -> RunEnd:
    """The end of a run; one whose dask worker was lost, or lacks this code, has failed like any other."""
    try:
        end: RunEnd = future.result()
    except Exception as error:
        reason = f"its dask worker failed with {type(error).__name__}: {error}"
        return RunEnd(task.job.run_id, "failed", reason, task.log)
    return end


def play_in_child(task: Task, ancestor: RunEnd | None, token: str) -> RunEnd:
    """Play one run in a fresh process; a task for a dask worker.

    Args:
        task: the run.
        ancestor: how the run that this one starts from has ended, if it was played now.
        token: names the event that stops all runs and the topic of their progress.
    """
    from distributed import Event, get_worker

    stop = Event(f"amtlb-stop-{token}")
    run_id, log = task.job.run_id, task.log
    if stop.is_set():
        return RunEnd(run_id, "stopped", "stopped before it began", log)
    if ancestor is not None and ancestor.status == "elsewhere":
        return RunEnd(
            run_id, "elsewhere", f"it starts from {ancestor.run_id}, which another process plays", log
        )
    if ancestor is not None and ancestor.status != "complete":
        return RunEnd(run_id, "skipped", f"it starts from {ancestor.run_id}, which {ancestor.status}", log)
    worker = get_worker()

    def report(played: Played) -> None:
        worker.log_event(f"amtlb-{token}", Progress(run_id, played.steps, played.resumed_steps)._asdict())

    return run_child(task, report, stop.is_set)
