"""The search for a learner that transfers, on tuning games alone; ``make transfer-search`` goes on with it.

Its rule was written down before anything was played. The command writes it, with what was found, to
docs/transfer_search.md. Each play is a line of the data file, and is not played again. The checkpoints of
pre-training stay in ``build/transfer_search``; where one is missing, pre-training is played again, to the same
bits on the same type of CPU.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from baselines.ppo import make as make_ppo
from protocol import current_protocol
from suite.machine import available_cores, cpu_type
from suite.scoring.measures import contrast
from tests.bench.learning import play_in_process, practise
from tests.bench.pilot import read_lines
from tests.bench.transfer_designs import DESIGNS

GAMES = ("kung_fu_master", "road_runner", "krull", "demon_attack", "up_n_down")
"""Tuning games; each is held out in turn, and the two that follow it, in a circle, are played before."""
SEEDS = 3
PRETRAINING_FRAMES, FRAMES = 200_000, 100_000
"""Of each game in pre-training, and of the held-out game."""
FRESH, PRETRAINING = "fresh", "pretraining"
DATA, PAGE = Path("docs/transfer_search.jsonl"), Path("docs/transfer_search.md")
CHECKPOINTS = Path("build/transfer_search")


class Play(NamedTuple):
    """One play.

    Attributes:
        what: ``fresh``, ``pretraining``, or the name of the design that goes on from a pre-training.
        held_out: the game that is held out.
        seed: of the learner and of its episodes.
    """

    what: str
    held_out: str
    seed: int

    @property
    def games(self) -> tuple[str, ...]:
        """The games that are played."""
        place = GAMES.index(self.held_out)
        following = tuple(GAMES[(place + step) % len(GAMES)] for step in (1, 2))
        return following if self.what == PRETRAINING else (self.held_out,)

    @property
    def checkpoint(self) -> Path:
        """Where pre-training of this game and seed saves its learner."""
        return CHECKPOINTS / self.held_out / str(self.seed)


def play(one: Play) -> dict[str, Any]:
    """Play in this process; the points of each tenth."""
    make = DESIGNS[one.what].make if one.what in DESIGNS else make_ppo
    learner = make(one.seed, current_protocol().lanes)
    if one.what in DESIGNS:
        learner.load(one.checkpoint)
    frames = PRETRAINING_FRAMES if one.what == PRETRAINING else FRAMES
    points = practise(learner, one.games, one.seed, frames)
    if one.what == PRETRAINING:
        one.checkpoint.mkdir(parents=True, exist_ok=True)
        learner.save(one.checkpoint)
    return {**one._asdict(), "points_per_1000_steps": points.rates, "cpu": cpu_type()}


def _plays(what: str) -> list[Play]:
    """All plays of a kind, game after game."""
    return [Play(what, game, seed) for game in GAMES for seed in range(SEEDS)]


class Search:
    """The data file, and what is to be played next.

    Args:
        data: the file; plays are added to it as they end.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self.lines = {Play(*(line[name] for name in Play._fields)): line for line in read_lines(data)}

    def missing(self, what: str, designs: Sequence[str] = ()) -> list[Play]:
        """The plays of a kind that the data lack; pre-training also where these designs lack its checkpoint."""
        return [
            one
            for one in _plays(what)
            if one not in self.lines
            or (what == PRETRAINING and not one.checkpoint.is_dir() and self._lacks(one, designs))
        ]

    def play(self, designs: Sequence[str], processes: int) -> Iterator[dict[str, Any]]:
        """Play what fresh runs, pre-training and these designs lack, in so many processes; each as it ends."""
        for what in (FRESH, PRETRAINING, *designs):
            with ThreadPoolExecutor(processes) as pool:
                missing = self.missing(what, designs)
                for line in pool.map(partial(play_in_process, "tests.bench.transfer_search"), missing):
                    self._keep(line)
                    yield line

    def rates(self, what: str) -> np.ndarray | None:
        """Points per 1,000 agent steps over a whole play, float (games, seeds); None: not all are played."""
        plays = _plays(what)
        if any(one not in self.lines for one in plays):
            return None
        rates = [np.mean(self.lines[one]["points_per_1000_steps"]) for one in plays]
        return np.reshape(rates, (len(GAMES), SEEDS))

    def _lacks(self, pretraining: Play, designs: Sequence[str]) -> bool:
        return any(pretraining._replace(what=design) not in self.lines for design in designs)

    def _keep(self, line: dict[str, Any]) -> None:
        one = Play(*(line[name] for name in Play._fields))
        if one in self.lines:  # a pre-training that was played for its checkpoint
            return
        self.lines[one] = line
        with self._data.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class Found(NamedTuple):
    """What was found of a design.

    Attributes:
        contrasts: by held-out game: of the means over seeds, with fresh play; float (games,).
        by_seed: the mean over games of the contrasts of each seed alone; float (seeds,).
    """

    contrasts: np.ndarray
    by_seed: np.ndarray

    @property
    def mean(self) -> float:
        """The mean over games, by which designs are chosen."""
        return float(self.contrasts.mean())


def judge(transfer: np.ndarray, fresh: np.ndarray) -> Found:
    """The contrasts of a design.

    Args:
        transfer, fresh: points, float (games, seeds).
    """
    by_seed = contrast(transfer, fresh).mean(0)
    return Found(contrast(transfer.mean(1), fresh.mean(1)), by_seed)


def table(search: Search) -> str:
    """All designs that have been played, as a Markdown table."""
    found = results(search)
    head = ["design", "what it does", *GAMES, "mean", "mean, by seed"]
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(GAMES) + 2)]
    for name, own in found.items():
        by_game = [f"{one:+.2f}" for one in own.contrasts]
        seeds = "; ".join(f"{one:+.2f}" for one in own.by_seed)
        lines.append("| " + " | ".join([name, DESIGNS[name].does, *by_game, f"{own.mean:+.3f}", seeds]) + " |")
    return "\n".join(lines)


def results(search: Search) -> Mapping[str, Found]:
    """By name, what was found of each design that has been played."""
    fresh = search.rates(FRESH)
    rates = {name: search.rates(name) for name in DESIGNS}
    return {} if fresh is None else {name: judge(own, fresh) for name, own in rates.items() if own is not None}


_TITLE = f"""# The search for a learner that transfers

`make transfer-search` plays what is missing of it and writes this page. The data are in
[transfer_search.jsonl](transfer_search.jsonl), one line per play.

The rule was written down before anything was played:

- **Games**: {", ".join(GAMES)}. The reference learners were tuned on
  them, too. No game of `lite` or `smoke` is among them.
- **Plays**: each game is held out in turn. First the two games that follow it in this list, in a circle, are
  played as in a pretrain run, with {PRETRAINING_FRAMES:,} frames of each, and then the held-out game with
  {FRAMES:,} frames. There are {SEEDS} seeds.
- **Designs** are PPO as in `baselines.ppo`. They differ in what they make of a checkpoint when they begin to
  learn ([transfer_designs.py](../tests/bench/transfer_designs.py)). All go on from the same checkpoints, and
  are compared with the same fresh runs. A design may be added at any time; none that was played is taken out.
- **Figure**: the contrast of the points over the whole play of the held-out game, of the means over seeds. Its
  mean over the five games decides. The mean of each seed alone shows how much of that is luck.
- **Choice**: the design with the highest mean becomes a reference learner and plays `lite` once, as it is.
  Nothing that `lite` shows of it changes it.
"""


def page(search: Search) -> str:
    """The rule and what was found."""
    return "\n".join([_TITLE, table(search), ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("designs", nargs="*", default=[*DESIGNS], help="default: all")
    parser.add_argument("--processes", type=int, default=available_cores(), help="default: %(default)s")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(play(Play(*json.loads(options.one)))))
        return
    if unknown := {*options.designs} - {*DESIGNS}:
        parser.error(f"there is no design {min(unknown)!r}; there are {', '.join(DESIGNS)}")
    search = Search(DATA)
    for line in search.play(options.designs, options.processes):
        rates = " ".join(f"{rate:.1f}" for rate in line["points_per_1000_steps"])
        print(f"{line['held_out']} {line['what']} seed {line['seed']}: {rates}", flush=True)
        PAGE.write_text(page(search), encoding="utf-8")


if __name__ == "__main__":
    main()
