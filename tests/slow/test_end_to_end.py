"""The README's promise, from a clean clone: one command plays an edition, broken off or not, to one result."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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


def benchmark(clone: Path, out: Path, *variables: str) -> list[str]:
    """The README's command; the installed libraries of the environment that runs the tests stand in."""
    (clone / ".venv").mkdir(exist_ok=True)
    stamp = clone / ".venv" / ".installed"
    stamp.touch()
    bin_folder = clone / ".venv" / "bin"
    if not bin_folder.exists():
        bin_folder.symlink_to(Path(sys.executable).parent)
    return ["env", f"PYTHONPATH={clone}", "make", "-C", str(clone), "benchmark", f"OUT={out}", *variables]


@pytest.fixture(scope="module")
def unbroken(clone, tmp_path_factory) -> Path:
    """The smoke edition played by PPO in one go, within the promised time."""
    out = tmp_path_factory.mktemp("unbroken")
    begun = time.monotonic()
    done = subprocess.run(benchmark(clone, out), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"make benchmark took {time.monotonic() - begun:.0f} s")
    print(done.stdout)
    assert "transfer ratio" in done.stdout
    return out


def test_every_fold_has_a_result(unbroken):
    """All 20 runs are complete, and each of the three folds has a transfer result."""
    assert len(list(unbroken.rglob("record.json"))) == 20
    scores = json.loads((unbroken / "scores.json").read_text())
    assert [game["fold"] for game in scores["transfer"]["games"]] == [0, 1, 2]
    assert len(scores["multitask"]) == 3


def test_killed_and_called_again_gives_the_same_scores(clone, unbroken, tmp_path):
    """Killed with all its processes at a random moment, the next call completes it to the same bytes."""
    delay = random.uniform(10, 50)
    print(f"killed after {delay:.1f} s")
    with subprocess.Popen(
        benchmark(clone, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
    done = subprocess.run(benchmark(clone, tmp_path), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "scores.json").read_bytes() == (unbroken / "scores.json").read_bytes()
    assert list(tmp_path.rglob("*.partial")) == []


@pytest.mark.parametrize("learner", ["baselines.dqn:make", "baselines.multihead_a2c:make"])
def test_the_other_reference_learners_play_it_too(clone, tmp_path, learner):
    """One command plays and scores the edition with each of them; those with heads leave notes."""
    done = subprocess.run(
        benchmark(clone, tmp_path, f"LEARNER={learner}"), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert "transfer ratio" in done.stdout
    assert len(list(tmp_path.rglob("record.json"))) == 20
    assert len(list(tmp_path.rglob("notes/head_use.parquet"))) == (20 if "multihead" in learner else 0)
