"""From a results folder to arrays: what each run earned, over its frames and when it was evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from suite.scoring import Bools, Floats, Ints, cumulative_rewards, frame_grid, frames_of_game, start_steps

_COLUMNS = ["phase", "lane", "number", "game", "length_steps", "episode_return", "reward_steps", "rewards"]


class GameOutcome(NamedTuple):
    """What one run earned in one game.

    Attributes:
        curve: float (100,), cumulative reward at each hundredth of the game's budget.
        training_return: mean return of its training episodes, in game points.
        evaluation_returns: float (episodes,), of its evaluation; empty where the run has none.
    """

    curve: Floats
    training_return: float
    evaluation_returns: Floats


class Arms(NamedTuple):
    """One figure of every scored run, by arm: each float (G, S), or (G, S, 100) for curves."""

    fresh: Floats
    transfer: Floats
    generalist: Floats


class Evaluated(NamedTuple):
    """One figure of every evaluated run: each float (G, S)."""

    generalist: Floats
    specialist: Floats


@dataclass(frozen=True)
class Outcomes:
    """What all scored runs of a results folder earned; G games in the order of ``games``, S seeds.

    Attributes:
        protocol: the rules.
        edition: which runs.
        records: of all runs of the edition, pretrain included, in the order of the plan.
        games: (G,), fold by fold.
        folds: (G,), in which each game is held out.
        grid_frames: int (100,), the points of the curves, in frames of a game.
        curves: cumulative reward; in the generalist over the frames of that game.
        training_returns: mean return of the training episodes.
        evaluation_means: mean evaluation return, in game points; the specialists are the fresh runs.
        evaluation_tops: the best evaluation return.
    """

    protocol: Protocol
    edition: Edition
    records: tuple[RunRecord, ...]
    games: tuple[str, ...]
    folds: tuple[int, ...]
    grid_frames: Ints
    curves: Arms
    training_returns: Arms
    evaluation_means: Evaluated
    evaluation_tops: Evaluated

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
    scored = [run for run in runs if run.run_id.arm != "pretrain"]
    with ThreadPoolExecutor(available_cores()) as pool:
        read = pool.map(lambda run: _read_run(store, run), scored)
        found = {run.run_id: outcomes for run, outcomes in zip(scored, read, strict=True)}
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
        found: of every run but the pretrain runs, by game.
    """
    places = [(fold, game) for fold, games in enumerate(edition.folds) for game in games]

    def outcome(arm: Arm, fold: int, game: str, seed: int) -> GameOutcome:
        in_fold = fold if arm == "transfer" else None
        of_game = None if arm == "generalist" else game
        return found[RunId(edition.name, arm, in_fold, of_game, seed)][game]

    def each(arm: Arm, figure: Callable[[GameOutcome], float | Floats]) -> Floats:
        seeds = range(edition.seeds)
        return np.array(
            [[figure(outcome(arm, *place, seed)) for seed in seeds] for place in places], np.float64
        )

    def arms(figure: Callable[[GameOutcome], float | Floats]) -> Arms:
        return Arms(each("fresh", figure), each("transfer", figure), each("generalist", figure))

    def evaluated(figure: Callable[[GameOutcome], float | Floats]) -> Evaluated:
        return Evaluated(each("generalist", figure), each("fresh", figure))

    return Outcomes(
        protocol=protocol,
        edition=edition,
        records=records,
        games=tuple(game for _, game in places),
        folds=tuple(fold for fold, _ in places),
        grid_frames=frame_grid(edition.budget_frames),
        curves=arms(lambda found: found.curve),
        training_returns=arms(lambda found: found.training_return),
        evaluation_means=evaluated(lambda found: found.evaluation_returns.mean()),
        evaluation_tops=evaluated(lambda found: found.evaluation_returns.max()),
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


def read_ledger_outcomes(
    path: Path, games: Sequence[str], budget_frames: int, frame_skip: int
) -> dict[str, GameOutcome]:
    """What the episodes of one ledger earned, by game.

    Args:
        path: the ledger.
        games: those of its run.
        budget_frames: of each game.
        frame_skip: emulator frames an agent step.

    Raises:
        StoreError: the ledger cannot be read, or has no training episode of one of the games.
    """
    return table_outcomes(read_ledger(path, _COLUMNS), str(path), games, budget_frames, frame_skip)


def table_outcomes(
    table: pa.Table, name: str, games: Sequence[str], budget_frames: int, frame_skip: int
) -> dict[str, GameOutcome]:
    """What the episodes of a ledger's table earned, by game; ``name`` is what errors call it."""
    if not pc.list_value_length(table["rewards"]).equals(pc.list_value_length(table["reward_steps"])):
        raise StoreError(f"{name} is not a ledger: not every reward has its step; play the run again")
    is_training: Bools = pc.equal(table["phase"], "training").to_numpy()
    evaluated, table = table.filter(~is_training), table.filter(is_training)
    lengths, codes = _ints(table["length_steps"]), _codes(table["game"], games)
    starts = start_steps(_ints(table["lane"]), _ints(table["number"]), lengths)
    episode_of_reward = _ints(pc.list_parent_indices(table["rewards"].combine_chunks()))
    came_after = starts[episode_of_reward] + _ints(pc.list_flatten(table["reward_steps"])) + 1
    rewards, returns = _ints(pc.list_flatten(table["rewards"])), _ints(table["episode_return"])
    evaluation_codes, evaluation_returns = _codes(evaluated["game"], games), _ints(evaluated["episode_return"])
    outcomes = {}
    for code, game in enumerate(games):
        own, paid = codes == code, codes[episode_of_reward] == code
        if not own.any():
            raise StoreError(f"the ledger {name} has no training episode of {game}; play the run again")
        at_frames = frames_of_game(came_after[paid], starts[own], lengths[own], frame_skip)
        curve = cumulative_rewards(at_frames, rewards[paid], frame_grid(budget_frames))
        outcomes[game] = GameOutcome(
            curve=curve.astype(np.float64),
            training_return=float(returns[own].mean()),
            evaluation_returns=evaluation_returns[evaluation_codes == code].astype(np.float64),
        )
    return outcomes


def _read_run(store: Store, run: Run) -> dict[str, GameOutcome]:
    skip = store.protocol.environment.frame_skip
    outcomes = read_ledger_outcomes(store.ledger_path(run.run_id), run.games, run.budget_frames, skip)
    if file_digest(store.ledger_path(run.run_id)) != store.record(run.run_id).ledger_sha256:
        raise StoreError(f"the ledger of {run.run_id} is not the one that its record names; play the run again")
    for game, outcome in outcomes.items():
        if run.evaluation_episodes and not len(outcome.evaluation_returns):
            raise StoreError(
                f"{store.folder} has no evaluation episode of {game} in {run.run_id}; play it again"
            )
    return outcomes


def _codes(column: pa.ChunkedArray, games: Sequence[str]) -> Ints:
    """Each row's place in the list of games; -1 for a game that is not there."""
    return _ints(pc.fill_null(pc.index_in(column, value_set=pa.array(games)), -1))


def _ints(column: pa.ChunkedArray | pa.Array) -> Ints:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values: Ints = array.to_numpy(zero_copy_only=False).astype(np.int64)
    return values
