"""Training, saving and evaluation of one run, from its beginning or from a snapshot."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocol import BudgetExhausted, LearnerError, Phase, Protocol, Run, RunPart
from suite.lanes.engine import Engine
from suite.lanes.environment import LaneEnv, OpenEpisode, SaveState
from suite.lanes.schedules import EvaluationSchedule, MeterState, Schedule, TrainingMeter
from suite.lanes.workers import make_engine
from suite.learners.boundary import learners_own
from suite.learners.contract import Learner, NoteWriter, Resumable
from suite.machine import cpu_type, library_versions
from suite.results.run_parts import joined
from suite.results.store import CHECKPOINT, JOURNAL, NOTES
from suite.run.evaluation import evaluate, saved_digest
from suite.run.job import Job
from suite.run.messages import Listener, Overrun
from suite.run.recorder import ReportingRecorder
from suite.run.resumption import Maker, Resumed, Snapshot
from suite.run.snapshots import Snapshots


class Rounds:
    """The rounds of one run; their clock runs from when this is made.

    Args:
        protocol, run, job: what is played, and how.
        maker: who plays it.
        started_at: when the run began, ISO 8601.
        report: takes what the run reports.
        snapshots: of this run.
        resumed: the snapshot that it goes on from; None: it begins.

    Attributes:
        training_seconds: that the training has taken, in all parts.
        played_steps: agent steps of both phases, over all lanes and parts.
    """

    def __init__(
        self,
        protocol: Protocol,
        run: Run,
        job: Job,
        maker: Maker,
        started_at: str,
        report: Listener,
        snapshots: Snapshots,
        resumed: Resumed | None,
    ) -> None:
        self._protocol, self._run, self._job = protocol, run, job
        self._maker, self._started_at, self._report = maker, started_at, report
        self._snapshots, self._resumed = snapshots, resumed
        self._began = time.monotonic()
        self.training_seconds = 0.0 if resumed is None else resumed.snapshot.training_seconds
        self.played_steps = 0 if resumed is None else resumed.snapshot.played_steps
        self._meter = TrainingMeter.of(run, protocol)

    def play(self, learner: Learner, make_player: Callable[[], Learner], folder: Path, scratch: Path) -> None:
        """Play what is left of the run.

        Args:
            learner: made with the seed of the training; at the start of the run, or at its ancestor's end.
            make_player: makes the learner that is evaluated.
            folder: the run's.
            scratch: a folder whose path names no run: the learner only sees that. It may be empty or, where a
                machine's temporary folder is cleaned during a long run, gone.
        """
        protocol, before = self._protocol, self._resumed and self._resumed.snapshot
        size, steps = (before.journal_bytes, before.played_steps) if before else (None, 0)
        saved = scratch / "out"
        with (
            closing(make_engine(protocol, self._run.games, self._job.workers)) as engine,
            closing(ReportingRecorder(folder / JOURNAL, protocol.lanes, self._report, size, steps)) as recorder,
            self._counting(recorder),
        ):
            table = _Table(engine, recorder)
            if before is not None:
                self._meter.set_state(MeterState(before.left, before.playing, before.numbers))
            if before is None or before.phase == "training":
                self._train(learner, table, scratch)
                saved.mkdir(parents=True)
                with learners_own("save"):
                    learner.save(saved)
                shutil.copytree(saved, folder / CHECKPOINT)
                self._note(learner, folder, scratch / "notes")
                self._keep_training(table)
            else:
                shutil.copytree(folder / CHECKPOINT, saved)
            if self._run.evaluation_episodes:
                with learners_own("load"):
                    player = make_player()
                    player.load(saved)
                frozen = saved_digest(player, scratch / "before")
                self._evaluate(player, table, scratch)
                if saved_digest(player, scratch / "after") != frozen:
                    raise LearnerError(
                        "act changed what save writes, and an evaluation is of frozen weights; "
                        "keep what act changes out of save"
                    )

    @contextmanager
    def _counting(self, recorder: ReportingRecorder) -> Iterator[None]:
        try:
            yield
        finally:
            self.played_steps = recorder.played_steps

    def _train(self, learner: Learner, table: _Table, scratch: Path) -> None:
        earlier, began = self.training_seconds, time.monotonic()

        def safe_point(save_state: SaveState) -> None:
            if isinstance(learner, Resumable) and self._snapshots.due():
                self.training_seconds = earlier + time.monotonic() - began
                self._snapshots.take(lambda digest: self._snapshot("training", table, digest), save_state)

        env = self._env(table, self._meter, self._resumed, safe_point)
        if self._resumed is not None:
            _load_state(learner, self._resumed, scratch / "state")
        try:
            with learners_own("learn"):
                learner.learn(env)
        except BudgetExhausted:
            pass
        self.training_seconds = earlier + time.monotonic() - began
        if self._meter.unspent_steps:
            left = self._meter.unspent_steps * self._run.frame_skip
            raise LearnerError(
                f"learn returned with {left} of {env.budget_frames} frames unspent; "
                "a learner plays until env.step raises BudgetExhausted"
            )

    def _keep_training(self, table: _Table) -> None:
        """Take a snapshot of the training that is over, for which a learner need not be resumable."""
        if self._run.evaluation_episodes and self._snapshots.wanted:
            self._snapshots.take(
                lambda digest: self._snapshot("evaluation", table, digest), lambda folder: None
            )

    def _note(self, learner: Learner, folder: Path, noted: Path) -> None:
        if isinstance(learner, NoteWriter):
            noted.mkdir(parents=True)
            with learners_own("write_notes"):
                learner.write_notes(noted)
            shutil.copytree(noted, folder / NOTES)

    def _evaluate(self, player: Learner, table: _Table, scratch: Path) -> None:
        run = self._run
        first_numbers = tuple(self._meter.numbers)
        schedule = EvaluationSchedule(
            run.games, run.evaluation_episodes, first_numbers, run.evaluation_max_steps
        )
        episode_start = None
        resumed = self._resumed if self._resumed and self._resumed.snapshot.evaluated_numbers else None
        if resumed is not None:
            numbers = resumed.snapshot.evaluated_numbers
            schedule.skip([now - first for now, first in zip(numbers, first_numbers, strict=True)])
            _load_state(player, resumed, scratch / "state")
            episode_start = np.array(resumed.snapshot.episode_start, np.bool_)
        env = self._env(table, schedule, resumed)

        def between_steps(starts: npt.NDArray[np.bool_]) -> None:
            if isinstance(player, Resumable) and self._snapshots.due():
                evaluation = {
                    "evaluated_numbers": tuple(schedule.numbers),
                    "episode_start": tuple(starts.tolist()),
                }
                self._snapshots.take(
                    lambda digest: self._snapshot("evaluation", table, digest, **evaluation),
                    player.save_state,
                )

        with learners_own("act"):
            evaluate(player, env, episode_start, between_steps)

    def _env(
        self,
        table: _Table,
        schedule: Schedule,
        resumed: Resumed | None,
        safe_point: Callable[[SaveState], None] | None = None,
    ) -> LaneEnv:
        run = self._run
        return LaneEnv(
            self._protocol,
            run.episode_seed,
            table.engine,
            schedule,
            run.total_budget_frames,
            table.recorder,
            lambda error: self._report(Overrun(error)),
            safe_point,
            None if resumed is None else table.open_episodes(),
        )

    def _snapshot(
        self,
        phase: Phase,
        table: _Table,
        digest: str,
        evaluated_numbers: tuple[int, ...] = (),
        episode_start: tuple[bool, ...] = (),
    ) -> Snapshot:
        left, playing, numbers = self._meter.state()
        steps = table.recorder.played_steps
        return Snapshot(
            schema_version=1,
            run_id=str(self._run.run_id),
            maker=self._maker,
            phase=phase,
            started_at=self._started_at,
            training_seconds=self.training_seconds,
            played_steps=steps,
            journal_bytes=table.recorder.sync(),
            left=left,
            playing=playing,
            numbers=numbers,
            evaluated_numbers=evaluated_numbers,
            episode_start=episode_start,
            learner_sha256=digest,
            parts=joined((*self.parts, self._part(steps))),
        )

    @property
    def parts(self) -> tuple[RunPart, ...]:
        """On what the run was played before this process went on with it."""
        return () if self._resumed is None else self._resumed.snapshot.parts

    def _part(self, steps: int) -> RunPart:
        return RunPart(
            until_steps=steps,
            device=self._job.device,
            cpu=cpu_type(),
            code_commit=self._maker.code_commit,
            versions=library_versions(),
            wall_seconds=self.wall_seconds,
        )

    @property
    def wall_seconds(self) -> float:
        """The seconds that this process has spent on the run."""
        return round(time.monotonic() - self._began, 3)


def _load_state(learner: Learner, resumed: Resumed, copy: Path) -> None:
    """Let a learner go on from its state, copied to where no path names its run."""
    assert isinstance(learner, Resumable)
    shutil.copytree(resumed.learner, copy)
    with learners_own("load_state"):
        learner.load_state(copy)
    shutil.rmtree(copy)


class _Table(NamedTuple):
    """The table that a run is played on: its consoles, and the recorder of all that is played."""

    engine: Engine
    recorder: ReportingRecorder

    def open_episodes(self) -> dict[int, OpenEpisode]:
        """By lane, what the episodes that were broken off have played."""
        return {
            one["lane"]: OpenEpisode(
                one["game"], one["seed"], one["actions"], one["reward_steps"], one["rewards"]
            )
            for one in self.recorder.unfinished
        }
