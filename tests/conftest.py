"""Fixtures that several test modules share."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from suite.machine import available_cores
from tests.starter import Starter
from tests.suite.helpers import PLAYED_ANEW, uniform_results

settings.register_profile("amtlb", deadline=None)  # a noisy machine is no failure
settings.load_profile("amtlb")

Run = subprocess.CompletedProcess[str]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The number of processes for ``-n auto``: one more than cores, since many tests wait for processes."""
    return available_cores() + 1


@pytest.fixture(scope="session")
def amtlb() -> Iterator[Callable[..., Run]]:
    """Run the installed command line as a user does; returns the finished process."""
    starter = Starter()

    def run(*arguments: object, **options: Any) -> Run:
        return starter.run(list(map(str, arguments)), **options)

    yield run
    starter.stop()


@pytest.fixture(scope="session")
def smoke_results(amtlb, tmp_path_factory, worker_id) -> Path:
    """The smoke edition of the uniform learner, made once for all test processes together.

    A benchmark plays a few runs anew; the others are the published ones, with their checkpoints.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "results" / "uniform"
    with (shared / "results.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "scores.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uniform_results(folder, missing=PLAYED_ANEW)
            done = amtlb("benchmark", "--learner", "baselines.uniform:make", "--out", folder)
            assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """A folder of packages with ours as pip installs it from a wheel."""
    root, sources = Path(__file__).resolve().parents[1], tmp_path_factory.mktemp("sources")
    for name in ("protocol", "suite", "baselines", "amtlb"):
        shutil.copytree(root / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, sources)
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", site, sources], check=True, capture_output=True)
    return site
