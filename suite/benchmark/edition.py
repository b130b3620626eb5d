"""All runs of an edition, or one of them: what is missing is played, nothing twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from protocol import ForeignProtocol, Protocol, Run, RunId, StoreError, describe, plan
from suite.benchmark.cluster.client import play_on_cluster
from suite.benchmark.process import RunEnd, Task, run_child
from suite.benchmark.scheduler import Listener, play_graph
from suite.benchmark.settings import Settings
from suite.contained.spec import BoxSpec
from suite.digests import short_digest
from suite.learners.hyperparameters import same
from suite.results.store import Store
from suite.run.job import Assignment
from suite.run.messages import Played

_LOOK_SECONDS = 1.0
"""The seconds between two checks whether runs that other processes play have ended."""


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
    return "no image" if image_sha256 is None else f"image {short_digest(image_sha256)}"


def play_all(runs: Sequence[Run], store: Store, settings: Settings, listener: Listener) -> list[RunEnd]:
    """Play every run that is not complete; a failing one is reported and the others go on.

    What another process plays is left to it, and waited for when nothing else is missing. An interrupt stops
    the runs that are being played and is raised again; the next call goes on with what is missing.

    Args:
        runs: a run stands behind the one that it starts from.
        listener: takes the progress and the ends of runs; called in another thread.

    Returns:
        how each missing run ended, in the order of ``runs``.

    Raises:
        AmtlbError: the folder cannot be used, or the scheduler does not answer.
    """
    missing, configuration_digest = missing_runs(runs, store, settings.learner, settings.box)
    if missing:  # complete results may lie where nothing can be written
        store.make_folder()
    _check_checkpoints(missing, store)
    asked, ends = missing, dict[str, RunEnd]()
    while missing:
        found = _play(missing, store, settings, configuration_digest, listener)
        ends |= {end.run_id: end for end in found}
        if settings.detach:
            return []
        left = [run for run in missing if ends[str(run.run_id)].status == "elsewhere"]
        _wait_for_others(left, store)
        incomplete, configuration_digest = missing_runs(runs, store, settings.learner, settings.box)
        for run in left:
            if run not in incomplete:
                done = replace(ends[str(run.run_id)], status="complete", error="")
                ends[done.run_id] = done
                listener(done)
        missing = [run for run in left if run in incomplete]
    return [ends[str(run.run_id)] for run in asked]


def _play(
    missing: list[Run], store: Store, settings: Settings, digest: str | None, listener: Listener
) -> list[RunEnd]:
    """Play these runs on this machine or on the workers of a scheduler."""
    if settings.scheduler is not None:
        assignments = {run.run_id: _assignment(run, store.protocol, settings, digest) for run in missing}
        return play_on_cluster(missing, assignments, store, settings, listener)
    tasks = {run.run_id: _task(run, store, settings, digest) for run in missing}
    return play_graph(missing, tasks, settings, listener)


def _wait_for_others(left: Sequence[Run], store: Store) -> None:
    """Wait until all runs that other processes play are complete, or one that could be played is let go."""
    complete: set[RunId] = set()
    while len(complete) < len(left):
        time.sleep(_LOOK_SECONDS)
        complete |= {run.run_id for run in left if store.is_complete(run.run_id)}
        for run in left:
            begins = run.starts_from is None or store.is_complete(run.starts_from)
            if begins and run.run_id not in complete and not store.is_being_played(run.run_id):
                return


def play_one(
    run_id: RunId,
    store: Store,
    settings: Settings,
    listener: Callable[[Played], None] = lambda played: None,
) -> RunEnd:
    """Play one run, unless it is complete, without a scheduler; the listener is called with its progress.

    Raises:
        AmtlbError: the folder cannot be used, or holds runs of another learner.
        KeyboardInterrupt: the run was interrupted; it has been stopped.
    """
    protocol = store.protocol
    runs = plan(protocol, protocol.edition(run_id.edition))
    missing, configuration_digest = missing_runs(runs, store, settings.learner, settings.box)
    run = describe(run_id, protocol)
    if run not in missing:
        return RunEnd(str(run_id), "complete", "", str(store.log_path(run_id)))
    store.make_folder()
    _check_checkpoints([run], store)
    task = _task(run, store, settings, configuration_digest)
    return run_child(task, listener, lambda: False)


def _check_checkpoints(missing: Sequence[Run], store: Store) -> None:
    """Raise StoreError where a run starts from a complete one whose checkpoint is gone."""
    for run in missing:
        ancestor = run.starts_from
        if ancestor is None or not store.is_complete(ancestor) or store.checkpoint_path(ancestor).is_dir():
            continue
        raise StoreError(
            f"run {run.run_id} starts from the checkpoint of {ancestor}, and there is no "
            f"{store.checkpoint_path(ancestor)}; delete {store.run_folder(ancestor)} and play {ancestor} "
            "again, as `amtlb benchmark` does before the runs that start from it"
        )


def check_hyperparameters(runs: Sequence[Run], store: Store, settings: Settings) -> None:
    """Raise ForeignProtocol where a complete run was played with other hyper-parameters than are given."""
    given = json.loads(settings.hyperparameters or "{}")
    for run in runs if given else ():
        if not store.is_complete(run.run_id):
            continue
        configuration = store.record(run.run_id).configuration
        for name, value in given.items():
            if not same(configuration.get(name), value):
                raise ForeignProtocol(
                    f"{store.folder} holds runs with {name}={json.dumps(configuration.get(name))}, not with "
                    f"{json.dumps(value)}; choose another folder with --out"
                )


def _assignment(run: Run, protocol: Protocol, settings: Settings, digest: str | None) -> Assignment:
    return Assignment(
        run_id=str(run.run_id),
        protocol_version=protocol.version,
        learner=settings.learner,
        device=settings.device,
        workers=settings.workers,
        box=settings.box,
        configuration_digest=digest,
        snapshot_minutes=settings.snapshot_minutes,
        snapshot_url=settings.snapshot_url,
        stall_minutes=settings.stall_minutes,
        foreground=settings.foreground,
    )


def _task(run: Run, store: Store, settings: Settings, digest: str | None) -> Task:
    job = _assignment(run, store.protocol, settings, digest).in_folder(store.folder)
    log = str(store.log_path(run.run_id).resolve())
    return Task(job, log, settings.tracked, settings.hyperparameters)
