"""What tracking costs a run: the same run tracked in files and a wire-compatible server, and not, in turns.

python -m tests.bench.tracking [ROUNDS]
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from protocol import parse_run_id
from suite.benchmark import Settings, play_one
from suite.store import Store
from suite.tracking.server import VARIABLE
from tests.suite.helpers import V1
from tests.suite.tracking.servers import wire_server

RUN = parse_run_id("smoke/generalist/seed0", V1)


def played(folder: Path, tracked: bool) -> tuple[float, float]:
    """Seconds of the whole run, with its process, and its training steps a second."""
    store = Store(folder, V1)
    begun = time.monotonic()
    outcome = play_one(RUN, store, V1, Settings("baselines.ppo:make", "cpu", 1, 0, None, tracked))
    assert (outcome.status, outcome.untracked) == ("complete", ""), outcome
    return time.monotonic() - begun, store.record(RUN).training_steps_per_second


def main(rounds: int) -> None:
    """Print the ratio of tracked to untracked, by round and in the median."""
    seconds, speeds = [], []
    with tempfile.TemporaryDirectory() as scratch, wire_server(Path(scratch)) as server:
        os.environ[VARIABLE] = server.url
        for number in range(rounds):
            order = (True, False) if number % 2 else (False, True)
            found = {tracked: played(Path(scratch, f"{number}-{tracked}"), tracked) for tracked in order}
            seconds.append(found[True][0] / found[False][0])
            speeds.append(found[True][1] / found[False][1])
            print(f"round {number}: seconds {seconds[-1]:.3f}, training steps/s {speeds[-1]:.3f}", flush=True)
    print(f"tracked / not, median of {rounds} rounds of {RUN}:")
    print(f"  seconds of the whole run {statistics.median(seconds):.3f}")
    print(f"  training steps a second  {statistics.median(speeds):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
