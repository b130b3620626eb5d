"""Runs that are killed at random moments and called again, beside unbroken ones.

``python -m tests.bench.kills`` (``make kills``) plays runs of ``smoke`` by several learners, each in a process
that is killed with SIGKILL a random time after a snapshot, with everything that it started, and started again
until the run is complete. Ledger, checkpoint and notes must be those of the published run, or, with other
hyper-parameters, of one that is played first and not killed. It prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from getpass import getuser
from pathlib import Path
from typing import Any, NamedTuple

from protocol import current_protocol, describe, parse_run_id
from suite.contained.spec import BoxSpec
from suite.learners.hyperparameters import VARIABLE
from suite.machine import RUN_SETTINGS
from suite.results.published import published_folder
from suite.results.store import RECORD, Store

SNAPSHOT_MINUTES = 0.01


class Case(NamedTuple):
    """A run of a published baseline.

    Attributes:
        baseline, run: their names.
        workers: processes that play the lanes.
        box: of the learner; None: it is not in one.
        changes: hyper-parameters that differ from the published ones, as JSON; empty: none.
    """

    baseline: str
    run: str
    workers: int = 0
    box: BoxSpec | None = None
    changes: str = ""

    @property
    def played_with(self) -> str:
        """The settings that are not the usual ones, in words."""
        said = [
            f"lanes in {self.workers} processes" if self.workers else "",
            "the learner in a box" if self.box else "",
            f"`{self.changes}`" if self.changes else "",
        ]
        return ", ".join(filter(None, said))


CASES = (
    Case("ppo", "smoke/generalist/seed0"),
    Case("ppo_reset", "smoke/transfer/fold1/breakout/seed0"),
    Case("multihead_a2c", "smoke/generalist/seed1", workers=2),
    Case("dqn", "smoke/fresh/breakout/seed0"),
    Case("dqn", "smoke/fresh/asterix/seed1", changes='{"buffer_size": 400}'),  # which wraps five times
    Case("ppo", "smoke/fresh/asterix/seed0", box=BoxSpec(image_sha256=None, user=getuser())),
)
_PLAY = "import sys; from suite.run.job import Job; from suite.run.play import play; "
_SAME = ("ledger_sha256", "checkpoint_out", "notes_sha256")


class Killed(NamedTuple):
    """The result of one run.

    Attributes:
        left_steps: the agent steps of the snapshot that each kill left behind, in order.
        parts_steps: the ends of the parts that its record distinguishes, in agent steps. All are played on one
            machine, so there is one: up to the last snapshot from which the run was resumed.
        different: the fields of its record that are not those of the unbroken run.
    """

    left_steps: tuple[int, ...]
    parts_steps: tuple[int, ...]
    different: tuple[str, ...]


def play_killed(case: Case, most_kills: int, seconds: tuple[float, float], seed: int) -> Killed:
    """Play a run, killed again and again, until it is complete.

    Args:
        case: which run.
        most_kills: after so many it is left to end.
        seconds: the shortest and the longest time to a kill, from the first snapshot behind the one before.
        seed: of the draws.
    """
    protocol, draw = current_protocol(), random.Random(seed)
    run_id = parse_run_id(case.run, protocol)
    unbroken, left = _unbroken(case), [-1]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), protocol)
        _play_ancestor(store, case)
        while not store.is_complete(run_id):
            process = _start(store.folder, case)
            try:
                if len(left) <= most_kills:
                    _await_snapshot(store.run_folder(run_id), process, left[-1])
                process.wait(draw.uniform(*seconds) if len(left) <= most_kills else None)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                left.append(_snapshot_steps(store.run_folder(run_id)))
                continue
            if process.returncode:
                raise RuntimeError(f"{case.run} ended with status {process.returncode}")
        record = store.record(run_id)
    different = tuple(name for name in _SAME if getattr(record, name) != unbroken[name])
    return Killed(tuple(left[1:]), tuple(part.until_steps for part in record.resumed_from), different)


def _unbroken(case: Case) -> Mapping[str, Any]:
    """The record of the same run without a kill."""
    run_id = parse_run_id(case.run, current_protocol())
    with tempfile.TemporaryDirectory() as name:
        folder = published_folder(case.baseline, run_id.edition)
        if case.changes:
            folder = Path(name)
            _finish(folder, case)
        found: dict[str, Any] = json.loads((folder / run_id.path / RECORD).read_text(encoding="utf-8"))
    return found


def _play_ancestor(store: Store, case: Case) -> None:
    start = describe(parse_run_id(case.run, store.protocol), store.protocol).starts_from
    if start is not None:
        _finish(store.folder, case._replace(run=str(start)))


def _finish(folder: Path, case: Case) -> None:
    if _start(folder, case).wait():
        raise RuntimeError(f"{case.run} could not be played")


def _await_snapshot(run_folder: Path, process: subprocess.Popen[bytes], behind: int) -> None:
    """Wait until there is a snapshot behind so many steps, or the process has ended."""
    while process.poll() is None and _snapshot_steps(run_folder) <= behind:
        time.sleep(0.05)


def _snapshot_steps(run_folder: Path) -> int:
    """The agent steps after which a run's newest snapshot was taken; -1: there is none."""
    steps = [-1]
    for path in run_folder.parent.glob(f"{run_folder.name}.partial/snapshot-*/snapshot.json"):
        with suppress(OSError):  # a newer one has taken its place
            steps.append(json.loads(path.read_text(encoding="utf-8"))["played_steps"])
    return max(steps)


def _start(folder: Path, case: Case) -> subprocess.Popen[bytes]:
    job = {
        "run_id": case.run,
        "protocol_version": current_protocol().version,
        "learner": f"baselines.{case.baseline}:make",
        "folder": str(folder),
        "device": "cpu",
        "workers": case.workers,
        "box": case.box and case.box.model_dump(),
        "configuration_digest": None,
        "snapshot_minutes": SNAPSHOT_MINUTES,
    }
    code = _PLAY + "play(Job.model_validate_json(sys.argv[1]), lambda event: None)"
    return subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(job)],
        env=os.environ | RUN_SETTINGS | {"AMTLB_DEVICE": "cpu", VARIABLE: case.changes},
        start_new_session=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit status is 1 where a run is not the published one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plays", type=int, default=5, help="of each run")
    parser.add_argument("--kills", type=int, default=5, help="of each play, at most")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=(0.0, 3.0), help="from a new snapshot to the kill"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    asked = parser.parse_args(arguments)
    print("| learner | run | played with | kills | resumed in the middle | ledger, checkpoint and notes |")
    print("|---|---|---|---|---|---|")
    bad = 0
    for case in CASES:
        plays = [
            play_killed(case, asked.kills, tuple(asked.seconds), asked.seed + play)
            for play in range(asked.plays)
        ]
        different = sorted({name for play in plays for name in play.different})
        bad += bool(different) or any(play.parts_steps != play.left_steps[-1:] for play in plays)
        same = "as unbroken" if not different else f"other {', '.join(different)}"
        left = [steps for play in plays for steps in play.left_steps]
        where = f"{case.baseline} | {case.run} | {case.played_with}"
        print(f"| {where} | {len(left)} | {sum(steps > 0 for steps in left)} times | {same} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
