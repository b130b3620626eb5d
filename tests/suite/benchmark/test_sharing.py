"""Two that play into one folder: they share its runs, wait for each other, and overwrite nothing."""

import shutil
import subprocess
import time

import pytest

from protocol import plan
from suite.benchmark.edition import RunEnd, play_all
from suite.benchmark.process import Task, run_child
from suite.benchmark.settings import Settings
from suite.results.store import Store
from suite.run.job import Job
from tests.starter import AMTLB
from tests.suite.helpers import V1, uniform_results

LEARNER = ["--learner", "baselines.uniform:make"]
PAIR = [run for run in plan(V1, V1.edition("smoke")) if (run.run_id.seed, run.run_id.fold) == (0, 1)]
"""A pretrain run, and the transfer run that starts from it."""


@pytest.mark.slow
def test_what_another_plays_is_waited_for(tmp_path):
    """A benchmark leaves a run to who plays it, waits, counts it as complete, and plays what starts from it."""
    store, heard = Store(tmp_path, V1), []
    run_id = PAIR[0].run_id
    with subprocess.Popen([AMTLB, "run", str(run_id), *LEARNER, "--out", tmp_path]) as other:
        while not store.is_being_played(run_id) and other.poll() is None:
            time.sleep(0.05)
        log = store.log_path(run_id)
        log.write_text("what the other prints")
        settings = Settings("baselines.uniform:make")
        outcomes = play_all(PAIR, store, settings, heard.append)
    assert other.returncode == 0
    assert [outcome.status for outcome in outcomes] == ["complete", "complete"]
    told = [(news.run_id, news.status) for news in heard if isinstance(news, RunEnd)]
    pretrain, transfer = (str(run.run_id) for run in PAIR)
    assert told == [
        (pretrain, "elsewhere"),
        (transfer, "elsewhere"),
        (pretrain, "complete"),
        (transfer, "complete"),
    ]
    assert log.read_text() == "what the other prints"


@pytest.mark.parametrize("named", [True, False])
def test_a_run_that_is_complete_already_is_complete(smoke_results, tmp_path, named):
    """A run that is complete by now, or had only to get its name when it was killed, is not played again."""
    run_id = PAIR[0].run_id
    folder = Store(tmp_path, V1).run_folder(run_id)
    shutil.copytree(
        Store(smoke_results, V1).run_folder(run_id), folder if named else folder.with_name("seed0.partial")
    )
    job = Job(
        run_id=str(PAIR[0].run_id),
        protocol_version="v1",
        learner="baselines.uniform:make",
        folder=str(tmp_path),
        device="cpu",
        workers=0,
        box=None,
        configuration_digest=None,
    )
    outcome = run_child(Task(job, str(tmp_path / "log"), tracked=False), pytest.fail, lambda: False)
    assert (outcome.status, outcome.error) == ("complete", "")
    assert not (tmp_path / "log").exists()  # no process was started


@pytest.mark.slow
def test_two_benchmarks_of_one_folder_share_the_work(tmp_path):
    """Both end with status 0 and all runs complete; each run was played by one of them, and both played."""
    runs = plan(V1, V1.edition("smoke"))
    missing = [run.run_id.path for run in runs if (run.run_id.arm, run.run_id.seed) == ("fresh", 0)]
    uniform_results(tmp_path, missing)
    command = [AMTLB, "benchmark", *LEARNER, "--jobs", "1", "--out", tmp_path]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    texts = [process.communicate(timeout=900)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], texts
    store = Store(tmp_path, V1)
    assert all(store.is_complete(run.run_id) for run in runs)
    assert len(list(store.sacred_folder.glob("*/run.json"))) == len(missing)
    assert all("is waited for: another process plays it" in text for text in texts)
