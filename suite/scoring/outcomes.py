"""From a results folder to arrays: what each run earned, over its frames and when it was evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from protocol import Arm, Edition, Protocol, Run, RunId, RunRecord, StoreError, plan
from suite.digests import file_digest
from suite.machine import available_cores
from suite.results.ledger import read_ledger
from suite.results.store import Store
from suite.scoring.arrays import Bools, Floats, Ints
from suite.scoring.curves import cumulative_rewards, frame_grid, frames_of_game, start_steps

_COLUMNS = [
    "phase",
    "lane",
    "number",
    "game",
    "length_steps",
    "episode_return",
    "end_reason",
    "reward_steps",
    "rewards",
]


class GameOutcome(NamedTuple):
    """What one run earned in one game.

    Attributes:
        curve: float (100,), cumulative reward at each hundredth of the game's budget.
        whole_episodes: how many training episodes the budget did not cut.
        training_return: their mean return, in game points; 0 where there is none.
        evaluation_returns: float (episodes,), of its evaluation; empty where the run has none.
        has_negative_reward: whether any reward, in training or evaluation, was below 0.
    """

    curve: Floats
    whole_episodes: int
    training_return: float
    evaluation_returns: Floats
    has_negative_reward: bool


Figured = Callable[[GameOutcome], float | Floats]


class Arms(NamedTuple):
    """One figure of every evaluated run, by arm: each float (G, S), or (G, S, 100) for curves."""

    fresh: Floats
    transfer: Floats
    generalist: Floats


@dataclass(frozen=True)
class Outcomes:
    """What all runs of a results folder earned; G games in the order of ``games``, S seeds.

    Attributes:
        protocol: the rules.
        edition: which runs.
        records: of all runs of the edition, pretrain included, in the order of the plan.
        games: (G,), fold by fold.
        folds: (G,), in which each game is held out.
        grid_frames: int (100,), the points of the curves, in frames of a game.
        negative: (G,), whether any run of any arm had a reward below 0 in the game.
        curves: cumulative reward; in the generalist over the frames of that game.
        pretrain_curves: float (G, S, 100), the same of pre-training, over the frames of that game; mean over
            the pre-training runs of a seed, which are those of all folds but the game's own.
        whole_episodes: how many training episodes the budget did not cut.
        training_returns: their mean return, in game points; 0 where there is none.
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
        """The places of the games that enter figures over all games: those without negative rewards."""
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
    """Read a complete results folder; ledgers are read side by side, a run at a time in memory.

    Raises:
        StoreError: runs are missing, cannot be read, or are of several learners or configurations.
        ForeignProtocol: runs were made under another protocol.
    """
    runs = plan(store.protocol, edition)
    records = _records(store, edition, runs)
    with ThreadPoolExecutor(available_cores()) as pool:
        read = pool.map(lambda run: _read_run(store, run), runs)
        found = {run.run_id: outcomes for run, outcomes in zip(runs, read, strict=True)}
    return assemble(store.protocol, edition, records, found)


def assemble(
    protocol: Protocol,
    edition: Edition,
    records: tuple[RunRecord, ...],
    found: Mapping[RunId, Mapping[str, GameOutcome]],
) -> Outcomes:
    """Lay the outcomes of single runs out as arrays.

    Args:
        protocol: the rules.
        edition: which runs.
        records: of all its runs, in the order of the plan.
        found: of every run, by game.
    """
    places = [(fold, game) for fold, games in enumerate(edition.folds) for game in games]
    seeds, folds = range(edition.seeds), range(len(edition.folds))

    def runs(arm: Arm, fold: int, game: str, seed: int) -> list[GameOutcome]:
        in_folds: Iterable[int | None] = [None]
        if arm in ("transfer", "pretrain"):
            in_folds = [fold] if arm == "transfer" else [other for other in folds if other != fold]
        of_game = game if arm in ("fresh", "transfer") else None
        return [found[RunId(edition.name, arm, in_fold, of_game, seed)][game] for in_fold in in_folds]

    def each(arm: Arm, figure: Figured) -> Floats:
        """The figure's mean over the runs of a game and seed, of which only pretrain has several."""
        values = [
            [
                np.stack([np.asarray(figure(run), np.float64) for run in runs(arm, *place, seed)])
                for seed in seeds
            ]
            for place in places
        ]
        return np.array([[of_runs.mean(axis=0) for of_runs in row] for row in values], np.float64)

    def arms(figure: Figured) -> Arms:
        return Arms(each("fresh", figure), each("transfer", figure), each("generalist", figure))

    negative_games = {
        game for by_game in found.values() for game, one in by_game.items() if one.has_negative_reward
    }
    return Outcomes(
        protocol=protocol,
        edition=edition,
        records=records,
        games=tuple(game for _, game in places),
        folds=tuple(fold for fold, _ in places),
        grid_frames=frame_grid(edition.budget_frames),
        negative=tuple(game in negative_games for _, game in places),
        curves=arms(lambda one: one.curve),
        pretrain_curves=each("pretrain", lambda one: one.curve),
        whole_episodes=arms(lambda one: one.whole_episodes),
        training_returns=arms(lambda one: one.training_return),
        evaluation_means=arms(lambda one: float(one.evaluation_returns.mean())),
        evaluation_tops=arms(lambda one: float(one.evaluation_returns.max())),
    )


def _records(store: Store, edition: Edition, runs: Iterable[Run]) -> tuple[RunRecord, ...]:
    ids = [run.run_id for run in runs]
    missing = [run_id for run_id in ids if not store.is_complete(run_id)]
    if missing:
        raise StoreError(
            f"{store.folder} lacks {len(missing)} of the {len(ids)} runs of edition {edition.name}, "
            f"{missing[0]} first; `amtlb benchmark --edition {edition.name}` goes on with what is missing"
        )
    records = tuple(store.record(run_id) for run_id in ids)
    made_by = {(record.learner, record.configuration_digest) for record in records}
    if len(made_by) > 1:
        raise StoreError(
            f"{store.folder} holds runs of {len(made_by)} learners or configurations; keep those of one"
        )
    return records


def read_ledger_outcomes(path: Path, run: Run) -> dict[str, GameOutcome]:
    """What the episodes of one run's ledger earned, by game.

    Args:
        path: the ledger.
        run: says which games, their budget and the frame skip.

    Raises:
        StoreError: the ledger cannot be read, or has no training episode of one of the games.
    """
    return table_outcomes(read_ledger(path, _COLUMNS), str(path), run)


def table_outcomes(table: pa.Table, name: str, run: Run) -> dict[str, GameOutcome]:
    """What the episodes of a ledger's table earned, by game; ``name`` is what errors call it."""
    games = run.games
    if not pc.list_value_length(table["rewards"]).equals(pc.list_value_length(table["reward_steps"])):
        raise StoreError(f"{name} is not a ledger: not every reward has its step; play the run again")
    is_training: Bools = pc.equal(table["phase"], "training").to_numpy()
    evaluated, table = _Episodes.of(table.filter(~is_training), games), table.filter(is_training)
    trained = _Episodes.of(table, games)
    lengths = _ints(table["length_steps"])
    starts = start_steps(_ints(table["lane"]), _ints(table["number"]), lengths)
    whole: Bools = pc.not_equal(table["end_reason"], "budget").to_numpy()
    came_after = starts[trained.episode_of_reward] + _ints(pc.list_flatten(table["reward_steps"])) + 1
    outcomes = {}
    for code, game in enumerate(games):
        own, paid = trained.codes == code, trained.paid[code]
        if not own.any():
            raise StoreError(f"the ledger {name} has no training episode of {game}; play the run again")
        at_frames = frames_of_game(came_after[paid], starts[own], lengths[own], run.frame_skip)
        curve = cumulative_rewards(at_frames, trained.rewards[paid], frame_grid(run.budget_frames))
        uncut = trained.returns[own & whole]
        outcomes[game] = GameOutcome(
            curve=curve.astype(np.float64),
            whole_episodes=len(uncut),
            training_return=float(uncut.mean()) if len(uncut) else 0.0,
            evaluation_returns=evaluated.returns[evaluated.codes == code].astype(np.float64),
            has_negative_reward=trained.has_negative(code) or evaluated.has_negative(code),
        )
    return outcomes


class _Episodes(NamedTuple):
    """The episodes of one phase and their rewards, with the game of each as its place in the list of games.

    Attributes:
        codes, returns: int (E,), of each episode; the code is -1 where the game is not in the list.
        episode_of_reward, rewards: int (R,), of each reward.
        paid: by game, the places of its rewards, int (R of the game,), in the ledger's order.
    """

    codes: Ints
    returns: Ints
    episode_of_reward: Ints
    rewards: Ints
    paid: list[Ints]

    @classmethod
    def of(cls, table: pa.Table, games: Sequence[str]) -> _Episodes:
        codes = _ints(pc.fill_null(pc.index_in(table["game"], value_set=pa.array(games)), -1))
        parents = _ints(pc.list_parent_indices(table["rewards"].combine_chunks()))
        # Sorted once: a mask per game over all rewards would cost the square of the games.
        order = np.argsort(codes[parents], kind="stable")
        ends = np.searchsorted(codes[parents][order], np.arange(len(games) + 1))
        paid = [order[begin:end] for begin, end in pairwise(ends)]
        return cls(
            codes, _ints(table["episode_return"]), parents, _ints(pc.list_flatten(table["rewards"])), paid
        )

    def has_negative(self, code: int) -> bool:
        """Whether a game had a reward below 0."""
        return bool((self.rewards[self.paid[code]] < 0).any())


def _read_run(store: Store, run: Run) -> dict[str, GameOutcome]:
    outcomes = read_ledger_outcomes(store.ledger_path(run.run_id), run)
    if file_digest(store.ledger_path(run.run_id)) != store.record(run.run_id).ledger_sha256:
        raise StoreError(f"the ledger of {run.run_id} is not the one that its record names; play the run again")
    for game, outcome in outcomes.items():
        if run.evaluation_episodes and not len(outcome.evaluation_returns):
            raise StoreError(
                f"{store.folder} has no evaluation episode of {game} in {run.run_id}; play it again"
            )
    return outcomes


def _ints(column: pa.ChunkedArray | pa.Array) -> Ints:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values: Ints = array.to_numpy(zero_copy_only=False).astype(np.int64)
    return values
