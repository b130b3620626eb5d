"""The sum of what a ledger's episodes spent on each game of its run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from protocol import GameSpending, GameVectors, Protocol, Run
from suite.results.ledger import read_ledger


def spending(
    ledger: Path, protocol: Protocol, run: Run, vectors: Mapping[str, GameVectors]
) -> tuple[GameSpending, ...]:
    """The frames and episodes of a ledger by game of the run, whose conformance vectors are given."""
    table = read_ledger(ledger, ["phase", "game", "length_steps"])
    steps: Counter[tuple[str, str]] = Counter()
    episodes: Counter[tuple[str, str]] = Counter()
    for row in table.to_pylist():
        key = row["phase"], row["game"]
        steps[key] += row["length_steps"]
        episodes[key] += 1
    return tuple(
        GameSpending(
            game=game,
            rom_sha256=protocol.game(game).rom_sha256,
            conformance_sha256=vectors[game].conformance,
            pictures_sha256=vectors[game].pictures,
            training_frames=steps["training", game] * run.frame_skip,
            training_episodes=episodes["training", game],
            evaluation_frames=steps["evaluation", game] * run.frame_skip,
            evaluation_episodes=episodes["evaluation", game],
        )
        for game in run.games
    )
