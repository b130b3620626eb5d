"""Each fault of a learner is reported to the user in one line, soon, and leaves no process behind."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import LearnerError, parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.process import RunEnd, check_importable
from suite.benchmark.settings import Settings
from suite.results.store import Store
from tests.starter import AMTLB
from tests.suite.helpers import V1

LEARNER = "tests.suite.fault_learners:make"
SHORT = parse_run_id("smoke/pretrain/fold1/seed0", V1)
"""The run with the fewest steps: it is not evaluated."""
EVALUATED = parse_run_id("smoke/fresh/breakout/seed0", V1)
slow = pytest.mark.slow

TABLE = [
    pytest.param("fork", "complete", "", id="fork"),
    pytest.param("pool", "complete", "", id="pool", marks=slow),
    pytest.param("orphan", "complete", "", id="orphan", marks=slow),
    pytest.param("popen", "complete", "", id="popen", marks=slow),
    pytest.param("fork_raises", "complete", "", id="fork_raises", marks=slow),
    pytest.param("exit_handler", "complete", "", id="exit_handler", marks=slow),
    pytest.param("close_stdout", "complete", "", id="close_stdout", marks=slow),
    pytest.param("debug", "failed", "needs a terminal; play it with `amtlb run smoke/", id="debug"),
    pytest.param("pdb", "failed", "needs a terminal", id="pdb", marks=slow),
    pytest.param("exit", "failed", r"left learn by sys\.exit\(0\)", id="exit"),
    pytest.param("exit_make", "failed", r"that makes it by sys\.exit\(None\)", id="exit_make", marks=slow),
    pytest.param("exit_save", "failed", r"left save by sys\.exit\(None\)", id="exit_save", marks=slow),
    pytest.param("exit_load", "failed", r"left load by sys\.exit\(None\)", id="exit_load", marks=slow),
    pytest.param("exit_act", "failed", r"left act by sys\.exit\(None\)", id="exit_act", marks=slow),
    pytest.param("exit_import", "failed", "failed with SystemExit: 3", id="exit_import", marks=slow),
    pytest.param("hard_exit", "failed", r"status 0 before .* calls os\._exit", id="hard_exit"),
    pytest.param("killed", "failed", r"ended by SIGKILL \(status -9\), by somebody", id="killed", marks=slow),
    pytest.param("segfault", "failed", r"ended by SIGSEGV \(status -11\)", id="segfault", marks=slow),
    pytest.param(
        "close_files",
        "failed",
        "status 1, incomplete; its log ends with '(error: the learner closed|OSError: .* Bad file)",
        id="close_files",
        marks=slow,
    ),
    pytest.param("swallow", "failed", "goes on after its 16000 frames .* 1000 steps", id="swallow", marks=slow),
    pytest.param("swallow_all", "failed", "goes on after its .* 2000 steps", id="swallow_all", marks=slow),
]


def played(folder: Path, run_id=SHORT, **settings) -> RunEnd:
    chosen = replace(Settings(LEARNER), **settings)
    return play_one(run_id, Store(folder, V1), chosen)


def is_there(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(("fault", "status", "words"), TABLE)
def test_each_fault_has_its_line(tmp_path, monkeypatch, fault, status, words):
    """A fault ends as the table says, with its words; what it started has ended, its folder is free."""
    monkeypatch.setenv("AMTLB_FAULT", fault)
    run_id = EVALUATED if fault in ("exit_load", "exit_act") else SHORT
    outcome = played(tmp_path, run_id)
    log = Path(outcome.log).read_text()
    assert outcome.status == status, outcome.error + log
    assert re.search(words, outcome.error), outcome.error
    assert "\n" not in outcome.error
    left = [int(pid) for pid in re.findall(r"^left (\d+)", log, re.MULTILINE)]
    assert bool(left) == (fault in ("orphan", "popen"))
    assert not any(map(is_there, left))
    assert ("the exit handler ran" in log) == (fault == "exit_handler")
    assert ("RuntimeError: in a process" in log) == (fault == "fork_raises")
    store = Store(tmp_path, V1)
    assert store.is_complete(run_id) == (status == "complete")
    assert not store.is_being_played(run_id)


@pytest.mark.slow
def test_a_run_that_makes_no_step_shows_where_it_stands(tmp_path, monkeypatch):
    """A learner that stalls is ended after --stall-minutes, with the line at which it stood."""
    monkeypatch.setenv("AMTLB_FAULT", "stall")
    outcome = played(tmp_path, stall_minutes=0.3)  # longer than a busy machine needs to import the harness
    assert outcome.status == "failed"
    assert re.search(r"no step for 0.3 minutes.* stood at .*fault_learners\.py:\d+ in <lambda>", outcome.error)
    assert "most recent call first" in Path(outcome.log).read_text()


@pytest.mark.slow
def test_a_complete_run_that_does_not_end_is_ended(tmp_path, monkeypatch):
    """An exit handler that never ends keeps no benchmark waiting, and the run stays complete."""
    monkeypatch.setattr("suite.benchmark.supervision.EXIT_SECONDS", 1.0)
    monkeypatch.setenv("AMTLB_FAULT", "exit_stall")
    assert played(tmp_path).status == "complete"
    assert Store(tmp_path, V1).is_complete(SHORT)


def test_an_import_that_stalls_is_ended(monkeypatch):
    """A learner whose import does not end is told after --stall-minutes, before anything is played."""
    monkeypatch.setenv("AMTLB_FAULT", "stall_import")
    with pytest.raises(LearnerError, match=r"importing it takes more than 0.01 minutes"):
        check_importable(LEARNER, 0.01)


def test_an_import_that_leaves_a_process_is_not_waited_for(monkeypatch):
    """A process that a learner's import leaves running is ended, rather than waited for."""
    monkeypatch.setenv("AMTLB_FAULT", "popen")
    before = time.monotonic()
    check_importable(LEARNER)
    assert time.monotonic() - before < 60


@pytest.mark.slow
def test_what_a_killed_command_leaves_ends(tmp_path):
    """When the command is killed, its run ends and so does what that run had left, in whatever session."""
    command = [AMTLB, "run", "smoke/generalist/seed0"]
    environment = os.environ | {"AMTLB_FAULT": "orphan"}
    with subprocess.Popen(
        [*command, "--learner", LEARNER, "--out", str(tmp_path)], stdout=subprocess.DEVNULL, env=environment
    ) as process:
        log, deadline = tmp_path / "logs/generalist-seed0.log", time.monotonic() + 60
        while "left" not in (log.read_text() if log.exists() else "") and time.monotonic() < deadline:
            time.sleep(0.05)
        left = [int(pid) for pid in re.findall(r"^left (\d+)", log.read_text(), re.MULTILINE)]
        process.kill()
    deadline = time.monotonic() + 20
    while any(map(is_there, left)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left
    assert not any(map(is_there, left))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of a given size, which only root can mount."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_is_too_small_is_told_before_training(tmp_path, monkeypatch):
    """A run for which the results have too little room does not begin, and its error says how much it needs."""
    monkeypatch.setenv("AMTLB_FAULT", "")
    with small_disk(tmp_path / "disk", "16k") as disk:
        outcome = played(disk)
        assert outcome.status == "failed"
        assert f"the disk of {disk} is full: it has" in outcome.error
        assert re.search(r"has \d+ kB left and this run needs \d+ kB there; make room", outcome.error)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["results", "TMPDIR"])
def test_a_disk_that_fills_up_is_told_by_its_path(tmp_path, monkeypatch, place):
    """A disk that fills up in mid-run fails the run with its path; once there is room, the run is played."""
    monkeypatch.setenv("AMTLB_FAULT", "fill_disk")
    with small_disk(tmp_path / "disk", "1m") as disk:
        monkeypatch.setenv("AMTLB_FAULT_PLACE", str(disk))
        folder = disk if place == "results" else tmp_path / "results"
        if place == "TMPDIR":
            monkeypatch.setenv("TMPDIR", str(disk))
        outcome = played(folder)
        assert outcome.status == "failed"
        assert f"the disk of {disk} is full" in outcome.error
        assert "No space left" in outcome.error
        assert not list(tmp_path.rglob("record.json"))
        (disk / "filling").unlink()
        monkeypatch.setenv("AMTLB_FAULT", "")
        assert played(folder).status == "complete"


@contextmanager
def small_memory(mebibytes: int) -> Iterator[Path]:
    """A control group with a limit of memory, which only root can make."""
    root = Path("/sys/fs/cgroup/memory")
    limit = "memory.limit_in_bytes"
    if not root.exists():
        root, limit = Path("/sys/fs/cgroup"), "memory.max"
    group = root / f"amtlb-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(mebibytes * 2**20))
    except OSError:
        pytest.skip("no control group of memory can be made here")
    try:
        yield group
    finally:
        group.rmdir()


@pytest.mark.slow
def test_the_out_of_memory_killer_is_named(tmp_path, monkeypatch):
    """A run that the system kills for want of memory says so."""
    monkeypatch.setenv("AMTLB_FAULT", "fill_memory")
    with small_memory(600) as group:
        monkeypatch.setenv("AMTLB_FAULT_PLACE", str(group))
        outcome = played(tmp_path)
    assert outcome.status == "failed"
    assert "SIGKILL (status -9) when the system ran out of memory; play fewer runs" in outcome.error


@pytest.mark.slow
def test_a_foreground_run_has_the_terminal(tmp_path):
    """`amtlb run --foreground` lets a learner call breakpoint(), which reads from the command's input."""
    command = [AMTLB, "run", "--foreground", str(SHORT)]
    done = subprocess.run(
        [*command, "--learner", LEARNER, "--out", tmp_path],
        input="p 6 * 7\ncontinue\n",
        capture_output=True,
        text=True,
        env=os.environ | {"AMTLB_FAULT": "debug"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(Pdb) 42" in done.stdout
    assert "smoke/pretrain/fold1/seed0 is complete" in done.stdout
    assert not list((tmp_path / "logs").iterdir())


def test_a_run_of_a_box_has_no_terminal(amtlb, tmp_path):
    """--foreground and a box exclude each other."""
    done = amtlb("run", str(SHORT), "--foreground", "--contained", "process", "--out", tmp_path)
    assert done.returncode == 2
    assert "--foreground hands out this terminal" in done.stderr


@pytest.mark.slow
def test_a_run_that_ignores_interrupts_is_killed(tmp_path, monkeypatch):
    """A learner that lets no interrupt through is killed soon after, when its run is to end."""
    monkeypatch.setenv("AMTLB_FAULT", "swallow_all")
    command = [AMTLB, "run", "smoke/generalist/seed0"]
    with subprocess.Popen([*command, "--learner", LEARNER, "--out", str(tmp_path)]) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("**/journal.arrows")) and time.monotonic() < deadline:
            time.sleep(0.05)
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 143
    assert time.monotonic() - before < 10
