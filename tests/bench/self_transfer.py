"""The ceiling of transfer: a learner that starts a game as itself, after a fresh run on that very game.

No submission may do so. ``python -m tests.bench.self_transfer RESULTS`` takes the checkpoints of the fresh runs
in a results folder that were played on this machine, lets each train on its own game once more, for the
edition's budget and with other episodes, and prints a Markdown table: what the fresh runs earned, by seed, what
they earned the second time, and the contrast of the means. Nothing that it plays has a run id.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from protocol import Edition, RunId, current_protocol
from suite.learners.contract import find_learner
from suite.machine import available_cores
from suite.results.results import Results, open_results
from suite.results.store import CHECKPOINT
from suite.scoring.measures import contrast
from tests.bench.learning import play_in_process, practise

OTHER_SEEDS = 1_000
"""Is added to the seed of a fresh run: the second time the learner meets other episodes."""


class Case(NamedTuple):
    """One training.

    Attributes:
        learner: ``module:function``.
        game: that it plays.
        seed: of the learner and of its episodes.
        frames: its budget, in emulator frames.
        start: the folder that it is loaded from; empty: it begins anew.
        end: the folder that it is saved into; empty: it is not saved.
    """

    learner: str
    game: str
    seed: int
    frames: int
    start: str = ""
    end: str = ""


def play(case: Case) -> dict[str, Any]:
    """Train in this process; the sum of its rewards, in game points."""
    learner = find_learner(case.learner)(case.seed, current_protocol().lanes)
    if case.start:
        learner.load(Path(case.start))
    points = practise(learner, (case.game,), case.seed, case.frames)
    if case.end:
        learner.save(Path(case.end))
    return {"earned": sum(points.tenths)}


def earned(cases: Sequence[Case]) -> list[int]:
    """What each training earned, in game points; they are played side by side."""
    with ThreadPoolExecutor(available_cores()) as pool:
        played = pool.map(partial(play_in_process, "tests.bench.self_transfer"), cases)
        return [found["earned"] for found in played]


def control_games(edition: Edition) -> tuple[str, ...]:
    """The first game of each of the first two folds."""
    return tuple(games[0] for games in edition.folds[:2])


def row(results: Results, game: str) -> str:
    """Let the fresh runs of a game train again; the game's line of the table."""
    edition = results.edition
    runs = [RunId(edition.name, "fresh", None, game, seed) for seed in range(edition.seeds)]
    ledgers = [results.ledger(run_id, ["phase", "episode_return"]) for run_id in runs]
    fresh = [
        pc.sum(ledger.filter(pc.field("phase") == "training")["episode_return"]).as_py() for ledger in ledgers
    ]
    second = earned(
        [
            Case(
                results.record(run_id).learner,
                game,
                OTHER_SEEDS + run_id.seed,
                edition.budget_frames,
                str(results.store.run_folder(run_id) / CHECKPOINT),
            )
            for run_id in runs
        ]
    )
    by_seed = ("; ".join(f"{one:,}" for one in rewards) for rewards in (fresh, second))
    kappa = contrast(np.array([np.mean(second)]), np.array([np.mean(fresh)]))[0]
    return f"| {' | '.join((game, *by_seed, f'{kappa:+.2f}'))} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Play all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", help="a results folder with its checkpoints")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(play(Case(*json.loads(options.one)))))
        return
    results = open_results(options.results)
    print("| game | fresh | self-transfer | contrast |\n|---|---|---|---|")
    for game in control_games(results.edition):
        print(row(results, game), flush=True)


if __name__ == "__main__":
    main()
