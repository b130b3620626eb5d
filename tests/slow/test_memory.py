"""The memory of runs stays below the limits, in processes with the settings of a run."""

import os
import subprocess
import sys

import pytest

from suite.machine import RUN_SETTINGS
from tests import ROOT

PEAK = "from suite.machine import peak_memory_bytes; print(peak_memory_bytes() // 10**6)"


def peak_megabytes(script: str) -> int:
    """The most memory that a process held which ran this script."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\n{PEAK}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | RUN_SETTINGS,
        check=True,
    )
    print(done.stdout)
    return int(done.stdout.split()[-1])


@pytest.mark.long
def test_memory_of_a_full_pretrain_run_stays_below_1_gb():
    """With a console of every training game loaded in every lane, the harness holds less than 1 GB."""
    script = (
        "from protocol import describe, load, parse_run_id\n"
        "from suite.lanes.engine import InProcessEngine\n"
        "protocol = load('v1')\n"
        "run = describe(parse_run_id('full/pretrain/fold2/seed0', protocol), protocol)\n"
        "assert len(run.games) == 50\n"
        "engine = InProcessEngine(protocol, run.games, protocol.lanes)\n"
        "for game in run.games:\n"
        "    engine.begin({lane: (game, lane) for lane in range(protocol.lanes)})\n"
    )
    assert peak_megabytes(script) < 1000


@pytest.mark.long
def test_memory_of_a_dqn_run_with_a_full_buffer_stays_below_1500_mb():
    """With every picture of the buffer written, lanes loaded and gradients taken."""
    script = (
        "import numpy as np\n"
        "from baselines.dqn import make\n"
        "from suite.learners.practice import practice_lanes\n"
        "learner = make(1, 8)\n"
        "learner.learn(practice_lanes(steps_per_lane=100))\n"
        "buffer = learner.algorithm.replay_buffer\n"
        "while not buffer.full:\n"
        "    pictures = np.full((8, 4, 84, 84), buffer.pos % 256, np.uint8)\n"
        "    buffer.add(pictures, pictures, np.zeros(8, int), np.zeros(8), np.zeros(8, bool), [{}] * 8)\n"
        "learner.algorithm.train(50, 32)\n"
        "player = make(2, 8)\n"
        "player.act(np.zeros((8, 4, 84, 84), np.uint8), np.ones(8, bool))\n"
    )
    assert peak_megabytes(script) < 1500
