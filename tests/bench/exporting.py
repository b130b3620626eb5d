"""The speed of exporting a run, next to that of its lanes without a learner; ``make bench``.

All figures are steps per second of CPU time in one process, so that they hold on a busy machine; a ratio is the
median over rounds that visit every contender in turn.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from suite.emulator.console import Console as GameConsole
from suite.emulator.roms import checked_cartridge
from suite.episodes.recorded import find_recorded
from suite.episodes.shards import FORMATS
from suite.episodes.transitions import regenerate
from suite.lanes.environment import LaneEnv
from tests.suite.helpers import LANES, V1, make_engine, make_meter, seeds_of

GAMES = ("breakout", "space_invaders")
ROUNDS, VECTOR_STEPS = 3, 150


def rate(steps: int, work: Callable[[], object]) -> float:
    """Steps a second of CPU time."""
    began = time.process_time()
    work()
    return steps / (time.process_time() - began)


def measure(game: str) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Rates of the lanes and of every format, by round; and the bytes of a step on disk."""
    recorded = find_recorded(f"ppo/fresh/{game}/seed0", V1, "smoke")
    rows = recorded.rows("evaluation", None)[:8]
    steps = sum(recorded.table["length_steps"].take(rows).to_pylist())
    console = GameConsole(checked_cartridge(V1, game), V1.environment)
    budget = make_meter([game], 80_000, "smoke/generalist/seed0")
    env = LaneEnv(V1, seeds_of(), make_engine([game], 0), budget, 4 * 80_000, None)
    env.reset()
    actions = np.random.Generator(np.random.Philox(key=0)).integers(0, 18, (VECTOR_STEPS, LANES))
    rates: dict[str, list[float]] = {"lanes": [], **{form: [] for form in FORMATS}}
    sizes = {}
    for _ in range(ROUNDS):
        rates["lanes"].append(rate(VECTOR_STEPS * LANES, lambda: [env.step(chosen) for chosen in actions]))
        for form, (_suffix, write) in FORMATS.items():
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch) / "shard"
                episodes = (regenerate(V1, recorded, row, console) for row in rows)
                rates[form].append(rate(steps, lambda: write(path, episodes)))  # noqa: B023 (called at once)
                sizes[form] = path.stat().st_size / steps
    return rates, sizes


def main() -> None:
    """Measure and print."""
    table = Table("game", "what", "steps/s", "of the lanes", "bytes/step", title="export", title_justify="left")
    for game in GAMES:
        rates, sizes = measure(game)
        for what, values in rates.items():
            share = statistics.median(one / lanes for one, lanes in zip(values, rates["lanes"], strict=True))
            size = f"{sizes[what]:,.0f}" if what in sizes else ""
            table.add_row(game, what, f"{statistics.median(values):,.0f}", f"{share:.2f}", size)
    Console().print(table)


if __name__ == "__main__":
    main()
