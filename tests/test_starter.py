"""The command that tests fork is the one that users start."""

import os
import signal
import subprocess
from contextlib import contextmanager

import pytest

from tests.starter import AMTLB, Starter


@pytest.fixture
def starter():
    starter = Starter()
    yield starter
    starter.stop()


@contextmanager
def interrupted(seconds: float):
    """Raise KeyboardInterrupt in here after a while."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with pytest.raises(KeyboardInterrupt):
        yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["protocol", "digest"], 0), (["scores", "here"], 2), (["scores", "ppo"], 0), (["--nonsense"], 2)],
)
def test_a_forked_command_does_what_a_started_one_does(starter, tmp_path, arguments, status):
    """It ends with the same status and prints the same, in the given folder and environment."""
    given = {"env": os.environ | {"COLUMNS": "70"}, "cwd": tmp_path}
    forked = starter.run(arguments, **given)
    started = subprocess.run([AMTLB, *arguments], capture_output=True, text=True, **given)
    assert forked.returncode == started.returncode == status
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)


def test_a_call_that_is_broken_off_answers_no_later_one(starter):
    """After an interrupt the command has ended, and the next call gets its own answer."""
    with interrupted(seconds=1):
        starter.run(["protocol", "check"])
    assert starter.run(["--version"]).stdout.startswith("amtlb ")
