"""The search for a learner that transfers, on tuning games alone; ``make transfer-search`` goes on with it.

Its rule was written down before any design was played. The command writes it, with what was found, to
docs/transfer_search.md. Each play is a line of the data file, and is not played again. Checkpoints stay in
``build/transfer_search``; where one is missing, its play is made again, to the same bits on the same type of
CPU.
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

from protocol import current_protocol
from suite.machine import available_cores, cpu_type
from suite.report.numbers import joined, signed, with_p
from suite.scoring.draws import draw_pairs
from suite.scoring.estimates import Figure, estimate
from suite.scoring.measures import contrast
from suite.scoring.resampling import DRAWS
from suite.scoring.statistics import contrast_mean
from tests.bench.learning import play_in_process, practise
from tests.bench.lines import add_line, read_lines
from tests.bench.transfer_designs import DESIGNS, SELF

GAMES = ("kung_fu_master", "road_runner", "krull", "demon_attack", "up_n_down")
"""Tuning games; each is held out in turn, and the others are played before."""
FIRST_SEEDS, FINAL_SEEDS = range(3), range(3, 6)
"""Of all designs, and of those that are chosen from."""
FINALISTS, REFERENCE = 3, "heads"
"""The number of best designs to play with the final seeds, and the design to beat, which is played, too."""
FRAMES = 200_000
"""Of each game in pre-training, and of the held-out game."""
AGAIN = 1_000
"""Is added to the seed of the episodes after a load, so that SELF meets others than before."""
FRESH, PRETRAINING, TRANSFER = "fresh", "pretraining", "transfer"
DATA, PAGE = Path("docs/transfer_search.jsonl"), Path("docs/transfer_search.md")
CHECKPOINTS = Path("build/transfer_search")


class Play(NamedTuple):
    """One play.

    Attributes:
        what: ``fresh``, ``pretraining`` or ``transfer``.
        design: that plays.
        held_out: the game that is held out.
        seed: of the learner and of its episodes.
    """

    what: str
    design: str
    held_out: str
    seed: int

    @property
    def games(self) -> tuple[str, ...]:
        """The games that are played."""
        others = tuple(game for game in GAMES if game != self.held_out)
        return others if self.what == PRETRAINING else (self.held_out,)

    @property
    def start(self) -> Play | None:
        """The play whose end this one starts from; None: it starts untrained."""
        if self.what != TRANSFER:
            return None
        what = FRESH if self.design == SELF else PRETRAINING
        return self._replace(what=what, design=DESIGNS[self.design].learns)

    @property
    def checkpoint(self) -> Path:
        """The folder in which the learner is saved at the end."""
        return CHECKPOINTS / self.what / self.design / self.held_out / str(self.seed)


def play(one: Play) -> dict[str, Any]:
    """Play in this process; the points of each tenth."""
    learner = DESIGNS[one.design].make(one.seed, current_protocol().lanes)
    if one.start is not None:
        learner.load(one.start.checkpoint)
    points = practise(learner, one.games, one.seed + AGAIN * (one.what == TRANSFER), FRAMES)
    if one.what != TRANSFER:
        one.checkpoint.mkdir(parents=True, exist_ok=True)
        learner.save(one.checkpoint)
    return {**one._asdict(), "points_per_1000_steps": points.rates, "cpu": cpu_type()}


def plays(what: str, design: str, seeds: Sequence[int]) -> list[Play]:
    """All plays of a kind, game after game."""
    return [Play(what, design, game, seed) for game in GAMES for seed in seeds]


class Search:
    """The data file, and what is to be played next.

    Args:
        data: the file; plays are added to it as they end.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self.lines = {Play(*(line[name] for name in Play._fields)): line for line in read_lines(data)}

    def missing(self, designs: Sequence[str], seeds: Sequence[int]) -> list[list[Play]]:
        """The plays that the data lack, in two rounds: first those that others start from or are compared with.

        A play whose checkpoint is gone is made again where one that starts from it is missing.
        """
        transfers = [
            one for design in designs for one in plays(TRANSFER, design, seeds) if one not in self.lines
        ]
        learned = dict.fromkeys(DESIGNS[design].learns for design in designs)
        fresh = [one for design in learned for one in plays(FRESH, design, seeds)]
        starts = dict.fromkeys(one.start for one in transfers if one.start is not None)
        lost = {one for one in starts if not one.checkpoint.is_dir()}
        first = [one for one in dict.fromkeys([*fresh, *starts]) if one not in self.lines or one in lost]
        return [first, transfers]

    def play(self, designs: Sequence[str], seeds: Sequence[int], processes: int) -> Iterator[dict[str, Any]]:
        """Play what these designs lack, in so many processes; each as it ends."""
        for missing in self.missing(designs, seeds):
            with ThreadPoolExecutor(processes) as pool:
                for line in pool.map(partial(play_in_process, "tests.bench.transfer_search"), missing):
                    self._keep(line)
                    yield line

    def rates(self, what: str, design: str, seeds: Sequence[int]) -> np.ndarray | None:
        """Points per 1,000 agent steps over a whole play, float (games, seeds); None: not all are played."""
        own = plays(what, design, seeds)
        if any(one not in self.lines for one in own):
            return None
        rates = [np.mean(self.lines[one]["points_per_1000_steps"]) for one in own]
        return np.reshape(rates, (len(GAMES), len(seeds)))

    def _keep(self, line: dict[str, Any]) -> None:
        one = Play(*(line[name] for name in Play._fields))
        if one in self.lines:  # it was played for its checkpoint
            return
        self.lines[one] = line
        add_line(self._data, line)


class Found(NamedTuple):
    """The result of one design.

    Attributes:
        contrasts: by held-out game: of the means over seeds, with fresh play; float (games,).
        mean: over games, by which designs are chosen, with its interval and p, of pairs by game and seed.
    """

    contrasts: np.ndarray
    mean: Figure


def judge(transfer: np.ndarray, fresh: np.ndarray) -> Found:
    """The contrasts of a design.

    Args:
        transfer, fresh: points, float (games, seeds).
    """
    generator = np.random.Generator(np.random.Philox(key=0))
    drawn = draw_pairs(
        range(len(fresh)), fresh.shape[1], DRAWS, generator
    )  # each has a pre-training of its own
    return Found(contrast(transfer.mean(1), fresh.mean(1)), estimate(contrast_mean, transfer, fresh, drawn))


def results(search: Search, seeds: Sequence[int]) -> Mapping[str, Found]:
    """By name, the results of all designs that are played with these seeds."""
    found = {}
    for name, design in DESIGNS.items():
        transfer = search.rates(TRANSFER, name, seeds)
        fresh = search.rates(FRESH, design.learns, seeds)
        if transfer is not None and fresh is not None:
            found[name] = judge(transfer, fresh)
    return found


def finalists(search: Search) -> list[str]:
    """The designs that are played with the final seeds: the best with the first ones, and the reference."""
    found = results(search, FIRST_SEEDS)
    best = sorted(found.keys() - {SELF, REFERENCE}, key=lambda name: -(found[name].mean.value or 0.0))
    return [REFERENCE, *best[:FINALISTS]]


def table(search: Search, seeds: Sequence[int]) -> str:
    """All designs that have been played with these seeds, as a Markdown table."""
    if not (found := results(search, seeds)):
        return "No design has been played with them yet."
    head = ["design", "what it does", *GAMES, "mean, 95 % interval, p"]
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(GAMES) + 1)]
    for name, own in found.items():
        by_game = [f"{one:+.2f}" for one in own.contrasts]
        cells = [name, DESIGNS[name].does, *by_game, joined(with_p(own.mean, signed))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _said(seeds: range) -> str:
    return f"{seeds[0]} to {seeds[-1]}"


_TITLE = f"""# The search for a learner that transfers

`make transfer-search` plays what is missing of it and writes this page. The data are in
[transfer_search.jsonl](transfer_search.jsonl), one line per play.

The rule was written down before any design was played. It was changed once before that, when `lite` had been
played by PPO and `ppo_reset`: pre-training was made longer, because a policy collapses only in a long one;
designs that differ in how they learn, and designs that take a reset apart, were admitted; the final seeds and
the ceiling were added.

- **Games**: {", ".join(GAMES)}. The reference learners were
  tuned on them, too. No game of `lite` or `smoke` is among them.
- **Plays**: each game is held out in turn. First the other four are played as in a pretrain run, with
  {FRAMES:,} frames of each, and then the held-out game with as many.
- **Designs** are PPO as in `baselines.ppo`, with one change each
  ([transfer_designs.py](../tests/bench/transfer_designs.py)). Designs that do not differ until they load a
  checkpoint start from the same checkpoints, and are compared with the same fresh runs. A design may be
  added until the final seeds are played; none that was played is taken out.
- **Ceiling**: `{SELF}` has played the held-out game before. Where it shows no transfer, a game can show none.
- **Figure**: the contrast of the points over the whole play of the held-out game, of the means over seeds; its
  mean over the five games. Its p-value swaps the two plays
  of a game and a seed; each such pair has a pre-training of its own.
- **First seeds**, {_said(FIRST_SEEDS)}: of all designs. The best of many looks better than it is; therefore
  the best {FINALISTS} and `{REFERENCE}` are played again with the **final seeds**, {_said(FINAL_SEEDS)}, and
  only those decide.
- **Choice**: the design with the highest mean in the final seeds, if that is above 0 and above the one of
  `{REFERENCE}`, becomes a reference learner and plays `lite` once, as it is. Nothing that `lite` shows of it
  changes it. Otherwise none is chosen, and that is the result.

## First seeds
"""


def page(search: Search) -> str:
    """The rule and what was found."""
    return "\n".join([_TITLE, table(search, FIRST_SEEDS), "\n## Final seeds\n", table(search, FINAL_SEEDS), ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "designs", nargs="*", help="of the first seeds only these; default: all, then the final"
    )
    parser.add_argument("--processes", type=int, default=available_cores(), help="default: %(default)s")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(play(Play(*json.loads(options.one)))))
        return
    if unknown := {*options.designs} - {*DESIGNS}:
        parser.error(f"there is no design {min(unknown)!r}; there are {', '.join(DESIGNS)}")
    search = Search(DATA)
    _play(search, options.designs or [*DESIGNS], FIRST_SEEDS, options.processes)
    if not options.designs:
        _play(search, finalists(search), FINAL_SEEDS, options.processes)


def _play(search: Search, designs: Sequence[str], seeds: Sequence[int], processes: int) -> None:
    for line in search.play(designs, seeds, processes):
        rates = " ".join(f"{rate:.1f}" for rate in line["points_per_1000_steps"])
        print(f"{line['held_out']} {line['what']} {line['design']} seed {line['seed']}: {rates}", flush=True)
        PAGE.write_text(page(search), encoding="utf-8")
    PAGE.write_text(page(search), encoding="utf-8")


if __name__ == "__main__":
    main()
