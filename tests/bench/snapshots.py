"""The cost of a snapshot: bytes, seconds, and the share of a run's time; part of ``make bench``.

The learners' states are as large as they become: DQN's replay buffer is full, of random pictures, which no file
system makes smaller.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np

from baselines.dqn import DQNLearner
from protocol import current_protocol, describe, parse_run_id
from suite.digests import folder_bytes
from suite.learners.contract import Resumable
from suite.run.job import SNAPSHOT_MINUTES
from suite.run.resumption import Maker, Snapshot
from suite.run.snapshots import Snapshots

BASELINES = ("ppo", "multihead_a2c", "dqn")
REPEATS = 3
_RUN = "full/generalist/seed0"


class Cost(NamedTuple):
    """Of one snapshot.

    Attributes:
        size_bytes: of all its files.
        seconds: the median of REPEATS.
    """

    size_bytes: int
    seconds: float


def cost(baseline: str) -> Cost:
    """Take snapshots of a learner whose state is as large as it becomes."""
    learner = import_module(f"baselines.{baseline}").make(0, current_protocol().lanes)
    assert isinstance(learner, Resumable)
    if isinstance(learner, DQNLearner):
        fill(learner)
    seconds = []
    with tempfile.TemporaryDirectory() as name:
        run, scratch = Path(name, "run"), Path(name, "scratch")
        for folder in (run, scratch):
            folder.mkdir()
        snapshots = Snapshots(run, scratch, SNAPSHOT_MINUTES)
        for _ in range(REPEATS):
            began = time.monotonic()
            snapshots.take(_described(baseline), learner.save_state)
            seconds.append(time.monotonic() - began)
        size = folder_bytes(run)
    return Cost(size, sorted(seconds)[REPEATS // 2])


def fill(learner: DQNLearner) -> None:
    """Give a learner as many steps of experience as it can keep, of random pictures."""
    replay, lanes = learner.algorithm.replay_buffer, current_protocol().lanes
    assert replay is not None
    draw = np.random.Generator(np.random.Philox(key=0))
    pictures = draw.integers(0, 256, (64, lanes, *replay.obs_shape), np.uint8)
    for step in range(replay.buffer_size + 1):
        before, after = pictures[step % 64], pictures[(step + 1) % 64]
        replay.add(
            before,
            after,
            np.zeros(lanes, np.int64),
            np.zeros(lanes, np.float32),
            draw.random(lanes) < 1e-3,
            [{}] * lanes,
        )
    assert replay.full


def _described(baseline: str) -> Callable[[str], Snapshot]:
    protocol = current_protocol()
    run = describe(parse_run_id(_RUN, protocol), protocol)
    maker = Maker(
        learner=f"baselines.{baseline}:make",
        configuration_digest="0" * 64,
        device="cpu",
        code_commit=None,
        suite_sha256="0" * 64,
        code_sha256=None,
        image_sha256=None,
        checkpoint_in=None,
    )

    def describe_it(digest: str) -> Snapshot:
        return Snapshot(
            schema_version=1,
            run_id=_RUN,
            maker=maker,
            phase="training",
            started_at="2026-01-01T00:00:00+00:00",
            training_seconds=1.0,
            played_steps=0,
            journal_bytes=0,
            left=dict.fromkeys(run.games, run.budget_steps),
            playing=run.games[: protocol.lanes],
            numbers=(0,) * protocol.lanes,
            learner_sha256=digest,
            parts=(),
        )

    return describe_it


def main() -> None:
    """Print a table."""
    print(f"| learner | size | seconds | of {SNAPSHOT_MINUTES:g} minutes |")
    print("|---|---|---|---|")
    for baseline in BASELINES:
        found = cost(baseline)
        share = found.seconds / (60 * SNAPSHOT_MINUTES)
        print(
            f"| {baseline} | {found.size_bytes / 1e6:,.0f} MB | {found.seconds:.1f} | {share:.2%} |", flush=True
        )


if __name__ == "__main__":
    main()
