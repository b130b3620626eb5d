"""One run from its learner's making to its complete record."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from protocol import (
    ForeignProtocol,
    GameVectors,
    LearnerError,
    Protocol,
    Run,
    RunRecord,
    StoreError,
    canonical_digest,
    describe,
    load,
    parse_run_id,
)
from suite.contained.wire import LackedRoom
from suite.digests import file_digest, folder_digest, short_digest
from suite.emulator.conformance import checked_vectors
from suite.learners.boundary import learners_own
from suite.learners.contract import Learner, MakeLearner, check_name, checked_configuration, find_learner
from suite.learners.sources import code_digest, suite_digest
from suite.machine import code_commit, cpu_type, has_gpu, is_lack, library_versions, peak_memory_bytes
from suite.results.ledger import write_ledger
from suite.results.owner import Owner, claim
from suite.results.reading import read_record
from suite.results.spending import spending
from suite.results.store import CHECKPOINT, JOURNAL, LEDGER, RECORD, Store, notes_digest
from suite.results.writing import empty, sync_files
from suite.run.copies import Copies
from suite.run.job import Job
from suite.run.messages import Begun, Listener
from suite.run.resumption import Maker, Resumed
from suite.run.rounds import Rounds
from suite.run.snapshots import TRAINED, UNUSED, Snapshots
from suite.run.space import check_room, room_for
from suite.untrusted.files import Unreadable
from suite.untrusted.text import printable


def play(job: Job, report: Listener) -> RunRecord:
    """Play one run to its end and keep it in the store.

    Raises:
        AmtlbError: the run, the learner, a ROM or the folder is not right; what was recorded until then
            stays in the partial run folder.
    """
    check_name(job.learner)
    if job.device != "cpu" and not has_gpu():
        raise LearnerError(f"device {job.device!r} is not on this machine, which shows no GPU; choose cpu")
    protocol = load(job.protocol_version)
    run_id = parse_run_id(job.run_id, protocol)
    run = describe(run_id, protocol)
    store = Store(Path(job.folder), protocol)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    vectors = checked_vectors(protocol, run.games)
    with (
        store.new_run(run_id) as folder,
        _maker(job) as make,
        tempfile.TemporaryDirectory(prefix="amtlb-") as scratch,
    ):
        check_room(room_for(run, store))
        with learners_own("the function that makes it"):
            learner = make(run.learner_seed("training"), protocol.lanes)
        configuration, digest = _configuration(learner, job)
        owner = Owner(
            learner=job.learner,
            configuration_digest=digest,
            image_sha256=None if job.box is None else job.box.image_sha256,
        )
        claim(store, run_id, owner)
        ancestor = _ancestor(run, job, digest)
        maker = _maker_of(job, learner, digest, ancestor)
        snapshots = Snapshots(folder, Path(scratch), job.snapshot_minutes, _copies(job, maker))
        resumed = snapshots.newest(job.run_id, maker, folder / JOURNAL)
        _tidy(folder, resumed, snapshots)
        if resumed is not None:
            started_at = resumed.snapshot.started_at
        begun = Begun(configuration=configuration, configuration_digest=digest, started_at=started_at)
        report(begun)
        if ancestor is not None:
            _load_ancestor(ancestor, job, learner, Path(scratch))
        rounds = Rounds(protocol, run, job, maker, started_at, report, snapshots, resumed)
        with _blaming(snapshots, resumed, rounds), snapshots.before_stopping():
            rounds.play(
                learner, lambda: make(run.learner_seed("evaluation"), protocol.lanes), folder, Path(scratch)
            )
        write_ledger(folder / JOURNAL, folder / LEDGER)
        record = _record(protocol, run, job, folder, begun, maker, vectors, rounds)
        _check_spent(record, run, snapshots)
        claim(store, run_id, owner)
        (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        _check_readable(folder)
        sync_files(folder)  # before what a run that is broken off here would go on with goes
        (folder / JOURNAL).unlink()
        snapshots.drop()
    snapshots.drop_copies()
    return record


@contextmanager
def _blaming(snapshots: Snapshots, resumed: Resumed | None, rounds: Rounds) -> Iterator[None]:
    """Blame the snapshot for an error before a resumed run makes a step, unless the machine lacks something."""
    try:
        yield
    except Exception as error:
        blames = not isinstance(error, LackedRoom) and not is_lack(error)
        if blames and resumed is not None and rounds.played_steps == resumed.snapshot.played_steps:
            snapshots.could_not_resume(resumed)
        raise


def _check_readable(folder: Path) -> None:
    """Raise StoreError where the record of a run would not be read back, before the run counts as complete."""
    try:
        read_record(folder, RECORD)
    except Unreadable as error:
        raise StoreError(f"the record that was written {error}; please report that") from error


def _maker_of(job: Job, learner: Learner, configuration_digest: str, ancestor: RunRecord | None) -> Maker:
    boxed_code = getattr(learner, "code_sha256", None)  # of one in a box, which says it itself
    return Maker(
        learner=job.learner,
        configuration_digest=configuration_digest,
        device=job.device,
        code_commit=code_commit(),
        suite_sha256=suite_digest(),
        code_sha256=code_digest(job.learner) if job.box is None else boxed_code,
        image_sha256=None if job.box is None else job.box.image_sha256,
        checkpoint_in=None if ancestor is None else ancestor.checkpoint_out,
        versions=library_versions(),
    )


def _copies(job: Job, maker: Maker) -> Copies | None:
    if not job.snapshot_url:
        return None
    return Copies(job.snapshot_url, canonical_digest([job.run_id, maker.model_dump()]))


def _tidy(folder: Path, resumed: Resumed | None, snapshots: Snapshots) -> None:
    """Remove what a try that was broken off left, but for what the run goes on with, or might have."""
    if resumed is None:
        snapshots.set_aside()
        empty(folder, {UNUSED})
        return
    kept = {JOURNAL, UNUSED, resumed.learner.parent.name}
    if resumed.snapshot.phase == "evaluation":
        kept |= {*TRAINED}
    empty(folder, kept)


@contextmanager
def _maker(job: Job) -> Iterator[MakeLearner]:
    """The function that makes instances of the run's learner, in this process or in a box."""
    if job.box is None:
        with learners_own("its import"):
            make = find_learner(job.learner)
        yield make
        return
    from suite.contained.referee import contained_maker

    def log(text: str) -> None:
        for line in text.splitlines():
            print(f"| {printable(line)}", file=sys.stderr)

    with contained_maker(job.box, job.learner, job.device, log) as make:
        yield make


def _configuration(learner: Learner, job: Job) -> tuple[dict[str, Any], str]:
    """The learner's configuration and its digest, which must be that of the folder's other runs."""
    configuration, digest = checked_configuration(learner)
    if job.configuration_digest not in (None, digest):
        raise ForeignProtocol(
            f"{job.folder} holds runs of configuration {short_digest(job.configuration_digest)}, "
            f"{job.learner} now has {short_digest(digest)}; choose another folder"
        )
    return configuration, digest


def _record(
    protocol: Protocol,
    run: Run,
    job: Job,
    folder: Path,
    begun: Begun,
    maker: Maker,
    vectors: Mapping[str, GameVectors],
    rounds: Rounds,
) -> RunRecord:
    """The record of the run, once the folder holds all that it left."""
    return RunRecord(
        schema_version=1,
        protocol_version=protocol.version,
        edition_digest=run.edition_digest,
        run_id=str(run.run_id),
        learner=job.learner,
        configuration=begun.configuration,
        configuration_digest=begun.configuration_digest,
        training_seed=run.learner_seed("training"),
        evaluation_seed=run.learner_seed("evaluation") if run.evaluation_episodes else None,
        device=job.device,
        budget_frames=run.total_budget_frames,
        games=spending(folder / LEDGER, protocol, run, vectors),
        ledger_sha256=file_digest(folder / LEDGER),
        checkpoint_in=maker.checkpoint_in,
        checkpoint_out=folder_digest(folder / CHECKPOINT),
        notes_sha256=notes_digest(folder),
        image_sha256=maker.image_sha256,
        code_commit=maker.code_commit,
        learner_code_sha256=maker.code_sha256,
        versions=library_versions(),
        cpu=cpu_type(),
        started_at=begun.started_at,
        wall_seconds=rounds.wall_seconds,
        training_steps_per_second=round(run.total_budget_steps / rounds.training_seconds, 1),
        workers=job.workers,
        peak_memory_bytes=peak_memory_bytes(),
        resumed_from=rounds.parts,
    )


def _check_spent(record: RunRecord, run: Run, snapshots: Snapshots) -> None:
    """Raise StoreError where the ledger holds another number of frames or episodes than the run has.

    Its snapshots, which would lead to the same, are removed then.
    """
    for game in record.games:
        found = game.training_frames, game.evaluation_episodes
        wanted = run.budget_frames, run.evaluation_episodes
        if found != wanted:
            snapshots.drop()
            snapshots.drop_copies()
            raise StoreError(
                f"the ledger of {record.run_id} holds {found[0]:,} training frames and {found[1]} evaluation "
                f"episodes of {game.game}, not the {wanted[0]:,} and {wanted[1]} of its budget: something else "
                "has changed its folder meanwhile; play it again"
            )


def _ancestor(run: Run, job: Job, configuration_digest: str) -> RunRecord | None:
    """The record of the complete run that this one starts from; None: it starts from nothing."""
    if run.starts_from is None:
        return None
    store = _start_store(job)
    if not store.is_complete(run.starts_from):
        raise StoreError(
            f"run {job.run_id} starts from {run.starts_from}, which is not complete; play that one first"
        )
    record = store.record(run.starts_from)
    if (record.learner, record.configuration_digest) != (job.learner, configuration_digest):
        raise StoreError(
            f"run {run.starts_from} was played by another learner or configuration; choose another folder"
        )
    return record


def _load_ancestor(ancestor: RunRecord, job: Job, learner: Learner, scratch: Path) -> None:
    """Make the learner start as the checkpoint of a complete run."""
    store = _start_store(job)
    copy = scratch / "in"  # a path that names no run
    shutil.copytree(store.checkpoint_path(parse_run_id(ancestor.run_id, store.protocol)), copy)
    digest = folder_digest(copy)
    if digest != ancestor.checkpoint_out:
        raise StoreError(
            f"the checkpoint of {ancestor.run_id} has digest {short_digest(digest)}, its record says "
            f"{short_digest(ancestor.checkpoint_out)}; delete that run and play it again"
        )
    with learners_own("load"):
        learner.load(copy)


def _start_store(job: Job) -> Store:
    return Store(Path(job.start_folder or job.folder), load(job.protocol_version))
