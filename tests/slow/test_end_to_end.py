"""The README's promise, from a clean clone: one command plays an edition, broken off or not, to one result."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from protocol import parse_run_id, plan
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.machine import cpu_type
from suite.results.store import Store
from tests import ROOT
from tests.golden import GOLDEN, assert_as_published
from tests.suite.helpers import V1, uniform_results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A clone of the project or, without a git folder, a copy without environment and results."""
    folder = tmp_path_factory.mktemp("clone") / "amtlb"
    if (ROOT / ".git").exists():
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    else:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".venv", "results"))
    return folder


def make(clone: Path, target: str, *variables: str) -> list[str]:
    """A target of the clone's Makefile; the libraries of the environment that runs the tests stand in."""
    (clone / ".venv").mkdir(exist_ok=True)
    stamp = clone / ".venv" / ".installed"
    stamp.touch()
    for part in ("bin", "lib", "pyvenv.cfg"):
        if not (clone / ".venv" / part).exists():
            (clone / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    return ["env", f"PYTHONPATH={clone}", "make", "-C", str(clone), target, *variables]


def test_killed_and_called_again_gives_the_same_scores(clone, tmp_path):
    """Killed with all its processes at a random moment, the next call completes it to the published scores.

    The runs of one seed are played; those of the other are the published ones.
    """
    missing = [run.run_id.path for run in plan(V1, V1.edition("smoke")) if run.run_id.seed == 1]
    uniform_results(tmp_path, missing)  # the others are the published ones
    command = make(clone, "benchmark", f"OUT={tmp_path}", "LEARNER=baselines.uniform:make")
    delay = random.uniform(4, 15)
    print(f"killed after {delay:.1f} s")
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    published = ROOT / "artifacts/v1/smoke/uniform/scores.json"
    assert (tmp_path / "scores.json").read_bytes() == published.read_bytes()
    assert list(tmp_path.rglob("*.partial")) == []


@pytest.mark.long
@pytest.mark.parametrize("learner", ["dqn", "multihead_a2c"])
def test_the_other_reference_learners_play_what_is_published(learner, tmp_path):
    """A pretrain run and the transfer run that starts as it have the published ledgers and checkpoints."""
    store = Store(tmp_path, V1)
    settings = Settings(f"baselines.{learner}:make")
    for name in ("smoke/pretrain/fold0/seed0", "smoke/transfer/fold0/space_invaders/seed0"):
        outcome = play_one(parse_run_id(name, V1), store, settings)
        assert outcome.status == "complete", outcome.error
    assert_as_published(tmp_path, learner)


def test_baselines_are_published_anew(clone):
    """``make baselines`` finds the published runs complete, plays none, and writes the same scores and sums."""
    done = subprocess.run(make(clone, "baselines"), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("20 of 20 runs of smoke are complete") == 5
    if (clone / ".git").exists() and cpu_type() in GOLDEN:
        status = subprocess.run(["git", "status", "--short"], cwd=clone, capture_output=True, text=True).stdout
        assert "artifacts" not in status
