"""Do the learners learn? Training on real games outside ``lite`` and ``smoke``; ``make learning``.

Each run is a process of its own, one thread, as many side by side as there are cores, on lanes without a
run id: nothing here is a result of the benchmark. What is reported is the points that a run made in the
first and in the last tenth of its frames, per 1,000 agent steps, and the gain between them with its
standard error over the seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from protocol import current_protocol
from suite.machine import RUN_SETTINGS, available_cores, cpu_type, peak_memory_bytes

LEARNERS = ("ppo", "multihead_a2c", "dqn")
GAMES = ("freeway", "kung_fu_master", "road_runner")
TENTHS = 10


class Trial(NamedTuple):
    """One run: games joined by commas, frames for each of them, changed hyper-parameters as JSON."""

    learner: str
    games: str
    seed: int
    frames: int
    changes: str


class Points:
    """A recorder that sums up the raw rewards of each tenth of the steps, and knows the games.

    Attributes:
        steps: how many there will be.
        tenths: the sum of the rewards of each tenth of the steps.
        negative_rewards: how many rewards were below 0.
        games: of each ended episode, by lane, number and length.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._lanes = 1
        self._played = 0
        self.tenths = [0] * TENTHS
        self.negative_rewards = 0
        self.games: dict[tuple[int, int, int], str] = {}
        self._playing: dict[int, tuple[int, str, int]] = {}

    def begin(self, lane: int, phase: str, number: int, game: str, seed: int) -> None:
        """An episode begins."""
        self._playing[lane] = (number, game, self._played)

    def step(self, actions: np.ndarray, rewards: np.ndarray) -> None:
        """Add up."""
        self.tenths[min(TENTHS * self._played // self.steps, TENTHS - 1)] += int(rewards.sum())
        self.negative_rewards += int((rewards < 0).sum())
        self._lanes = len(actions)
        self._played += self._lanes

    @property
    def rates(self) -> list[float]:
        """Of each tenth, the points per 1,000 agent steps."""
        return [1000 * tenth / (self.steps / TENTHS) for tenth in self.tenths]

    def end(self, lane: int, *_: Any) -> None:
        """The episode's game is kept, in the order of ends."""
        number, game, begun = self._playing[lane]
        self.games[lane, number, (self._played - begun) // self._lanes] = game


def practise(learner: Any, games: tuple[str, ...], seed: int, frames: int) -> Points:
    """Let a learner train on lanes without a run id, for so many frames of each game; what it earned."""
    from suite.learners.practice import practice_lanes

    protocol = current_protocol()
    steps = len(games) * frames // protocol.environment.frame_skip
    points = Points(steps)
    env = practice_lanes(games, steps // protocol.lanes, seed, points)
    env.reset()
    learner.learn(env)
    return points


def play(trial: Trial) -> dict[str, Any]:
    """Train once, in this process."""
    from suite.learners.contract import NoteWriter
    from suite.results.head_use import join_head_use

    protocol = current_protocol()
    games = tuple(trial.games.split(","))
    module = import_module(f"baselines.{trial.learner}")
    learner = module.make(trial.seed, protocol.lanes, **json.loads(trial.changes))
    started = time.monotonic()
    points = practise(learner, games, trial.seed, trial.frames)
    seconds = time.monotonic() - started
    found = {
        **trial._asdict(),
        "points_per_1000_steps": points.rates,
        "steps_per_second": points.steps / seconds,
        "peak_memory_bytes": peak_memory_bytes(),
    }
    if isinstance(learner, NoteWriter):
        with tempfile.TemporaryDirectory() as notes:
            learner.write_notes(Path(notes))
            use = join_head_use(Path(notes), points.games)
        found |= {"specialisation_nats": use.specialisation_nats, "head_use": use.weights[:, -1].tolist()}
    return found


def play_in_process(module: str, trial: tuple[Any, ...]) -> dict[str, Any]:
    """Let ``module --one`` play a trial, in a process of its own under the settings of a run."""
    command = [sys.executable, "-m", module, "--one", json.dumps(trial)]
    done = subprocess.run(command, env=os.environ | RUN_SETTINGS, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print a table, and keep what was found where ``--out`` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", nargs="+", default=LEARNERS)
    parser.add_argument(
        "--games", nargs="+", default=GAMES, help="a run each; several joined by commas: one run of all"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=400_000)
    parser.add_argument("--change", nargs="+", default=["{}"], help='such as {"n_steps": 10}; each is tried')
    parser.add_argument("--out", type=Path, help="a file that a line of JSON a run is added to")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(play(Trial(*json.loads(options.one)))))
        return
    cases = list(product(options.learners, options.games, options.change))
    trials = [
        Trial(learner, games, seed, options.frames, change)
        for learner, games, change in cases
        for seed in range(options.seeds)
    ]
    console = Console(width=120)
    found = []
    with ThreadPoolExecutor(available_cores()) as pool:
        for result in pool.map(partial(play_in_process, "tests.bench.learning"), trials):
            found.append(result)
            console.print(f"{len(found)} of {len(trials)}: {_line(result)}", highlight=False)
            if options.out:
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(result) + "\n")
    console.print(cpu_type(), highlight=False)
    console.print(_table(found, options.seeds))


def _line(result: dict[str, Any]) -> str:
    rates = " ".join(f"{rate:.1f}" for rate in result["points_per_1000_steps"])
    name = f"{result['learner']} {result['games']} seed {result['seed']} {result['changes']}"
    shared = f", heads {result['specialisation_nats']:.3f} nats" if "head_use" in result else ""
    return f"{name}: {rates} ({result['steps_per_second']:.0f} steps/s{shared})"


def _table(found: list[dict[str, Any]], seeds: int) -> Table:
    table = Table(title="points per 1,000 agent steps")
    labels = ("learner", "game", "changes")
    for column in (*labels, "first tenth", "last tenth", "gain", "standard error", "peak MB"):
        table.add_column(column, justify="left" if column in labels else "right")
    for start in range(0, len(found), seeds):
        runs = found[start : start + seeds]
        first = [run["points_per_1000_steps"][0] for run in runs]
        last = [run["points_per_1000_steps"][-1] for run in runs]
        gains = [after - before for before, after in zip(first, last, strict=True)]
        error = statistics.stdev(gains) / len(gains) ** 0.5 if seeds > 1 else float("nan")
        figures = (statistics.mean(first), statistics.mean(last), statistics.mean(gains), error)
        memory = max(run["peak_memory_bytes"] for run in runs) / 1e6
        names = (runs[0]["learner"], runs[0]["games"], runs[0]["changes"])
        table.add_row(*names, *(f"{figure:.2f}" for figure in figures), f"{memory:.0f}")
    return table


if __name__ == "__main__":
    main()
