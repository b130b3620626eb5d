"""From a results folder to arrays: the rewards of each run, over its frames and in its evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from protocol import (
    Arm,
    Edition,
    Protocol,
    Run,
    RunId,
    RunRecord,
    StoreError,
    plan,
)
from suite.results.each_ledger import from_each_ledger
from suite.results.store import Store
from suite.scoring.arrays import Floats, Ints
from suite.scoring.curves import frame_grid
from suite.scoring.ledger_outcomes import GameOutcome, game_outcomes

Figured = Callable[[GameOutcome], float | Floats]


class Arms(NamedTuple):
    """One figure of every evaluated run, by arm: each float (G, S), or (G, S, 100) for curves."""

    fresh: Floats
    transfer: Floats
    generalist: Floats


@dataclass(frozen=True)
class Outcomes:
    """The rewards of all runs of a results folder; G games in the order of ``games``, S seeds.

    Attributes:
        protocol: the rules.
        edition: the edition of the runs.
        records: of all runs of the edition, including pretrain, in the order of the plan.
        games: (G,), fold by fold.
        folds: (G,), the fold that holds out each game.
        grid_frames: int (100,), the points of the curves, in frames of a game.
        negative: (G,), whether any run of any arm had a reward below 0 in the game.
        curves: cumulative reward; for the generalist over the frames of that game.
        pretrain_curves: float (G, S, 100), the same for pre-training, over the frames of that game; mean over
            the pre-training runs of a seed, which are those of all folds except the game's own.
        whole_episodes: the number of training episodes that the budget did not cut.
        training_returns: their mean return, in game points; 0 if there is none.
        evaluation_means: mean evaluation return, in game points; the specialists are the fresh runs.
        evaluation_tops: the best evaluation return.
    """

    protocol: Protocol
    edition: Edition
    records: tuple[RunRecord, ...]
    games: tuple[str, ...]
    folds: tuple[int, ...]
    grid_frames: Ints
    negative: tuple[bool, ...]
    curves: Arms
    pretrain_curves: Floats
    whole_episodes: Arms
    training_returns: Arms
    evaluation_means: Arms
    evaluation_tops: Arms

    @property
    def counted(self) -> list[int]:
        """The places of the games that count in figures over all games: those without negative rewards."""
        return [place for place, negative in enumerate(self.negative) if not negative]

    @property
    def budget_steps(self) -> int:
        """The budget of each game, in agent steps over all lanes."""
        return self.edition.budget_frames // self.protocol.environment.frame_skip

    @property
    def learner(self) -> str:
        """The learner of all runs, as ``module:function``."""
        return self.records[0].learner

    @property
    def configuration_digest(self) -> str:
        """The digest of the configuration of all runs."""
        return self.records[0].configuration_digest


def read_outcomes(store: Store, edition: Edition) -> Outcomes:
    """Read a complete results folder.

    Raises:
        StoreError: runs are missing, cannot be read, break a rule of the ledger, or are of several learners or
            configurations.
        ForeignProtocol: runs were made under another protocol.
    """
    runs = plan(store.protocol, edition)
    records = _records(store, edition, runs)
    found = from_each_ledger(store, runs, records, game_outcomes)
    by_run = {run.run_id: outcomes for run, outcomes in zip(runs, found, strict=True)}
    return assemble(store.protocol, edition, records, by_run)


def assemble(
    protocol: Protocol,
    edition: Edition,
    records: tuple[RunRecord, ...],
    found: Mapping[RunId, Mapping[str, GameOutcome]],
) -> Outcomes:
    """Arrange the outcomes of single runs as arrays.

    Args:
        protocol: the rules.
        edition: the edition of the runs.
        records: of all its runs, in the order of the plan.
        found: of every run, by game.
    """
    layout = _Layout(edition, found)
    negative_games = {
        game for by_game in found.values() for game, one in by_game.items() if one.has_negative_reward
    }
    return Outcomes(
        protocol=protocol,
        edition=edition,
        records=records,
        games=tuple(game for _, game in layout.places),
        folds=tuple(fold for fold, _ in layout.places),
        grid_frames=frame_grid(edition.budget_frames),
        negative=tuple(game in negative_games for _, game in layout.places),
        curves=layout.arms(lambda one: one.curve),
        pretrain_curves=layout.each("pretrain", lambda one: one.curve),
        whole_episodes=layout.arms(lambda one: one.whole_episodes),
        training_returns=layout.arms(lambda one: one.training_return),
        evaluation_means=layout.arms(lambda one: float(one.evaluation_returns.mean())),
        evaluation_tops=layout.arms(lambda one: float(one.evaluation_returns.max())),
    )


class _Layout(NamedTuple):
    """Arranges figures of single runs by game and seed.

    Attributes:
        edition: the edition of the runs.
        found: of every run, its rewards by game.
    """

    edition: Edition
    found: Mapping[RunId, Mapping[str, GameOutcome]]

    @property
    def places(self) -> list[tuple[int, str]]:
        """The games, each with the fold in which it is held out, fold by fold."""
        return [(fold, game) for fold, games in enumerate(self.edition.folds) for game in games]

    def arms(self, figure: Figured) -> Arms:
        """The figure of every evaluated run."""
        return Arms(
            fresh=self.each("fresh", figure),
            transfer=self.each("transfer", figure),
            generalist=self.each("generalist", figure),
        )

    def each(self, arm: Arm, figure: Figured) -> Floats:
        """The figure's mean over the runs of a game and seed; only pretrain has several."""
        values = [
            [
                np.stack([np.asarray(figure(run), np.float64) for run in self._runs(arm, fold, game, seed)])
                for seed in range(self.edition.seeds)
            ]
            for fold, game in self.places
        ]
        return np.array([[of_runs.mean(axis=0) for of_runs in row] for row in values], np.float64)

    def _runs(self, arm: Arm, fold: int, game: str, seed: int) -> list[GameOutcome]:
        """The rewards, in one game, of the runs of an arm and seed that play this game."""
        in_folds: Iterable[int | None] = [None]
        if arm == "transfer":
            in_folds = [fold]
        elif arm == "pretrain":
            in_folds = [other for other in range(len(self.edition.folds)) if other != fold]
        of_game = game if arm in ("fresh", "transfer") else None
        return [self.found[RunId(self.edition.name, arm, in_fold, of_game, seed)][game] for in_fold in in_folds]


def _records(store: Store, edition: Edition, runs: Iterable[Run]) -> tuple[RunRecord, ...]:
    ids = [run.run_id for run in runs]
    missing = [run_id for run_id in ids if not store.is_complete(run_id)]
    if missing:
        raise StoreError(
            f"{store.folder} lacks {len(missing)} of the {len(ids)} runs of edition {edition.name}, "
            f"{missing[0]} first; `amtlb benchmark --edition {edition.name}` continues with what is missing"
        )
    records = tuple(store.record(run_id) for run_id in ids)
    made_by = {(record.learner, record.configuration_digest) for record in records}
    if len(made_by) > 1:
        raise StoreError(
            f"{store.folder} contains runs of {len(made_by)} learners or configurations; keep those of one"
        )
    return records
