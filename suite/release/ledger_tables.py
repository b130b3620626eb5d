"""Tables of docs/results.md about how published runs were played, which their scores do not say.

Both look at the steps of a run in the order in which they were played: those of a lane follow each other, and
all lanes are played side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocol import Arm, RunId
from suite.report.sheets import Column, Row, Sheet
from suite.results.results import Results

_WINDOW = 10
"""The first and the last tenth of the steps of a game are looked at."""
_SHARES = (0.5, 0.95)


class Steps(NamedTuple):
    """The training steps of one run, lane by lane.

    Attributes:
        actions: uint8 (N,).
        games: integers (N,), each the place of the game in ``names``.
        moments: float (N,), the share of the lane's steps that were played before, from 0 to 1.
        names: of the games.
    """

    actions: npt.NDArray[np.uint8]
    games: npt.NDArray[np.int64]
    moments: npt.NDArray[np.float64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, results: Results, run_id: RunId) -> Steps:
        """Read them from a run's ledger."""
        table = results.ledger(run_id, ["phase", "lane", "number", "game", "actions"])
        rows = [row for row in table.to_pylist() if row["phase"] == "training"]
        rows.sort(key=lambda row: (row["lane"], row["number"]))
        names = tuple(sorted({row["game"] for row in rows}))
        lengths = [len(row["actions"]) for row in rows]
        lanes = np.repeat([row["lane"] for row in rows], lengths)
        counts = np.unique(lanes, return_counts=True)[1]
        return cls(
            actions=np.frombuffer(b"".join(row["actions"] for row in rows), np.uint8),
            games=np.repeat([names.index(row["game"]) for row in rows], lengths),
            moments=np.concatenate([np.arange(count) / count for count in counts]),
            names=names,
        )

    def entropies(self) -> list[tuple[float, float]]:
        """Of each game: the entropy of the actions in the first and in the last tenth of its steps, in nats."""
        found = []
        for place in range(len(self.names)):
            own = self.games == place
            actions, moments = self.actions[own], self.moments[own]
            first, last = np.quantile(moments, [1 / _WINDOW, 1 - 1 / _WINDOW])
            found.append((entropy(actions[moments < first]), entropy(actions[moments >= last])))
        return found

    def spent(self, game: str, share: float) -> float:
        """The share of the run after which this share of a game's steps had been played."""
        return float(np.quantile(self.moments[self.games == self.names.index(game)], share))


def entropy(actions: npt.NDArray[np.uint8]) -> float:
    """The entropy of the distribution of actions, in nats: -sum p log p."""
    shares = np.unique(actions, return_counts=True)[1] / len(actions)
    return float(-(shares * np.log(shares)).sum())


def action_sheet(results: Results) -> Sheet:
    """The variety of a learner's actions, in its fresh and transfer runs, and where pre-training ended."""
    edition = results.edition
    return Sheet(
        f"entropy of the actions in nats, mean over {edition.seeds} seeds, the lowest in brackets; "
        "18 equally frequent actions have 2.89",
        (
            Column("game", "held-out game", "label"),
            Column("fresh_first", "fresh, first tenth"),
            Column("fresh_last", "fresh, last tenth"),
            Column("pretrain", "in its pre-training, last tenth of each game"),
            Column("transfer_first", "pre-trained, first tenth"),
            Column("transfer_last", "pre-trained, last tenth"),
        ),
        tuple(_action_rows(results)),
    )


def _action_rows(results: Results) -> Iterator[Row]:
    name, seeds = results.edition.name, range(results.edition.seeds)

    def entropies(arm: Arm, fold: int | None, game: str | None) -> tuple[str, str]:
        runs = [Steps.of(results, RunId(name, arm, fold, game, seed)).entropies() for seed in seeds]
        first, last = zip(*chain(*runs), strict=True)
        return _mean_and_lowest(first), _mean_and_lowest(last)

    for fold, games in enumerate(results.edition.folds):
        _, pretrain = entropies("pretrain", fold, None)
        for game in games:
            fresh, transfer = entropies("fresh", None, game), entropies("transfer", fold, game)
            yield {
                "game": game,
                "fresh_first": fresh[0],
                "fresh_last": fresh[1],
                "pretrain": pretrain,
                "transfer_first": transfer[0],
                "transfer_last": transfer[1],
            }


def _mean_and_lowest(entropies: Sequence[float]) -> str:
    return f"{np.mean(entropies):.2f} ({min(entropies):.2f})"


def spending_sheet(results: Results) -> Sheet:
    """When generalists spend the frames of each game, of which an episode is played before another game."""
    edition = results.edition
    runs = [
        Steps.of(results, RunId(edition.name, "generalist", None, None, seed)) for seed in range(edition.seeds)
    ]
    return Sheet(
        f"when the frames of a game were spent: mean and range over {edition.seeds} generalist runs",
        (
            Column("game", "game", "label"),
            *(Column(f"{share}", f"{share:.0%} of them, after this share of the run") for share in _SHARES),
        ),
        tuple(
            {"game": game}
            | {f"{share}": _mean_and_range([run.spent(game, share) for run in runs]) for share in _SHARES}
            for game in edition.games
        ),
    )


def _mean_and_range(shares: Sequence[float]) -> str:
    return f"{np.mean(shares):.2f} ({min(shares):.2f} .. {max(shares):.2f})"
