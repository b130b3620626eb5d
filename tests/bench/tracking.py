"""The cost of tracking a run: the same run tracked in files and a wire-compatible server, and not, in turns.

    python -m tests.bench.tracking [ROUNDS]

Seconds are of the whole run with its process and what it waits for; CPU seconds are those of the run's process
and of the one that started it, and say more on a shared machine. Before the rounds, one tracked run imports
Sacred, as the first run of an edition does.
"""

import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from protocol import parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.results.store import Store
from suite.tracking.mongo_url import VARIABLE
from tests.suite.helpers import V1
from tests.suite.tracking.servers import wire_server

RUN = parse_run_id("smoke/generalist/seed0", V1)


class Cost(NamedTuple):
    """The time that a run took, and its speed."""

    seconds: float
    cpu_seconds: float
    steps_per_second: float


def cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def played(folder: Path, tracked: bool) -> Cost:
    """The cost of a run."""
    store = Store(folder, V1)
    begun, cpu = time.monotonic(), cpu_seconds()
    outcome = play_one(RUN, store, Settings("baselines.ppo:make", tracked=tracked))
    assert (outcome.status, outcome.untracked) == ("complete", ""), outcome
    speed = store.record(RUN).training_steps_per_second
    return Cost(time.monotonic() - begun, cpu_seconds() - cpu, speed)


def main(rounds: int) -> None:
    """Print the ratio of tracked to untracked, by round and in the median."""
    ratios: list[Cost] = []
    with tempfile.TemporaryDirectory() as scratch, wire_server(Path(scratch)) as server:
        os.environ[VARIABLE] = server.url
        first = played(Path(scratch, "first"), True)
        print(f"first: {first.seconds:.1f} s, {first.cpu_seconds:.1f} CPU s", flush=True)
        for number in range(rounds):
            order = (True, False) if number % 2 else (False, True)
            found = {tracked: played(Path(scratch, f"{number}-{tracked}"), tracked) for tracked in order}
            ratios.append(Cost(*(one / other for one, other in zip(found[True], found[False], strict=True))))
            print(f"round {number}: {found[False]} without, {found[True]} with", flush=True)
    print(f"tracked / not, median of {rounds} rounds of {RUN}:")
    for name in Cost._fields:
        print(f"  {name:<18} {statistics.median(getattr(one, name) for one in ratios):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
