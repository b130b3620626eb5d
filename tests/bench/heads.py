"""The cost of carrying heads to another game: PPO, with its heads and with heads drawn again, on a second game.

``python -m tests.bench.heads`` plays two pairs of games outside ``lite`` and ``smoke``: 240,000 frames of the
first game by PPO, then 80,000 of the second by both learners from that checkpoint, next to fresh PPO. It prints
a Markdown table for docs/baselines.md: points per 1,000 agent steps over the 80,000 frames, by seed, and the
contrasts with fresh play of the means over seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from protocol import current_protocol
from suite.machine import available_cores, cpu_type
from suite.scoring.measures import contrast
from tests.bench.learning import play_in_process, practise

PAIRS = (("demon_attack", "krull"), ("kung_fu_master", "road_runner"))
"""Of the tuning games by name, each game that is not yet in a pair with the one that follows it."""
SEEDS = 3
PRETRAINING_FRAMES, TRANSFER_FRAMES = 240_000, 80_000
WAYS = ("fresh", "ppo", "ppo_reset")


class Case(NamedTuple):
    """One seed of one pair."""

    first: str
    second: str
    seed: int


def play(case: Case) -> dict[str, Any]:
    """Pre-train once, then learn the second game in each way, in this process."""
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder)
        pretrained = _make("ppo", case.seed)
        before = practise(pretrained, (case.first,), case.seed, PRETRAINING_FRAMES).rates
        pretrained.save(checkpoint)
        for way in WAYS:
            learner = _make("ppo" if way == "fresh" else way, case.seed)
            if way != "fresh":
                learner.load(checkpoint)
            rates[way] = practise(learner, (case.second,), case.seed, TRANSFER_FRAMES).rates
    return {**case._asdict(), "pretraining": before, "points_per_1000_steps": rates, "cpu": cpu_type()}


def _make(name: str, seed: int) -> Any:
    return import_module(f"baselines.{name}").make(seed, current_protocol().lanes)


def row(found: Sequence[dict[str, Any]]) -> str:
    """A pair's line of the table: means over tenths by seed, and contrasts of their means over seeds."""
    rates = {way: [statistics.mean(case["points_per_1000_steps"][way]) for case in found] for way in WAYS}
    means = {way: np.array([statistics.mean(rates[way])]) for way in WAYS}
    pretraining = [f"{case['pretraining'][0]:,.0f} to {case['pretraining'][-1]:,.0f}" for case in found]
    cells = [
        f"{found[0]['first']}, {found[0]['second']}",
        "; ".join(pretraining),
        *("; ".join(f"{rate:,.0f}" for rate in rates[way]) for way in WAYS),
        *(f"{contrast(means[way], means['fresh'])[0]:+.2f}" for way in WAYS[1:]),
    ]
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Play all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(play(Case(*json.loads(options.one)))))
        return
    columns = ("games", "pre-training, first to last tenth", *WAYS, *(f"contrast, {way}" for way in WAYS[1:]))
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    with ThreadPoolExecutor(available_cores()) as pool:
        for first, second in PAIRS:
            cases = [Case(first, second, seed) for seed in range(SEEDS)]
            print(row(list(pool.map(partial(play_in_process, "tests.bench.heads"), cases))), flush=True)


if __name__ == "__main__":
    main()
