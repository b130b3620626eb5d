"""The speed of verifying: a replay next to the emulator's bare act, an audit of a release; ``make bench``."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from protocol import current_protocol, describe, parse_run_id, plan
from suite.emulator.console import Console
from suite.emulator.replayer import Replayer
from suite.emulator.roms import checked_cartridge
from suite.machine import available_cores, peak_memory_bytes
from suite.results.ledger import episodes_of, read_ledger
from suite.results.published import published_folder
from suite.results.store import Store
from suite.scoring.score import score_folder
from suite.submission.description import Submission
from suite.submission.packing import pack
from suite.verify.audit import audit
from suite.verify.executors import LocalProcesses
from suite.verify.finished import Finished
from suite.verify.replay import replay_submission
from suite.verify.verification import verify
from tests.bench.synthetic import write_results

LEARNERS, EPISODES_PER_LEARNER = 3, 100_000
_RUN = "smoke/fresh/space_invaders/seed0"


def replay_share(rounds: int) -> float:
    """Steps a CPU second of a replay, over those of the emulator's bare act on the same frames."""
    protocol = current_protocol()
    run = describe(parse_run_id(_RUN, protocol), protocol)
    ledger = Store(published_folder("ppo", "smoke"), protocol).ledger_path(run.run_id)
    episodes = list(episodes_of(read_ledger(ledger)))
    player = Replayer(protocol)
    player.replay(run, episodes[0])  # the ROM is loaded once
    console = Console(checked_cartridge(protocol, run.games[0]), protocol.environment)
    played = []
    for episode in episodes:
        console.begin(episode.seed)
        played.append(list(console._all_frames(np.frombuffer(episode.actions, np.uint8))))
    act, over = console._ale.act, console._ale.game_over
    shares = []
    for _ in range(rounds):
        started = time.process_time()
        for frames in played:
            console.begin(0)
            for first, second, third, fourth in frames:
                act(first), act(second), act(third), act(fourth)
                over()
        bare = time.process_time()
        for episode in episodes:
            player.replay(run, episode)
        shares.append((bare - started) / (time.process_time() - bare))
    return statistics.median(shares)


def speedup_of_cores() -> float:
    """The ratio of the time that one core takes to replay a submission to the time that all cores take."""
    protocol = current_protocol()
    folder = published_folder("ppo", "smoke")
    ledgers = audit(folder, protocol, available_cores()).ledgers
    seconds = []
    for workers in (1, available_cores()):
        started = time.perf_counter()
        executor = LocalProcesses(workers, [describe(run_id, protocol) for run_id in ledgers])
        replay_submission(
            folder, protocol, ledgers, None, executor, Finished(protocol.version), lambda text: None
        )
        seconds.append(time.perf_counter() - started)
    return seconds[0] / seconds[1]


def audit_release(folder: Path) -> dict[str, float]:
    """Seconds to audit every submission of a folder, and the most memory that this or any worker held."""
    started = time.perf_counter()
    for submission in sorted(folder.iterdir()):
        found = verify(submission)
        assert not found.findings, found.findings[:3]
    seconds = time.perf_counter() - started
    workers = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"seconds": seconds, "peak_memory_bytes": max(peak_memory_bytes(), workers)}


def write_release(folder: Path) -> None:
    """Submissions of the ``lite`` edition of several learners that never played."""
    protocol = current_protocol()
    said = Submission(schema_version=1, name="synthetic", authors=("nobody",), code="none")
    for learner in range(LEARNERS):
        with tempfile.TemporaryDirectory() as scratch:
            edition = protocol.edition("lite")
            store = write_results(Path(scratch), protocol, edition, EPISODES_PER_LEARNER, seed=learner)
            score_folder(store, edition)
            pack(store, said, folder / f"learner{learner}")


def audit_in_process() -> dict[str, float]:
    """Write a release, then audit it in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_release(Path(folder))
        command = [sys.executable, "-m", "tests.bench.verifying", "--audit", folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--audit", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.audit:
        print(json.dumps(audit_release(options.audit)))
        return
    print(f"replay on one core: {replay_share(options.rounds):.2f} of the emulator's bare act")
    print(f"replay on {available_cores()} cores: {speedup_of_cores():.2f} times as fast as on one")
    found = audit_in_process()
    protocol = current_protocol()
    runs = len(plan(protocol, protocol.edition("lite")))
    print(
        f"audit of {LEARNERS} x {runs} runs, {LEARNERS * EPISODES_PER_LEARNER:,} training episodes: "
        f"{found['seconds']:.1f} s, {found['peak_memory_bytes'] / 1e6:.0f} MB at the peak of a process"
    )


if __name__ == "__main__":
    main()
