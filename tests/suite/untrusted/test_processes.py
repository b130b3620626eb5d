"""Many tasks in a few processes: one that dies, hangs, fails or eats memory costs only its own result."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite.untrusted.processes import Failure, Limits, run_sharded

LIMITS = Limits(memory_bytes=2**28, seconds=20)


def square_or_worse(task):
    """Square a number; do worse for a word."""
    match task:
        case "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exits":
            os._exit(7)
        case "hangs":
            time.sleep(1000)
        case "fails":
            raise ValueError("no such number")
        case "eats":
            return len(bytes(2**30))
    return task * task


def test_results_come_back_by_index():
    """Every task has its result, whoever worked on it."""
    found = dict(run_sharded(square_or_worse, list(range(20)), 2, LIMITS))
    assert found == {place: place * place for place in range(20)}
    assert dict(run_sharded(square_or_worse, [], 2, LIMITS)) == {}


def test_what_goes_wrong_stays_with_its_task():
    """Death, exit, error, hunger and a hang are told as such; all others have their results."""
    tasks = [1, "dies", 2, "exits", 3, "fails", 4, "eats", 5, "hangs", 6]
    found = dict(run_sharded(square_or_worse, tasks, 2, Limits(memory_bytes=2**28, seconds=4)))
    told = {tasks[place]: result.reason for place, result in found.items() if isinstance(result, Failure)}
    assert "status -9" in told["dies"]
    assert "status 7" in told["exits"]
    assert "ValueError: no such number" in told["fails"]
    assert "256 MiB" in told["eats"]
    assert "more than 4 seconds" in told["hangs"]
    assert [found[place] for place in (0, 2, 4, 6, 8, 10)] == [1, 4, 9, 16, 25, 36]


@pytest.mark.parametrize("name", ["multiprocessing", "signal", "pyarrow", "numpy", "protocol", "suite"])
def test_no_module_of_the_working_folder_is_imported(tmp_path, name):
    """A process that reads foreign bytes imports nothing from where the user stands, whatever it is called."""
    here, script = tmp_path / "here", tmp_path / "script.py"
    here.mkdir()
    (here / f"{name}.py").write_text("open('ran', 'w').close()\n")
    script.write_text(
        "from suite.untrusted.processes import within_bounds\nprint(within_bounds(len, [1, 2]))\n"
    )
    done = subprocess.run(
        [sys.executable, script],  # without -P, which our processes would inherit
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2\n"
    assert not (here / "ran").exists()


@pytest.mark.parametrize(("allowed", "given"), [("2**30", "2**30"), ("2**34", "2**32"), ("-1", "2**32")])
def test_a_limit_never_raises_that_of_the_user(allowed, given):
    """A process keeps a limit that its user set lower, and gets its own where the user's is higher or none."""
    code = (
        "import resource as r; from suite.untrusted.processes import limit;"
        f"r.setrlimit(r.RLIMIT_FSIZE, ({allowed},) * 2); limit(r.RLIMIT_FSIZE, 2**32);"
        f"assert r.getrlimit(r.RLIMIT_FSIZE) == ({given},) * 2"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_task_runs_under_a_limit_of_the_user():
    """A task has its result where its user allows less memory than the task may take."""
    code = (
        "import resource as r; from suite.untrusted.processes import Limits, within_bounds;"
        "r.setrlimit(r.RLIMIT_AS, (2**31,) * 2);"
        "assert within_bounds(abs, -7, Limits(2**32, 60)) == 7"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_limit_of_the_user_makes_no_file_too_large(tmp_path):
    """A task that has no memory because its user allows little is told so, and is not said to be too large."""
    module = tmp_path / "greedy.py"
    module.write_text("def allocate(size):\n    return len(bytearray(size))\n")
    code = (
        "import resource as r; from greedy import allocate;"
        "from suite.untrusted.processes import Limits, run_sharded;"
        "r.setrlimit(r.RLIMIT_AS, (2**31,) * 2);"
        "((_, found),) = run_sharded(allocate, [2**31], 1, Limits(2**32, 60));"
        "assert 'ulimit -v' in found.reason and not found.too_large, found"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
