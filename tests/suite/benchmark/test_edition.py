"""Runs of an edition on the scheduler: failures, interrupts, resumption, clusters."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from protocol import ForeignProtocol, StoreError, plan
from suite.benchmark.edition import RunEnd, missing_runs, play_all, play_one
from suite.benchmark.scheduler import Progress
from suite.benchmark.settings import Settings
from suite.contained.spec import BoxSpec
from suite.results.store import Store
from tests import ROOT
from tests.starter import AMTLB
from tests.suite.helpers import V1

RUNS = plan(V1, V1.edition("smoke"))
TRANSFER = next(run for run in RUNS if run.run_id.arm == "transfer")
UNIFORM = "baselines.uniform:make"


def settings(learner: str = UNIFORM, scheduler: str | None = None) -> Settings:
    return Settings(learner, jobs=2, scheduler=scheduler)


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in listed for word in task.read_text().split()]


def test_a_complete_edition_is_not_played_again(smoke_results):
    """With every run complete, nothing is missing and nothing is played."""
    store = Store(smoke_results, V1)
    missing, digest = missing_runs(RUNS, store, UNIFORM, None)
    assert missing == []
    assert digest == store.record(RUNS[0].run_id).configuration_digest
    before = {path: path.stat().st_mtime_ns for path in smoke_results.rglob("record.json")}
    assert play_all(RUNS, store, settings(), pytest.fail) == []
    assert {path: path.stat().st_mtime_ns for path in smoke_results.rglob("record.json")} == before


def test_runs_of_another_learner_are_foreign(smoke_results):
    """A folder with one learner's runs accepts no other learner's."""
    with pytest.raises(ForeignProtocol, match=r"baselines\.uniform:make, not of baselines\.ppo:make"):
        missing_runs(RUNS, Store(smoke_results, V1), "baselines.ppo:make", None)
    with pytest.raises(ForeignProtocol, match="in no image, not in image 000000"):
        missing_runs(RUNS, Store(smoke_results, V1), UNIFORM, BoxSpec(image_sha256="0" * 64))


def test_runs_of_two_configurations_are_foreign(tmp_path):
    """A folder whose complete runs have two configurations is played in by nobody."""
    for run, digest in zip(RUNS[:2], ("1" * 64, "2" * 64), strict=True):
        record = Store(ROOT / "artifacts/v1/smoke/uniform", V1).record(run.run_id)
        (tmp_path / run.run_id.path).mkdir(parents=True)
        changed = record.model_copy(update={"configuration_digest": digest})
        (tmp_path / run.run_id.path / "record.json").write_text(changed.model_dump_json())
    with pytest.raises(ForeignProtocol, match="runs of 2 configurations"):
        missing_runs(RUNS, Store(tmp_path, V1), UNIFORM, None)


def test_a_checkpoint_that_is_gone_is_named(tmp_path):
    """A run that starts from a deleted checkpoint is not played, and the run to play again is named."""
    shutil.copytree(ROOT / "artifacts/v1/smoke/uniform", tmp_path / "results")  # without checkpoints, as in git
    store = Store(tmp_path / "results", V1)
    shutil.rmtree(store.run_folder(TRANSFER.run_id))
    ancestor = TRANSFER.starts_from
    for play in (
        lambda: play_all(RUNS, store, settings(), pytest.fail),
        lambda: play_one(TRANSFER.run_id, store, settings()),
    ):
        with pytest.raises(StoreError) as told:
            play()
        assert f"delete {store.run_folder(ancestor)} and play {ancestor} again" in str(told.value)
        assert str(TRANSFER.run_id) in str(told.value)
    assert not store.log_path(TRANSFER.run_id).exists()


def test_failing_runs_are_told_and_the_others_go_on(tmp_path):
    """A failing run names its log, and the rest completes."""
    names = ("smoke/pretrain/fold1/seed0", "smoke/fresh/asterix/seed0")
    chosen = [run for run in RUNS if str(run.run_id) in names]
    store, heard = Store(tmp_path, V1), []
    learner = "tests.suite.bad_learners:FailsOnOneGame"
    outcomes = play_all(chosen, store, settings(learner), heard.append)
    by_run = {outcome.run_id: outcome for outcome in outcomes}
    assert by_run["smoke/pretrain/fold1/seed0"].status == "complete"
    failed = by_run["smoke/fresh/asterix/seed0"]
    assert failed.status == "failed"
    assert failed.error == "RuntimeError: too little to learn from"
    log = Path(failed.log).read_text()
    assert "about to fail" in log
    assert "Traceback" in log
    assert sorted(o.run_id for o in heard if isinstance(o, RunEnd)) == sorted(by_run)


def test_progress_is_heard_while_runs_are_played(tmp_path):
    """While a run is played, the listener receives the growing number of steps that it has played."""
    heard = []
    (outcome,) = play_all(RUNS[:1], Store(tmp_path, V1), settings(), heard.append)
    assert outcome.status == "complete"
    progress = [news for news in heard if isinstance(news, Progress)]
    assert {news.run_id for news in progress} == {str(RUNS[0].run_id)}
    steps = [news.steps for news in progress]
    assert steps == sorted(steps)
    assert 0 < steps[0] <= steps[-1] <= RUNS[0].most_steps


def test_a_run_that_writes_what_is_no_message_fails(tmp_path):
    """A learner's own line on the way to the harness fails its run, with these words and no traceback."""
    learner = "tests.suite.bad_learners:WritesIntoEveryPipe"
    outcome = play_one(RUNS[0].run_id, Store(tmp_path, V1), settings(learner))
    assert outcome.status == "failed"
    assert "b'hello', which is no message of a run" in outcome.error


def test_descendants_of_a_failed_run_are_skipped(tmp_path):
    """A transfer run whose pretrain run failed is not tried."""
    chosen = [run for run in RUNS if run.run_id.seed == 0 and run.run_id.fold == 1]
    outcomes = play_all(
        chosen, Store(tmp_path, V1), settings("tests.suite.bad_learners:Killed"), lambda news: None
    )
    assert [outcome.status for outcome in outcomes] == ["failed", "skipped"]
    assert "status -9" in outcomes[0].error
    assert "smoke/pretrain/fold1/seed0, which failed" in outcomes[1].error


def _heed_interrupts() -> None:
    """Undo what a shell does to tests that it runs in the background: their children would ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_stops_cleanly(tmp_path):
    """Ctrl-C ends the runs that are being played, exits 130, and leaves no process behind."""
    command = [AMTLB, "benchmark", "--learner", UNIFORM]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_heed_interrupts,
    ) as process:
        deadline = time.monotonic() + 60
        while not list((tmp_path).glob("out/**/journal.arrows")) and time.monotonic() < deadline:
            time.sleep(0.1)
        children = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    assert "the same command goes on with what is missing" in output
    assert "Traceback" not in output
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_runs_end_with_a_killed_parent(tmp_path):
    """When the command is killed, the runs that it started end by themselves."""
    command = [
        AMTLB,
        "run",
        "smoke/generalist/seed0",
        "--learner",
        UNIFORM,
    ]
    with subprocess.Popen([*command, "--out", str(tmp_path)], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("**/journal.arrows")) and time.monotonic() < deadline:
            time.sleep(0.05)
        children = children_of(process.pid)
        process.kill()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_a_task_that_the_scheduler_loses_is_a_failed_run(tmp_path):
    """An error outside a run's process fails that run and what starts from it, and stops no other."""
    chosen = [run for run in RUNS if run.run_id.seed == 0 and run.run_id.fold == 1]
    chosen += [run for run in RUNS if str(run.run_id) == "smoke/fresh/breakout/seed0"]
    store = Store(tmp_path, V1)
    store.make_folder()
    store.log_path(chosen[0].run_id).mkdir()  # its log cannot be opened
    outcomes = play_all(chosen, store, settings(), lambda news: None)
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "complete"]
    assert "IsADirectoryError" in outcomes[0].error
