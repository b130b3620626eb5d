"""The speed of the learners, next to plain Stable-Baselines3 and to the roofline; ``make bench``.

Every figure is of the whole machine, in agent steps per second: the sum over the processes that run at once.

ours      as ``amtlb benchmark`` plays runs: one single-thread process per core, lanes recorded.
plain     Stable-Baselines3 as its zoo sets it up (AtariWrapper without life-loss ends, VecFrameStack), with
          the same network as textbook layers, the same lanes and hyper-parameters, in the better of one run
          on all threads and one single-thread run per core, with the faster of DummyVecEnv and SubprocVecEnv.
roofline  1 / (emulation + inference + training time of a step), each measured bare, one process per core: one
          console's ``step_and_show``; the network on 8 observations; forward, backward and optimiser on a
          batch that lies ready. No sampling, no buffer, no lanes, no record.

Contenders take turns in rounds; a ratio is the median over the rounds of the ratio within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from suite.machine import RUN_SETTINGS, available_cores, cpu_type
from tests.bench.learner_parts import Part

LEARNERS = ("ppo", "multihead_a2c", "dqn")
PLAIN_KINDS = tuple(
    (f"plain, {vec}, {way}", {"vec": vec, "processes": processes})
    for vec in ("dummy", "subproc")
    for way, processes in (("all threads", 1), ("one run per core", 0))
)


def at_once(parts: Sequence[Part]) -> list[dict[str, float]]:
    """Measure in a process each, all at the same time."""
    processes = []
    for part in parts:
        settings = RUN_SETTINGS if part.kind != "plain" else {"OMP_NUM_THREADS": str(part.threads)}
        command = [sys.executable, "-m", "tests.bench.learner_parts", json.dumps(asdict(part))]
        processes.append(
            subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.PIPE, text=True)
        )
    answers = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit(f"measuring {parts[0]} failed; see above")
    return [json.loads(answer) for answer in answers]


def whole_machine(kind: str, learner: str, game: str, **options: Any) -> tuple[float, list[dict[str, float]]]:
    """Agent steps a second of all processes together, and what each found."""
    cores = available_cores()
    processes = options.pop("processes", 0) or cores
    threads = 1 if processes == cores else cores
    parts = [Part(kind, learner, game, seed, threads=threads, **options) for seed in range(processes)]
    found = at_once(parts)
    return sum(answer["steps_per_second"] for answer in found), found


def measure(learner: str, game: str, rounds: int, console: Console) -> dict[str, Any]:
    """Rates by contender and round, and the parts of the roofline."""
    rates: dict[str, list[float]] = {"ours": [], "roofline": []}
    parts: list[dict[str, float]] = []
    plain = {name: [whole_machine("plain", learner, game, **options)[0]] for name, options in PLAIN_KINDS}
    best = max(plain, key=lambda name: plain[name][0])
    for turn in range(rounds):
        if turn:
            plain[best].append(whole_machine("plain", learner, game, **dict(PLAIN_KINDS)[best])[0])
        rates["ours"].append(whole_machine("ours", learner, game)[0])
        rate, found = whole_machine("roofline", learner, game)
        rates["roofline"].append(rate)
        parts += found
        console.print(
            f"{learner}, round {turn + 1}: ours {rates['ours'][-1]:,.0f}, {best} {plain[best][-1]:,.0f}, "
            f"roofline {rate:,.0f} agent steps/s",
            highlight=False,
        )
    return {"rates": {**rates, **plain}, "best": best, "parts": parts}


def median_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """The median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print: the ratios to reach, and where a step's time goes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", nargs="+", default=LEARNERS)
    parser.add_argument("--game", default="pong")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    console = Console(width=110)
    console.print(f"{cpu_type()}, {available_cores()} cores; {options.game}, {options.rounds} rounds")
    found = {name: measure(name, options.game, options.rounds, console) for name in options.learners}
    console.print(table(list(found), list(found.values())))


def table(names: list[str], measured: list[dict[str, Any]]) -> Table:
    """The ratios to reach, the ways to set up plain Stable-Baselines3, and where the roofline comes from."""
    shown = Table(title="learners, whole machine")
    for column in ("", *names):
        shown.add_column(column, justify="right" if column else "left")

    def row(title: str, figure: Callable[[dict[str, Any]], float], digits: int = 2) -> None:
        shown.add_row(title, *(f"{figure(each):.{digits}f}" for each in measured))

    row("ours / plain (aim 2)", lambda each: median_ratio(each["rates"]["ours"], each["rates"][each["best"]]))
    row(
        "ours / roofline (aim 0.8)",
        lambda each: median_ratio(each["rates"]["ours"], each["rates"]["roofline"]),
    )
    for name, _ in PLAIN_KINDS:
        row(
            f"{name} / best plain",
            lambda each, name=name: each["rates"][name][0] / each["rates"][each["best"]][0],  # type: ignore[misc]
        )
    for name in ("emulation", "inference", "training"):
        row(
            f"roofline: {name}, us per step",
            lambda each, name=name: 1e6 * statistics.median(part[name] for part in each["parts"]),  # type: ignore[misc]
            0,
        )
    return shown


if __name__ == "__main__":
    main()
