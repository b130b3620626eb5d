"""Learners that do what learners should not, or seldom do: the environment variable AMTLB_FAULT names which."""

import atexit
import json
import multiprocessing
import os
import pdb
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from protocol import BudgetExhausted

FAULT = os.environ.get("AMTLB_FAULT", "")
PLACE = os.environ.get("AMTLB_FAULT_PLACE", "")
"""A folder: the one to fill, or the control group to fill the memory of."""


def leave(command):
    """Leave a process behind, in a session of its own, and name it in the log."""
    print("left", subprocess.Popen(command, start_new_session=True).pid, flush=True)


if FAULT == "popen":
    leave(["sleep", "120"])
elif FAULT == "exit_import":
    sys.exit(3)
elif FAULT == "stall_import":
    time.sleep(1e6)


def write_from_a_fork():
    """Write into files that this process has opened from one that it forks, as pools of pools do."""
    files = [tempfile.TemporaryFile() for _ in range(16)]  # noqa: SIM115  # this process ends soon
    if not os.fork():
        os._exit(sum(os.write(file.fileno(), b"x") for file in files) - 16)
    if os.wait()[1]:
        raise RuntimeError("a file is closed")


def fork():
    process = multiprocessing.get_context("fork").Process(target=write_from_a_fork)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("a process that was forked has failed")


def pool():
    with ProcessPoolExecutor(2) as workers:
        list(workers.map(abs, [-1, 2]))


def orphan():
    if child := os.fork():
        print("left", child)
        return
    os.setsid()
    time.sleep(45)
    os._exit(0)


def fork_raises():
    if not os.fork():
        raise RuntimeError("in a process that the learner forked")
    os.wait()


def fill_disk():
    with (Path(PLACE) / "filling").open("wb", buffering=0) as file:
        while file.write(bytes(2**14)):
            pass


def fill_memory():
    (Path(PLACE) / "cgroup.procs").write_text(str(os.getpid()))
    hoard = []
    while True:
        hoard.append(np.ones(2**20))


FAULTS = {
    "": lambda: None,
    "close_files": lambda: os.closerange(3, 256),
    "close_stdout": lambda: sys.stdout.close(),
    "debug": lambda: breakpoint(),
    "exit": lambda: sys.exit(0),
    "exit_stall": lambda: atexit.register(time.sleep, 1e6),
    "exit_handler": lambda: atexit.register(print, "the exit handler ran"),
    "fill_disk": fill_disk,
    "fill_memory": fill_memory,
    "fork": fork,
    "fork_raises": fork_raises,
    "hard_exit": lambda: os._exit(0),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "orphan": orphan,
    "pdb": lambda: pdb.set_trace(),
    "pool": pool,
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "stall": lambda: time.sleep(1e6),
}


class Faulty:
    """Uniform play with one fault."""

    def __init__(self, seed, lanes):
        self.configuration = {"py/object": 1} if FAULT == "py_key" else {"fault": FAULT}
        self.generator, self.lanes = np.random.default_rng(seed), lanes
        self.exit_in("make")

    def exit_in(self, method):
        if f"exit_{method}" == FAULT:
            raise SystemExit

    def learn(self, env):
        FAULTS.get(FAULT, FAULTS[""])()
        env.reset()
        while True:
            try:
                env.step(self.act(None, None))
            except BudgetExhausted:
                if not FAULT.startswith("swallow"):
                    return
            except BaseException:
                if FAULT != "swallow_all":
                    raise

    def act(self, observations, episode_start):
        if observations is not None:
            self.exit_in("act")
        return self.generator.integers(0, 18, self.lanes)

    def save(self, folder):
        self.exit_in("save")
        (folder / "nothing.json").write_text(json.dumps(1))

    def load(self, folder):
        self.exit_in("load")


def make(seed, lanes):
    """A learner with the fault that the environment names."""
    return Faulty(seed, lanes)
