"""Runs that are tracked while they are played: what Sacred stores of them, and what it must not change."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from protocol import plan
from suite.benchmark.edition import play_all, play_one
from suite.benchmark.process import RunEnd
from suite.benchmark.settings import Settings
from suite.results.editions import complete_runs
from suite.results.reading import read_ledger_file
from suite.results.store import Store
from suite.run.job import Job
from suite.run.messages import Begun, Measured, Point
from suite.run.points import ended_episodes, points_of
from suite.tracking.mongo_url import VARIABLE
from suite.tracking.publish import Ending, Publisher
from suite.tracking.tracker import Follower
from tests.suite.helpers import V1
from tests.suite.tracking.servers import SECRET, opened

RUNS = plan(V1, V1.edition("smoke"))
FRESH = [run for run in RUNS if run.run_id.game == "breakout" and run.run_id.arm == "fresh"]
UNIFORM = "baselines.uniform:make"
BEGUN = Begun(configuration={}, configuration_digest="0" * 64, started_at="2026-01-01T00:00:00+00:00")


def settings(learner: str = UNIFORM, jobs: int = 2) -> Settings:
    return Settings(learner, jobs=jobs, tracked=True)


def job(folder: Path) -> Job:
    return Job(
        run_id=str(FRESH[0].run_id),
        protocol_version="v1",
        learner=UNIFORM,
        folder=str(folder),
        device="cpu",
        workers=0,
        box=None,
        configuration_digest=None,
    )


def test_sacred_is_loaded_silently():
    """The warnings of Sacred's import, which differ between versions of Python, are not shown."""
    loading = "import suite.tracking.observers, suite.tracking.sacred_run"
    done = subprocess.run([sys.executable, "-W", "error", "-c", loading], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def points_there(document: dict, metrics: list[dict]) -> set[tuple]:
    """The points of a run's returns in a database."""
    return {
        (metric["name"], *point)
        for metric in metrics
        if metric["run_id"] == document["_id"] and "return" in metric["name"]
        for point in zip(metric["steps"], metric["values"], strict=True)
    }


def test_two_runs_at_once_are_two_sacred_runs(tmp_path, monkeypatch, database_url, results_of_uniform):
    """Each is COMPLETED under its own number, with config, metrics, artifacts; the ledger is as published."""
    monkeypatch.setenv(VARIABLE, database_url)
    store = Store(tmp_path, V1)
    outcomes = play_all(FRESH, store, settings(), lambda news: None)
    assert [(one.status, one.untracked) for one in outcomes] == [("complete", "")] * 2
    published = Store(results_of_uniform, V1)
    with opened(database_url) as database:
        documents = {one["config"]["run_id"]: one for one in database["runs"].find()}
        metrics = list(database["metrics"].find())
        files = {one["_id"]: one for one in database["fs.files"].find()}
    assert sorted(one["_id"] for one in documents.values()) == [1, 2]
    for run in FRESH:
        record, document = store.record(run.run_id), documents[str(run.run_id)]
        assert record.ledger_sha256 == published.record(run.run_id).ledger_sha256
        assert document["status"] == "COMPLETED"
        assert document["experiment"]["name"] == "fresh"
        assert document["info"]["ledger_sha256"] == record.ledger_sha256
        assert document["config"] == {
            "run_id": record.run_id,
            "edition_digest": V1.edition_digests["smoke"],
            "learner": UNIFORM,
            "configuration": record.configuration,
            "configuration_digest": record.configuration_digest,
            "seed": run.run_id.seed,
        }
        names = {one["name"]: files[one["file_id"]] for one in document["artifacts"]}
        assert names.keys() == {"record.json", "ledger.parquet"}
        assert names["ledger.parquet"]["metadata"]["sha256"] == record.ledger_sha256
        columns = read_ledger_file(store.folder, f"{run.run_id.path}/ledger.parquet", run).columns
        episodes = ended_episodes(columns, run, V1.lanes)
        assert points_there(document, metrics) == set(points_of(episodes, run))
        assert any(one["name"] == "training.steps_per_second" for one in document["info"]["metrics"])
    assert {path.name for path in store.sacred_folder.iterdir()} == {"1", "2"}
    for number in ("1", "2"):
        kept = json.loads((store.sacred_folder / number / "run.json").read_text())
        assert kept["status"] == "COMPLETED"
        assert str(tmp_path) not in json.dumps(kept)


@pytest.mark.slow
def test_failed_runs_are_failed_sacred_runs(tmp_path, monkeypatch, untracked_environment):
    """A run that fails is FAILED with its reason; a run that never began is not a Sacred run."""
    store = Store(tmp_path, V1)
    for learner in ("tests.suite.bad_learners:Raises", "tests.suite.bad_learners:NoConfiguration"):
        outcome = play_one(FRESH[0].run_id, store, settings(learner))
        assert (outcome.status, outcome.untracked) == ("failed", "")
    (kept,) = store.sacred_folder.iterdir()
    said = json.loads((kept / "run.json").read_text())
    assert said["status"] == "FAILED"
    assert "the learner's own fault" in "".join(said["fail_trace"])


@pytest.mark.slow
def test_a_server_that_goes_away_in_mid_run_harms_nothing(tmp_path, monkeypatch, server):
    """A run that is killed and restarted completes and says so, and publishing completes its document."""
    monkeypatch.setenv(VARIABLE, server.url)
    store, heard = Store(tmp_path, V1), []
    run = next(run for run in RUNS if run.run_id.arm == "generalist")

    def kill_when_running() -> None:
        deadline = time.monotonic() + 60
        with opened(server.url) as database:
            while not database["runs"].count_documents({"status": "RUNNING"}) and time.monotonic() < deadline:
                time.sleep(0.02)
        server.kill()
        heard.append("killed")

    killer = Thread(target=kill_when_running)
    killer.start()
    outcome: RunEnd = play_one(run.run_id, store, settings())
    killer.join()
    assert heard == ["killed"]
    assert outcome.status == "complete"
    assert f"MongoDB at 127.0.0.1:{server.port}/runs failed" in outcome.untracked
    assert SECRET not in outcome.untracked
    server.start()
    with opened(server.url) as database:
        (left,) = database["runs"].find()
        assert left["status"] == "RUNNING"
        endings = Publisher(database, 0.2).publish(store, complete_runs(store), lambda run_id, ending: None)
        assert endings == {Ending.COMPLETED: 1}
        (document,) = database["runs"].find()
        assert (document["_id"], document["status"]) == (left["_id"], "COMPLETED")
        assert document["info"]["ledger_sha256"] == store.record(run.run_id).ledger_sha256
        columns = read_ledger_file(store.folder, f"{run.run_id.path}/ledger.parquet", run).columns
        episodes = ended_episodes(columns, run, V1.lanes)
        assert points_there(document, list(database["metrics"].find())) == set(points_of(episodes, run))
        assert len(list(database["fs.files"].find())) == 2


@pytest.mark.slow
def test_a_run_that_was_followed_is_published_already(tmp_path, monkeypatch, database_url):
    """Publishing a run that was tracked to its end changes nothing."""
    monkeypatch.setenv(VARIABLE, database_url)
    store = Store(tmp_path, V1)
    assert play_one(FRESH[0].run_id, store, settings()).untracked == ""
    with opened(database_url) as database:
        before = list(database["runs"].find())
        endings = Publisher(database, 0.2).publish(store, complete_runs(store), lambda run_id, ending: None)
        assert endings == {Ending.PRESENT: 1}
        assert list(database["runs"].find()) == before


@pytest.mark.slow
def test_what_cannot_be_written_as_files_is_told_too(tmp_path, untracked_environment):
    """A file in place of Sacred's folder prevents the tracking, not the run."""
    store = Store(tmp_path, V1)
    store.make_folder()
    store.sacred_folder.touch()
    outcome = play_one(FRESH[0].run_id, store, settings())
    assert outcome.status == "complete"
    assert str(store.sacred_folder) in outcome.untracked


def test_taking_a_message_never_waits(tmp_path, monkeypatch):
    """A thousand messages are accepted at once while nobody answers at the database's port."""
    monkeypatch.setenv(VARIABLE, "mongodb://127.0.0.1:1/runs")
    follower = Follower(job(tmp_path))
    begun = time.monotonic()
    follower.take(BEGUN)
    for frames in range(1000):
        follower.take(Measured(points=(Point("x", frames, 1.0),)))
    assert time.monotonic() - begun < 0.5
    assert "127.0.0.1:1" in follower.end("failed", "for the test")


@pytest.mark.parametrize("key", ["learning.rate", "$rate", "a=b", ""])
def test_any_configuration_can_be_followed(tmp_path, untracked_environment, key):
    """Keys that MongoDB or Sacred would refuse are stored under names that they accept."""
    store = Store(tmp_path, V1)
    follower = Follower(job(tmp_path))
    follower.take(BEGUN.model_copy(update={"configuration": {"nested": {key: [1, {"deep.er": None}]}}}))
    assert follower.end("stopped", "for the test") == ""
    assert json.loads((store.sacred_folder / "1" / "run.json").read_text())["status"] == "INTERRUPTED"
    assert os.listdir(store.sacred_folder) == ["1"]
