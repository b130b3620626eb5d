"""One run from its learner's making to its complete record."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from protocol import (
    BudgetExhausted,
    ForeignProtocol,
    GameVectors,
    LearnerError,
    Protocol,
    Run,
    RunRecord,
    StoreError,
    describe,
    load,
    parse_run_id,
)
from suite.digests import file_digest, folder_digest
from suite.emulator.conformance import checked_vectors
from suite.lanes.engine import Engine
from suite.lanes.environment import LaneEnv
from suite.lanes.schedules import EvaluationSchedule, Schedule, TrainingMeter
from suite.lanes.workers import make_engine
from suite.learners.contract import Learner, MakeLearner, NoteWriter, checked_configuration, find_learner
from suite.machine import code_commit, cpu_type, library_versions, peak_memory_bytes
from suite.results.journal import JournalRecorder
from suite.results.ledger import write_ledger
from suite.results.spending import spending
from suite.results.store import CHECKPOINT, JOURNAL, LEDGER, NOTES, RECORD, Store, notes_digest
from suite.run.boundary import learners_own
from suite.run.job import Job
from suite.run.messages import Begun, Listener, Overrun
from suite.run.recorder import ReportingRecorder
from suite.run.space import check_room, room_for


def play(job: Job, report: Listener) -> RunRecord:
    """Play one run to its end and keep it in the store.

    Raises:
        AmtlbError: the run, the learner, a ROM or the folder is not right; what was recorded until then
            stays in the partial run folder.
    """
    protocol = load(job.protocol_version)
    run_id = parse_run_id(job.run_id, protocol)
    run = describe(run_id, protocol)
    store = Store(Path(job.folder), protocol)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    rounds = _Rounds(protocol, run, job, report)
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
        begun = Begun(configuration=configuration, configuration_digest=digest, started_at=started_at)
        report(begun)
        checkpoint_in = _load_ancestor(store, run, job, digest, learner, Path(scratch))
        training_seconds = rounds.play(
            learner, lambda: make(run.learner_seed("evaluation"), protocol.lanes), folder, Path(scratch)
        )
        write_ledger(folder / JOURNAL, folder / LEDGER)
        (folder / JOURNAL).unlink()
        record = rounds.record(folder, begun, checkpoint_in, vectors, training_seconds)
        _check_spent(record, run)
        (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return record


@contextmanager
def _maker(job: Job) -> Iterator[MakeLearner]:
    """The function that makes instances of the run's learner, in this process or in a box."""
    if job.box is None:
        with learners_own("its import"):
            make = find_learner(job.learner)
        yield make
        return
    from suite.contained.referee import contained_maker
    from suite.untrusted.text import printable

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
            f"{job.folder} holds runs of configuration {job.configuration_digest[:12]}..., "
            f"{job.learner} now has {digest[:12]}...; choose another folder"
        )
    return configuration, digest


class _Rounds:
    """Training, saving and evaluation of one run, and its record; the clock runs from the making."""

    def __init__(self, protocol: Protocol, run: Run, job: Job, report: Listener) -> None:
        self._protocol = protocol
        self._run = run
        self._job = job
        self._report = report
        self._started = time.monotonic()

    def play(self, learner: Learner, make_player: Callable[[], Learner], folder: Path, scratch: Path) -> float:
        """Play it all; return how many seconds the training took."""
        protocol, run = self._protocol, self._run
        with (
            closing(make_engine(protocol, run.games, self._job.workers)) as engine,
            closing(ReportingRecorder(folder / JOURNAL, protocol.lanes, self._report)) as recorder,
        ):
            meter = TrainingMeter.of(run, protocol)
            started = time.monotonic()
            self._train(learner, self._env(engine, meter, recorder), meter)
            seconds = time.monotonic() - started
            # The learner only sees a scratch folder: the run folder's path names the run.
            saved = scratch / "out"
            saved.mkdir()
            with learners_own("save"):
                learner.save(saved)
            shutil.copytree(saved, folder / CHECKPOINT)
            if isinstance(learner, NoteWriter):
                noted = scratch / "notes"
                noted.mkdir()
                with learners_own("write_notes"):
                    learner.write_notes(noted)
                shutil.copytree(noted, folder / NOTES)
            if run.evaluation_episodes:
                with learners_own("load"):
                    player = make_player()
                    player.load(saved)
                with learners_own("act"):
                    evaluate(player, self._env(engine, self._evaluation(meter), recorder))
        return seconds

    def record(
        self,
        folder: Path,
        begun: Begun,
        checkpoint_in: str | None,
        vectors: Mapping[str, GameVectors],
        training_seconds: float,
    ) -> RunRecord:
        """The record of the run, once the folder holds all that it left."""
        run, job = self._run, self._job
        return RunRecord(
            schema_version=1,
            protocol_version=self._protocol.version,
            edition_digest=run.edition_digest,
            run_id=str(run.run_id),
            learner=job.learner,
            configuration=begun.configuration,
            configuration_digest=begun.configuration_digest,
            training_seed=run.learner_seed("training"),
            evaluation_seed=run.learner_seed("evaluation") if run.evaluation_episodes else None,
            device=job.device,
            budget_frames=run.total_budget_frames,
            games=spending(folder / LEDGER, self._protocol, run, vectors),
            ledger_sha256=file_digest(folder / LEDGER),
            checkpoint_in=checkpoint_in,
            checkpoint_out=folder_digest(folder / CHECKPOINT),
            notes_sha256=notes_digest(folder),
            image_sha256=None if job.box is None else job.box.image_sha256,
            code_commit=code_commit(),
            versions=library_versions(),
            cpu=cpu_type(),
            started_at=begun.started_at,
            wall_seconds=round(time.monotonic() - self._started, 3),
            training_steps_per_second=round(run.total_budget_steps / training_seconds, 1),
            workers=job.workers,
            peak_memory_bytes=peak_memory_bytes(),
        )

    def _evaluation(self, meter: TrainingMeter) -> EvaluationSchedule:
        run = self._run
        return EvaluationSchedule(run.games, run.evaluation_episodes, meter.numbers, run.evaluation_max_steps)

    def _env(self, engine: Engine, schedule: Schedule, recorder: JournalRecorder) -> LaneEnv:
        run = self._run
        return LaneEnv(
            self._protocol,
            run.episode_seed,
            engine,
            schedule,
            run.total_budget_frames,
            recorder,
            lambda error: self._report(Overrun(error)),
        )

    def _train(self, learner: Learner, env: LaneEnv, meter: TrainingMeter) -> None:
        try:
            with learners_own("learn"):
                learner.learn(env)
        except BudgetExhausted:
            pass
        if meter.unspent_steps:
            left = meter.unspent_steps * self._run.frame_skip
            raise LearnerError(
                f"learn returned with {left} of {env.budget_frames} frames unspent; "
                "a learner plays until env.step raises BudgetExhausted"
            )


def evaluate(player: Learner, env: LaneEnv) -> None:
    """Let a learner play, without learning, until the environment's schedule has ended."""
    observations, _ = env.reset()
    episode_start = np.ones(env.num_envs, np.bool_)
    try:
        while True:
            actions = player.act(observations, episode_start)
            observations, _, terminated, truncated, _ = env.step(actions)
            episode_start = terminated | truncated
    except BudgetExhausted:
        return


def _check_spent(record: RunRecord, run: Run) -> None:
    """Raise StoreError where the ledger holds another number of frames or episodes than the run has."""
    for game in record.games:
        found = game.training_frames, game.evaluation_episodes
        wanted = run.budget_frames, run.evaluation_episodes
        if found != wanted:
            raise StoreError(
                f"the ledger of {record.run_id} holds {found[0]:,} training frames and {found[1]} evaluation "
                f"episodes of {game.game}, not the {wanted[0]:,} and {wanted[1]} of its budget: something else "
                "has changed its folder meanwhile; play it again"
            )


def _load_ancestor(
    store: Store, run: Run, job: Job, configuration_digest: str, learner: Learner, scratch: Path
) -> str | None:
    """Make the learner start as the checkpoint that its run starts from; return that checkpoint's digest."""
    ancestor = run.starts_from
    if ancestor is None:
        return None
    if not store.is_complete(ancestor):
        raise StoreError(f"run {job.run_id} starts from {ancestor}, which is not complete; play that one first")
    record = store.record(ancestor)
    if (record.learner, record.configuration_digest) != (job.learner, configuration_digest):
        raise StoreError(
            f"run {ancestor} was played by another learner or configuration; choose another folder"
        )
    copy = scratch / "in"  # a path that names no run
    shutil.copytree(store.checkpoint_path(ancestor), copy)
    digest = folder_digest(copy)
    if digest != record.checkpoint_out:
        raise StoreError(
            f"the checkpoint of {ancestor} has digest {digest[:12]}..., its record says "
            f"{record.checkpoint_out[:12]}...; delete that run and play it again"
        )
    with learners_own("load"):
        learner.load(copy)
    return digest
