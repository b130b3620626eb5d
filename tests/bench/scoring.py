"""The time that scoring takes: a synthetic edition, scored in a process of its own; part of ``make bench``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from protocol import load
from suite.machine import peak_memory_bytes
from suite.results.store import Store
from suite.scoring.outcomes import read_outcomes
from suite.scoring.score import score_outcomes
from tests.bench.synthetic import write_results

EPISODES = 1_000_000


def score_in_process(folder: Path, edition: str) -> dict[str, float]:
    """The time and memory that it takes to read and to score a results folder, in a process of its own.

    Returns:
        ``read_seconds`` and ``score_seconds``, as a clock shows them; ``processor_seconds``, of both on all
        cores, whatever else they were busy with; ``peak_memory_bytes``.
    """
    command = [sys.executable, "-m", "tests.bench.scoring", "--one", str(folder), "--edition", edition]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _score(folder: Path, edition: str) -> dict[str, Any]:
    protocol = load("v1")
    started, spent = time.monotonic(), time.process_time()
    outcomes = read_outcomes(Store(folder, protocol), protocol.edition(edition))
    read = time.monotonic()
    score_outcomes(outcomes)
    return {
        "read_seconds": read - started,
        "score_seconds": time.monotonic() - read,
        "processor_seconds": time.process_time() - spent,
        "peak_memory_bytes": peak_memory_bytes(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Write, score, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edition", default="full")
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(_score(options.one, options.edition)))
        return
    protocol = load("v1")
    with tempfile.TemporaryDirectory() as folder:
        edition = protocol.edition(options.edition)
        write_results(Path(folder), protocol, edition, options.episodes, seed=0)
        found = score_in_process(Path(folder), options.edition)
    seconds = found["read_seconds"] + found["score_seconds"]
    print(
        f"scoring {options.edition}, {options.episodes:,} episodes: {seconds:.1f} s "
        f"({found['read_seconds']:.1f} reading, {found['score_seconds']:.1f} resampling), "
        f"{found['peak_memory_bytes'] / 1e6:,.0f} MB at the peak"
    )


if __name__ == "__main__":
    main()
