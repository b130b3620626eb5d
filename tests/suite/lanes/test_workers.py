"""Both engines produce the same bits, and a run ends cleanly when a worker ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from protocol import WorkerDied
from suite.digests import file_digest
from suite.lanes.environment import LaneEnv
from suite.lanes.workers import WorkerEngine
from suite.results.journal import JournalRecorder, read_journal
from suite.results.ledger import write_ledger
from tests.suite.helpers import LANES, V1, make_engine, make_meter, record_random, seeds_of

GAMES = ["breakout", "pong", "breakout_mode28_difficulty0"]


def ledger_digest(folder: Path, **play) -> str:
    journal = record_random(folder, GAMES, 1600, **play)
    write_ledger(journal, folder / "ledger.parquet")
    return file_digest(folder / "ledger.parquet")


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> str:
    return ledger_digest(tmp_path_factory.mktemp("in-process"))


@pytest.mark.parametrize(
    "workers", [0, 2, *(pytest.param(workers, marks=pytest.mark.slow) for workers in (1, 20))]
)
def test_engines_yield_the_same_ledger(tmp_path, reference, workers):
    """In-process and with any number of workers, a run's ledger is the same to the byte."""
    assert ledger_digest(tmp_path, workers=workers) == reference


def test_another_run_yields_another_ledger(tmp_path, reference):
    """Another seed gives another ledger."""
    assert ledger_digest(tmp_path, run_id="smoke/generalist/seed1") != reference


def test_engines_show_the_same_observations():
    """Observations, rewards and ends agree at every step, over many episodes."""
    ours, theirs = make_engine(GAMES, 0), make_engine(GAMES, 2)
    envs = [
        LaneEnv(V1, seeds_of(), engine, make_meter(GAMES, 400, "r", 40), 1, None) for engine in (ours, theirs)
    ]
    shown = [env.reset()[0] for env in envs]
    generator = np.random.Generator(np.random.Philox(key=3))
    for _ in range(90):
        assert np.array_equal(*shown)
        actions = generator.integers(0, 18, LANES)
        steps = [env.step(actions) for env in envs]
        shown = [step[0] for step in steps]
        for one, other in zip(steps[0][1:4], steps[1][1:4], strict=True):
            assert np.array_equal(one, other)
        assert steps[0][4].keys() == steps[1][4].keys()
        if steps[0][4]:
            assert np.array_equal(steps[0][4]["final_obs"], steps[1][4]["final_obs"])
    theirs.close()


def shared_memory(process_id: int) -> list[str]:
    """The names of the shared memory that a process has mapped, with the system's mark on a deleted name."""
    maps = Path(f"/proc/{process_id}/maps").read_text().splitlines()
    return [line.partition("/dev/shm/")[2] for line in maps if "/dev/shm/" in line]


def test_no_name_of_shared_memory_is_left_while_playing():
    """The memory is unlinked before the first step, so no death of a process can leave it behind."""
    engine = WorkerEngine(V1, ["pong"], LANES, 2)
    try:
        for process_id in (os.getpid(), *engine.process_ids):
            mapped = shared_memory(process_id)
            assert any(name.startswith("psm_") for name in mapped), mapped
            assert all(name.endswith(" (deleted)") for name in mapped if name.startswith("psm_"))
    finally:
        engine.close()


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_killed_worker_ends_the_run_clearly(tmp_path, kill):
    """A worker's death is a WorkerDied at the next step, at once, and the journal keeps what was played."""
    engine = WorkerEngine(V1, ["pong"], LANES, 2)
    recorder = JournalRecorder(tmp_path / "journal", LANES)
    env = LaneEnv(V1, seeds_of(), engine, make_meter(["pong"], 8000, "r"), 1, recorder)
    env.reset()
    for _ in range(20):
        env.step([0] * LANES)
    victim, other = engine.process_ids
    os.kill(victim, kill)
    begun = time.monotonic()
    with pytest.raises(WorkerDied, match=rf"{victim}.*lanes 0, 2, 4, 6.*-{kill.value}"):
        for _ in range(20):
            env.step([0] * LANES)
    assert time.monotonic() - begun < 5
    recorder.close()
    unfinished: list = []
    assert list(read_journal(tmp_path / "journal", unfinished)) == []
    assert len(unfinished) == LANES
    assert all(len(episode["actions"]) >= 20 for episode in unfinished)
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_leaves_it_to_the_run_to_stop(number):
    """A signal that a terminal or batch system sends to all processes ends no worker: a snapshot may be due."""
    with closing(WorkerEngine(V1, ["pong"], LANES, 2)) as engine:
        env = LaneEnv(V1, seeds_of(), engine, make_meter(["pong"], 8000, "r"), 1, None)
        env.reset()
        for process in engine.process_ids:
            os.kill(process, number)
        for _ in range(20):
            env.step([0] * LANES)


def test_a_failing_worker_says_why(tmp_path, monkeypatch):
    """An error inside a worker is part of the error that ends the run."""
    engine = WorkerEngine(V1, ["pong"], LANES, 2)
    engine._index = {"pong": 7}  # a game that the workers do not have
    with pytest.raises(WorkerDied, match="IndexError"):
        engine.begin({1: ("pong", 1)})


def test_workers_end_with_a_killed_parent(tmp_path):
    """When the process that plays is killed, its workers end and no shared memory remains."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, signal\n"
        "from tests.suite.helpers import V1, LANES\n"
        "from suite.lanes.workers import WorkerEngine\n"
        "if __name__ == '__main__':\n"
        "    engine = WorkerEngine(V1, ['pong'], LANES, 2)\n"
        "    print(engine._memory.name, *engine.process_ids, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    memory, *workers = done.stdout.split()
    assert len(workers) == 2, done.stderr
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert not Path("/dev/shm", memory).exists()


def test_no_workers_are_refused():
    """Fewer than one worker is a ValueError."""
    with pytest.raises(ValueError, match="at least 1"):
        WorkerEngine(V1, ["pong"], LANES, 0)
