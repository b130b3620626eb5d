"""The README's promise, from a clean clone: one command plays an edition, broken off or not, to one result."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from protocol import parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.machine import cpu_type
from suite.results.store import Store, record_paths
from tests.suite.helpers import V1

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = tomllib.loads((Path(__file__).parent / "golden_ledgers.toml").read_text(encoding="utf-8"))
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What git has of the project, with this machine's environment in its place."""
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


@pytest.fixture(scope="module")
def unbroken(clone, tmp_path_factory) -> Path:
    """The smoke edition played by PPO in one go, within the promised time."""
    out = tmp_path_factory.mktemp("unbroken")
    begun = time.monotonic()
    done = subprocess.run(make(clone, "benchmark", f"OUT={out}"), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"make benchmark took {time.monotonic() - begun:.0f} s")
    print(done.stdout)
    assert "transfer ratio" in done.stdout
    return out


def test_every_fold_has_a_result(unbroken):
    """All 20 runs are complete, and each of the three folds has a transfer result."""
    assert len(record_paths(unbroken)) == 20
    scores = json.loads((unbroken / "scores.json").read_text())
    assert [game["fold"] for game in scores["transfer"]["games"]] == [0, 1, 2]
    assert len(scores["multitask"]) == 3


def test_killed_and_called_again_gives_the_same_scores(clone, tmp_path):
    """Killed with all its processes at a random moment, the next call completes it to the published scores."""
    command = make(clone, "benchmark", f"OUT={tmp_path}", "LEARNER=baselines.uniform:make")
    delay = random.uniform(5, 20)
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


@pytest.mark.parametrize("learner", ["dqn", "multihead_a2c"])
def test_the_other_reference_learners_play_what_is_published(learner, tmp_path):
    """A pretrain run and the transfer run that starts as it have the published ledgers and checkpoints."""
    store = Store(tmp_path, V1)
    settings = Settings(f"baselines.{learner}:make", "cpu", 1, 0, None, None)
    for name in ("smoke/pretrain/fold0/seed0", "smoke/transfer/fold0/space_invaders/seed0"):
        outcome = play_one(parse_run_id(name, V1), store, V1, settings)
        assert outcome.status == "complete", outcome.error
    assert_as_published(tmp_path, learner)


def test_ppo_plays_what_is_published(unbroken):
    """Played here and now, every ledger of the baseline is the published one."""
    assert_as_published(unbroken, "ppo")


def assert_as_published(results: Path, name: str) -> None:
    """The ledgers and the checkpoints' digests are the published ones, on the CPU types where that is known."""
    if cpu_type() not in GOLDEN:
        print(f"whether {cpu_type()} plays what is published is not known")
        return
    for played in record_paths(results):
        here = json.loads(played.read_text())
        path = here["run_id"].partition("/")[2]
        there = json.loads((ROOT / "artifacts/v1/smoke" / name / path / "record.json").read_text())
        for digest in ("ledger_sha256", "checkpoint_in", "checkpoint_out", "notes_sha256"):
            assert here[digest] == there[digest], (there["run_id"], digest)


def test_results_stand_beside_the_published_ones(clone, unbroken):
    """``make compare`` after ``make benchmark`` shows both, ``make report`` writes the page."""
    out = f"OUT={unbroken}"
    done = subprocess.run(make(clone, "compare", out), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    for name in (unbroken.name, "dqn", "multihead_a2c", "ppo", "ppo_reset", "uniform"):
        assert name in done.stdout
    done = subprocess.run(make(clone, "report", out), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (unbroken / "report" / "report.html").exists()


def test_baselines_are_published_anew(clone):
    """``make baselines`` finds the published runs complete, plays none, and writes the same scores and sums."""
    done = subprocess.run(make(clone, "baselines"), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("20 of 20 runs of smoke are complete") == 5
    if (clone / ".git").exists() and cpu_type() in GOLDEN:
        status = subprocess.run(["git", "status", "--short"], cwd=clone, capture_output=True, text=True).stdout
        assert "artifacts" not in status
