"""A learner's pace: from complete runs, by its own clock, and from a short play."""

import numpy as np
import pytest

from protocol import LearnerError, RunPart, UnknownName, plan
from suite.benchmark.pace import EVALUATION_STEPS, Clocked, measure, measured_games, pace_of_runs
from suite.machine import cpu_type
from suite.results.journal import read_journal
from suite.results.store import RECORD, Store
from tests.suite.helpers import V1

SMOKE = plan(V1, V1.edition("smoke"))
FRESH, PRETRAIN = SMOKE[0], SMOKE[6]


def written(folder, smoke_results, run, **changes):
    """A complete run in the folder: a modified record of uniform play, and a checkpoint of 3 bytes."""
    record = Store(smoke_results, V1).record(run.run_id).model_copy(update=changes)
    place = folder / run.run_id.path
    (place / "checkpoint").mkdir(parents=True)
    (place / "checkpoint/weights").write_bytes(b"abc")
    (place / RECORD).write_text(record.model_dump_json())


@pytest.fixture
def store(tmp_path, smoke_results):
    """A fresh run at 100 steps/s and a pretrain run at 50; 2,000 and 4,000 steps of training."""
    fresh = Store(smoke_results, V1).record(FRESH.run_id)
    games = (fresh.games[0].model_copy(update={"evaluation_frames": 4_000}),)
    fast = {"training_steps_per_second": 100.0, "wall_seconds": 25.0, "peak_memory_bytes": 7, "games": games}
    written(tmp_path, smoke_results, FRESH, cpu=cpu_type(), **fast)
    slow = {"training_steps_per_second": 50.0, "wall_seconds": 99.0, "peak_memory_bytes": 9}
    written(tmp_path, smoke_results, PRETRAIN, cpu=cpu_type(), **slow)
    return Store(tmp_path, V1)


def test_the_pace_of_runs_by_hand(store):
    """The pace is 6,000 steps in 20 + 80 s of training, and 1,000 evaluation steps in 5 s of the fresh run."""
    pace, runs = pace_of_runs(store, [FRESH, PRETRAIN], "cpu", 0)
    assert runs == 2
    assert pace.training_steps_per_second == pytest.approx(60)
    assert pace.evaluation_steps_per_second == pytest.approx(200)
    assert (pace.memory_bytes, pace.checkpoint_bytes) == (9, 3)
    without_evaluation, _ = pace_of_runs(store, [PRETRAIN], "cpu", 0)
    assert without_evaluation.evaluation_steps_per_second == pytest.approx(50)


def test_runs_of_another_kind_say_nothing(tmp_path, smoke_results, store):
    """Runs on another CPU, on another device, with other workers, or that were resumed give no pace."""
    assert pace_of_runs(store, [FRESH], "cuda", 0) is None
    assert pace_of_runs(store, [FRESH], "cpu", 2) is None
    assert pace_of_runs(store, [], "cpu", 0) is None
    written(tmp_path, smoke_results, SMOKE[1], cpu=cpu_type() + " of another make")
    assert pace_of_runs(store, [SMOKE[1]], "cpu", 0) is None
    part = RunPart(until_steps=8, device="cpu", cpu="", code_commit=None, versions={}, wall_seconds=1.0)
    written(tmp_path, smoke_results, SMOKE[2], cpu=cpu_type(), resumed_from=(part,))
    assert pace_of_runs(store, [SMOKE[2]], "cpu", 0) is None


def test_the_clock_counts_the_second_half_without_loading(tmp_path, monkeypatch):
    """Of eight vector steps, the last four count, except the one before which a lane met a new game."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock = Clocked(tmp_path / "journal", 2)
    for step, now[0] in enumerate([0.0, 10.0, 20.0, 30.0, 31.0, 91.0, 92.0, 93.0]):
        if step in (0, 5):
            clock.begin(0, "training", step, f"game{step}", 1)
        clock.step(np.zeros(2, np.uint8), np.zeros(2, np.int32))
        if step in (4, 7):
            clock.end(0, "game_over", np.zeros(128, np.uint8))
    clock.close()
    assert clock.steps == 16
    assert clock.steps_per_second == pytest.approx(2 * (1 + 1 + 1) / 3)
    assert len(list(read_journal(tmp_path / "journal"))) == 2


@pytest.mark.slow
def test_a_short_play_measures_a_learner():
    """Uniform play is measured on two games of an edition: it learns nothing and saves no weights."""
    pace = measure("baselines.uniform:make", measured_games(V1.edition("smoke")), "cpu")
    assert pace.training_steps_per_second > 50
    assert pace.evaluation_steps_per_second > 50
    assert 50e6 < pace.memory_bytes < 1e9
    assert EVALUATION_STEPS % (2 * V1.lanes) == 0


@pytest.mark.parametrize(
    ("learner", "kind", "words"),
    [
        ("EarlyStop", LearnerError, "after 8 of 8000 agent steps"),
        ("Raises", LearnerError, "status 1: RuntimeError: the learner's own fault"),
        ("Killed", LearnerError, "status -9"),
        ("Absent", UnknownName, "has no function Absent"),
    ],
)
def test_a_learner_that_fails_is_not_measured(learner, kind, words):
    """The error of a learner that fails in the short play is one line."""
    with pytest.raises(kind, match=words) as caught:
        measure(f"tests.suite.bad_learners:{learner}", ("breakout", "pong"), "cpu")
    assert "\n" not in str(caught.value)
