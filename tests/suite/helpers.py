"""Helpers of several tests that play real lanes for a short while."""

import shutil
import subprocess
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import numpy as np

from protocol import EpisodeRecord, episode_seed, game_choice, load
from suite.lanes.engine import Engine, InProcessEngine
from suite.lanes.environment import LaneEnv
from suite.lanes.schedules import TrainingMeter
from suite.lanes.workers import WorkerEngine
from suite.results.journal import JournalRecorder, read_journal
from suite.results.published import published_folder

V1 = load("v1")
LANES = V1.lanes
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
"""The pointer that Git LFS leaves in the place of a file that was not fetched."""
SMOKE_DIGEST = V1.edition_digests["smoke"]
PLAYED_ANEW = (
    "pretrain/fold1/seed0",
    "transfer/fold1/breakout/seed0",
    "fresh/breakout/seed1",
)
"""Runs that tests play, one of each kind and a pair that belongs together, where the others are copied."""


def published_results(folder: Path, name: str, missing: Collection[str] = PLAYED_ANEW) -> None:
    """Make a results folder of the published runs of a learner on ``smoke``, which have no checkpoints.

    Args:
        folder: is made.
        name: of the learner.
        missing: the runs that are left out, by their path in a results folder.
    """
    published = published_folder(name, "smoke")
    for run in published.rglob("seed?"):
        if run.relative_to(published).as_posix() not in missing:
            shutil.copytree(run, folder / run.relative_to(published))


def uniform_results(folder: Path, missing: Collection[str]) -> None:
    """Make a results folder of uniform play on ``smoke``, with its checkpoints, which have no weights."""
    published_results(folder, "uniform", missing)
    for run in folder.rglob("seed?"):
        (run / "checkpoint").mkdir()
        (run / "checkpoint" / "no_weights").touch()


def seeds_of(run_id: str = "smoke/generalist/seed0") -> Callable[[int, int], int]:
    """The episode seeds of a run of ``smoke``, or of any other id."""
    return partial(episode_seed, SMOKE_DIGEST, run_id)


def make_engine(games: list[str], workers: int) -> Engine:
    if workers:
        return WorkerEngine(V1, games, LANES, workers)
    return InProcessEngine(V1, games, LANES)


def make_meter(
    games: list[str], steps_per_game: int, run_id: str, max_episode_steps: int = 27_000
) -> TrainingMeter:
    return TrainingMeter(
        games, steps_per_game, LANES, max_episode_steps, partial(game_choice, SMOKE_DIGEST, run_id)
    )


def play_random(env: LaneEnv, seed: int = 0) -> int:
    """Play uniform actions until the budget is spent; return the number of vector steps."""
    from protocol import BudgetExhausted

    generator = np.random.Generator(np.random.Philox(key=seed))
    env.reset()
    steps = 0
    while True:
        try:
            env.step(generator.integers(0, 18, LANES))
        except BudgetExhausted:
            return steps
        steps += 1


def record_random(
    folder: Path,
    games: list[str],
    steps_per_game: int,
    *,
    run_id: str = "smoke/generalist/seed0",
    workers: int = 0,
    max_episode_steps: int = 27_000,
) -> Path:
    """Play uniform actions and return the journal."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = make_engine(games, workers)
    recorder = JournalRecorder(folder / "journal", LANES)
    try:
        meter = make_meter(games, steps_per_game, run_id, max_episode_steps)
        play_random(LaneEnv(V1, seeds_of(run_id), engine, meter, 4 * steps_per_game * len(games), recorder))
    finally:
        recorder.close()
        engine.close()
    return folder / "journal"


def episodes(journal: Path) -> list[EpisodeRecord]:
    return list(read_journal(journal))


def refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """One line on standard error, no traceback, the words in it, and the exit status."""
    assert done.returncode == status, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for word in words:
        assert word in lines[0]
