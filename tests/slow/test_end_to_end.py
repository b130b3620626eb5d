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

from suite.machine import cpu_type
from suite.results.store import record_paths

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


def test_killed_and_called_again_gives_the_same_scores(clone, unbroken, tmp_path):
    """Killed with all its processes at a random moment, the next call completes it to the same bytes."""
    delay = random.uniform(10, 50)
    print(f"killed after {delay:.1f} s")
    with subprocess.Popen(
        make(clone, "benchmark", f"OUT={tmp_path}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
    done = subprocess.run(
        make(clone, "benchmark", f"OUT={tmp_path}"), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "scores.json").read_bytes() == (unbroken / "scores.json").read_bytes()
    assert list(tmp_path.rglob("*.partial")) == []


@pytest.mark.parametrize("learner", ["baselines.dqn:make", "baselines.multihead_a2c:make"])
def test_the_other_reference_learners_play_it_too(clone, tmp_path, learner):
    """One command plays and scores the edition with each of them; those with heads leave notes."""
    command = make(clone, "benchmark", f"OUT={tmp_path}", f"LEARNER={learner}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert "transfer ratio" in done.stdout
    assert len(record_paths(tmp_path)) == 20
    assert len(list(tmp_path.rglob("notes/head_use.parquet"))) == (20 if "multihead" in learner else 0)
    assert_as_published(tmp_path, learner.removeprefix("baselines.").removesuffix(":make"))


def test_ppo_plays_what_is_published(unbroken):
    """Played here and now, every ledger of the baseline is the published one."""
    assert_as_published(unbroken, "ppo")


def assert_as_published(results: Path, name: str) -> None:
    """Every ledger and every checkpoint's digest is the published one, on the CPU types where that is known."""
    if cpu_type() not in GOLDEN:
        print(f"whether {cpu_type()} plays what is published is not known")
        return
    for published in (ROOT / "artifacts/v1/smoke" / name).rglob("record.json"):
        there = json.loads(published.read_text())
        here = json.loads((results / there["run_id"].partition("/")[2] / "record.json").read_text())
        for digest in ("ledger_sha256", "checkpoint_in", "checkpoint_out"):
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
