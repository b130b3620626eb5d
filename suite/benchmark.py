"""All runs of an edition, as a graph on a dask scheduler: each in a fresh process, none played twice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from protocol import BoxError, ForeignProtocol, Protocol, Run, RunId, WorkerDied, describe, plan
from suite.contained.spec import BoxSpec
from suite.process import Outcome, run_child
from suite.store import Store


@dataclass(frozen=True)
class Settings:
    """How a benchmark is played; none of it changes a score.

    Attributes:
        learner: ``module:function``.
        device: ``cpu`` or ``cuda``, for learners that ask ``AMTLB_DEVICE``.
        jobs: runs side by side on this machine; a scheduler has its own number.
        workers: processes a run that play its lanes; 0: the run's own.
        scheduler: address of a dask scheduler; None plays on this machine.
        box: where each run's learner is put; None: into the run's own process.
        tracked: whether each run is a Sacred run, too.
    """

    learner: str
    device: str
    jobs: int
    workers: int
    scheduler: str | None
    box: BoxSpec | None
    tracked: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a run is: agent steps played so far."""

    run_id: str
    steps: int


_SOONEST = 2**62

Listener = Callable[[Progress | Outcome], None]


def missing_runs(
    runs: Sequence[Run], store: Store, learner: str, box: BoxSpec | None
) -> tuple[list[Run], str | None]:
    """The runs that are not complete, and the configuration digest of those that are.

    Raises:
        ForeignProtocol: a complete run was played under another protocol, by another learner, in another
            image, or with another configuration than the rest.
    """
    image = None if box is None else box.image_sha256
    missing, digests = [], set()
    for run in runs:
        if not store.is_complete(run.run_id):
            missing.append(run)
            continue
        record = store.record(run.run_id)
        if record.learner != learner:
            raise ForeignProtocol(
                f"{store.folder} holds runs of {record.learner}, not of {learner}; choose another folder"
            )
        if record.image_sha256 != image:
            raise ForeignProtocol(
                f"{store.folder} holds runs of a learner in {_in_words(record.image_sha256)}, not in "
                f"{_in_words(image)}; choose another folder"
            )
        digests.add(record.configuration_digest)
    if len(digests) > 1:
        raise ForeignProtocol(f"{store.folder} holds runs of {len(digests)} configurations; keep those of one")
    return missing, digests.pop() if digests else None


def _in_words(image_sha256: str | None) -> str:
    return "no image" if image_sha256 is None else f"image {image_sha256[:12]}"


def play_all(
    runs: Sequence[Run], store: Store, protocol: Protocol, settings: Settings, listener: Listener
) -> list[Outcome]:
    """Play every run that is not complete; a failing one is told of and the others go on.

    An interrupt stops the runs that are being played and is raised again; the next call goes on with
    what is missing.

    Args:
        runs: a run stands behind the one that it starts from.
        listener: hears of progress and outcomes; called in another thread.

    Returns:
        how each missing run ended, in the order of ``runs``.

    Raises:
        AmtlbError: the folder cannot be used, or the scheduler does not answer.
    """
    store.make_folder()
    missing, configuration_digest = missing_runs(runs, store, settings.learner, settings.box)
    if not missing:
        return []
    jobs = {run.run_id: _job(run, store, protocol, settings, configuration_digest) for run in missing}
    with _client(settings) as client:
        try:
            return _submit(client, missing, jobs, listener)
        finally:
            _remove_orphans(settings)


def play_one(run_id: RunId, store: Store, protocol: Protocol, settings: Settings) -> Outcome:
    """Play one run, unless it is complete, without a scheduler.

    Raises:
        AmtlbError: the folder cannot be used, or holds runs of another learner.
        KeyboardInterrupt: the run was interrupted; it has been stopped.
    """
    store.make_folder()
    runs = plan(protocol, protocol.edition(run_id.edition))
    missing, configuration_digest = missing_runs(runs, store, settings.learner, settings.box)
    run = describe(run_id, protocol)
    if run not in missing:
        return Outcome(str(run_id), "complete", "", str(store.log_path(run_id)))
    return run_child(
        _job(run, store, protocol, settings, configuration_digest), lambda steps: None, lambda: False
    )


def _remove_orphans(settings: Settings) -> None:
    """Remove the containers whose run was killed before it could."""
    if settings.box is not None and settings.box.image_sha256 is not None and settings.scheduler is None:
        from suite.contained.containers import remove_orphans

        with suppress(BoxError):  # it must not hide how the runs ended; the next benchmark tries again
            remove_orphans()


def _job(
    run: Run, store: Store, protocol: Protocol, settings: Settings, configuration_digest: str | None
) -> dict[str, Any]:
    return {
        "run_id": str(run.run_id),
        "protocol_version": protocol.version,
        "learner": settings.learner,
        "folder": str(store.folder.resolve()),
        "log": str(store.log_path(run.run_id).resolve()),
        "device": settings.device,
        "workers": settings.workers,
        "box": None if settings.box is None else settings.box.model_dump(),
        "configuration_digest": configuration_digest,
        "tracked": settings.tracked,
    }


@contextmanager
def _client(settings: Settings) -> Iterator[Any]:
    """A client of the scheduler that was asked for, or of one in this process."""
    import dask
    from distributed import Client

    # Replay buffers would trip the memory thresholds, and no result is larger than a line.
    thresholds = [f"distributed.worker.memory.{name}" for name in ("target", "spill", "pause", "terminate")]
    with dask.config.set(dict.fromkeys(thresholds, False)):
        if settings.scheduler is None:
            with _local_cluster(settings.jobs) as cluster, Client(cluster) as client:
                yield client
            return
        try:
            client = Client(settings.scheduler, timeout=10)
        except (OSError, ValueError, TimeoutError) as error:
            raise WorkerDied(
                f"no dask scheduler answers at {settings.scheduler} ({error}); check the address"
            ) from error
        with client:
            yield client


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


def _submit(
    client: Any, missing: list[Run], jobs: dict[Any, dict[str, Any]], listener: Listener
) -> list[Outcome]:
    from distributed import Event, as_completed

    token = uuid4().hex[:8]
    stop = Event(f"amtlb-stop-{token}", client=client)
    topic = f"amtlb-{token}"
    client.subscribe_topic(topic, lambda event: listener(Progress(event[1]["run_id"], event[1]["steps"])))
    futures: dict[Any, Any] = {}
    for run in missing:
        ancestor = futures.get(run.starts_from)
        futures[run.run_id] = client.submit(
            play_in_child,
            jobs[run.run_id],
            ancestor,
            token,
            key=f"{run.run_id}-{token}",
            pure=False,
            retries=0,
            priority=priority(run),
        )
    jobs_by_key = {future.key: jobs[run_id] for run_id, future in futures.items()}
    outcomes: dict[str, Outcome] = {}
    try:
        for future in as_completed(futures.values()):
            outcome = _outcome(future, jobs_by_key[future.key])
            outcomes[outcome.run_id] = outcome
            listener(outcome)
    except KeyboardInterrupt:
        stop.set()
        client.gather(list(futures.values()), errors="skip")
        raise
    finally:
        client.unsubscribe_topic(topic)
    return [outcomes[str(run.run_id)] for run in missing]


def priority(run: Run) -> int:
    """Of the runs that can begin, the one with the highest priority does.

    The longest first, so that the last ones are short; but a transfer run as soon as it can begin, so that a
    benchmark that is broken off, and goes on without its checkpoints, has few of them to make again.
    """
    return _SOONEST if run.starts_from else run.total_budget_frames


def _outcome(future: Any, job: dict[str, Any]) -> Outcome:
    """How a run ended; one whose dask worker was lost, or lacks this code, has failed like any other."""
    try:
        outcome: Outcome = future.result()
    except Exception as error:
        reason = f"its dask worker failed with {type(error).__name__}: {error}"
        return Outcome(job["run_id"], "failed", reason, job["log"])
    return outcome


def play_in_child(job: dict[str, Any], ancestor: Outcome | None, token: str) -> Outcome:
    """Play one run in a fresh process; a task for a dask worker.

    Args:
        job: as in ``suite.process.run_child``.
        ancestor: how the run that this one starts from has ended, if it was played now.
        token: names the event that stops all runs and the topic of their progress.
    """
    from distributed import Event, get_worker

    stop = Event(f"amtlb-stop-{token}")
    run_id, log = job["run_id"], job["log"]
    if stop.is_set():
        return Outcome(run_id, "stopped", "stopped before it began", log)
    if ancestor is not None and ancestor.status != "complete":
        return Outcome(run_id, "skipped", f"it starts from {ancestor.run_id}, which {ancestor.status}", log)
    worker = get_worker()

    def tell(steps: int) -> None:
        worker.log_event(f"amtlb-{token}", {"run_id": run_id, "steps": steps})

    return run_child(job, tell, stop.is_set)
