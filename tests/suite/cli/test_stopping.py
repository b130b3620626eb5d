"""SIGTERM and Ctrl-C: every command ends politely, soon, and with a status that says which it was."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite.results.published import published_folder
from tests.starter import AMTLB

RUN = [AMTLB, "run", "smoke/generalist/seed0", "--learner", "baselines.uniform:make", "--out", "out"]
FRESH = [AMTLB, "run", "smoke/fresh/breakout/seed0", *RUN[3:]]
BENCHMARK = [AMTLB, "benchmark", "--learner", "baselines.uniform:make", "--out", "out"]
MOST_SECONDS = 10.0


def _heed_interrupts() -> None:
    """Undo what a shell does to tests that it runs in the background: their children would ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stopped(
    command: list[str], folder: Path, begun: str, number: int, target: str = ""
) -> tuple[int, str, str]:
    """Send a command a signal once a file is there; its status and what it printed.

    Args:
        command: played in ``folder``.
        folder: an empty one.
        begun: a pattern of the file.
        number: of the signal.
        target: where given, the child of the command's process that is sent it.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, preexec_fn=_heed_interrupts, **pipes) as process:
        deadline = time.monotonic() + 120
        while not list(folder.glob(begun)) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        pid = process.pid
        if target:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        before = time.monotonic()
        os.kill(pid, number)
        out, wrong = process.communicate(timeout=60)
    assert time.monotonic() - before < MOST_SECONDS
    assert "Traceback" not in out + wrong
    return process.returncode, out, wrong


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_run_that_is_stopped_says_so(tmp_path, number, status):
    """`amtlb run` ends with 128 and the signal's number; its Sacred run is INTERRUPTED."""
    assert stopped(RUN, tmp_path, "out/sacred/1/run.json", number)[0] == status
    kept = json.loads((tmp_path / "out/sacred/1/run.json").read_text())
    assert kept["status"] == "INTERRUPTED"
    assert not list(tmp_path.glob("out/generalist/seed0/record.json"))


@pytest.mark.slow
def test_a_benchmark_that_is_terminated_says_how_it_goes_on(tmp_path):
    """`amtlb benchmark` ends with 143, says what the next call does, and its tracked runs are INTERRUPTED."""
    status, out, _ = stopped(BENCHMARK, tmp_path, "out/sacred/1/run.json", signal.SIGTERM)
    assert status == 143
    assert "the same command goes on with what is missing" in out
    kept = [json.loads(path.read_text())["status"] for path in tmp_path.glob("out/sacred/*/run.json")]
    assert set(kept) == {"INTERRUPTED"}


@pytest.mark.slow
def test_a_benchmark_that_was_suspended_goes_on(tmp_path):
    """Suspended for longer than dask gives a worker (here 5 s), as by a laptop's lid, it plays the rest."""
    published = published_folder("uniform", "smoke")
    shutil.copytree(published, tmp_path / "out", ignore=shutil.ignore_patterns("fold1", "scores.json"))
    environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "1s"}
    with subprocess.Popen(BENCHMARK, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while not list(tmp_path.glob("out/sacred/1/run.json")):
                assert process.poll() is None
                time.sleep(0.1)
            process.send_signal(signal.SIGSTOP)
            time.sleep(10)
            process.send_signal(signal.SIGCONT)
            assert process.wait(300) == 0
        finally:
            process.kill()
    assert (tmp_path / "out/scores.json").read_bytes() == (published / "scores.json").read_bytes()


@pytest.mark.slow
def test_a_run_needs_no_standard_files(tmp_path):
    """With standard input, output and error closed, a run is played as with them."""
    subprocess.run(["sh", "-c", f"exec {' '.join(FRESH)} <&- >&- 2>&-"], cwd=tmp_path, check=True)
    assert (tmp_path / "out/fresh/breakout/seed0/record.json").exists()


@pytest.mark.slow
def test_a_benchmark_that_nobody_reads_stops(tmp_path):
    """`amtlb benchmark` stops its runs, and says so, when the reader of its output has gone."""
    script = f"{' '.join(BENCHMARK)} 2> said | head -n 1"
    subprocess.run(["bash", "-c", f"set -o pipefail; {script}; test $? = 1"], cwd=tmp_path, check=True)
    assert "stopped: nobody reads its output" in (tmp_path / "said").read_text()


@pytest.mark.slow
def test_process_1_heeds_sigterm(tmp_path):
    """As process 1 of a container, for which the system has no default, `amtlb benchmark` ends with 143."""
    alone = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("no namespace of processes can be made here")
    command = [*alone, *BENCHMARK]
    assert stopped(command, tmp_path, "out/**/journal.arrows", signal.SIGTERM, target="child")[0] == 143


SLOW_END = """
import os, signal, time
from suite.cli import stopping

class Late:
    def __del__(self, sleep=time.sleep):
        sleep(1)

stopping.STOP_SECONDS = 0.3
stopping.heed_sigterm()
late = Late()
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_an_interpreter_that_ends_slowly_keeps_the_status():
    """A command that has stopped in time exits with 143, however long Python itself takes to end then."""
    assert subprocess.run([sys.executable, "-c", SLOW_END], timeout=60).returncode == 143


@pytest.mark.slow
def test_a_command_with_processes_of_its_own_ends(tmp_path):
    """`amtlb protocol check`, which plays all games in a pool of processes, ends with 143."""
    script = f"(sleep 6; touch begun) & exec {AMTLB} protocol check"
    assert stopped(["sh", "-c", script], tmp_path, "begun", signal.SIGTERM)[0] == 143
