"""Fixtures that several test modules share."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("amtlb", deadline=None)  # a noisy machine is no failure
settings.load_profile("amtlb")

Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def amtlb() -> Callable[..., Run]:
    """Run the installed command line as a user does; returns the finished process."""

    def run(*arguments: str, **options: object) -> Run:
        command = [str(Path(sys.executable).with_name("amtlb")), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, **options)  # type: ignore[call-overload]

    return run


@pytest.fixture(scope="session")
def smoke_results(amtlb, tmp_path_factory) -> Path:
    """The whole smoke edition, played once a session by the uniform learner through the command line."""
    folder = tmp_path_factory.mktemp("results") / "uniform"
    done = amtlb("benchmark", "--learner", "baselines.uniform:make", "--out", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
