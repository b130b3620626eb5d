"""From a results folder to its scores: the transfer ratio and contrast, and the multitask vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from protocol import (
    Edition,
    Frozen,
    Protocol,
    Run,
    RunId,
    RunRecord,
    StoreError,
    describe,
    load_references,
    plan,
)
from suite.ledger import read_ledger
from suite.scoring import (
    Floats,
    Ints,
    contrast,
    cumulative_rewards,
    frame_grid,
    interquartile_mean,
    mean_over_folds,
    ratio,
    reward_frames,
)
from suite.store import Store

SCORES = "scores.json"


class GameTransfer(Frozen):
    """Transfer to one held-out game. Rewards: raw game points of the whole budget, mean over seeds."""

    game: str
    fold: int
    fresh_reward: float
    transfer_reward: float
    ratio: float | None
    contrast: float


class Transfer(Frozen):
    """The transfer measure.

    Attributes:
        ratio: r, the mean of the defined ratios of a fold, then over folds; None: no game has one.
        defined_games: how many games have a ratio.
        undefined_games: those that have none, since C_F <= 0 or the signs differ.
        contrast: interquartile mean of the games' contrasts.
        grid_frames: the points of the curve, in frames a game.
        ratio_curve: r(t); None where no game has a ratio yet.
        defined_curve: how many games have one.
        games: each held-out game.
    """

    ratio: float | None
    defined_games: int
    undefined_games: tuple[str, ...]
    contrast: float
    grid_frames: tuple[int, ...]
    ratio_curve: tuple[float | None, ...]
    defined_curve: tuple[int, ...]
    games: tuple[GameTransfer, ...]


class GameMultitask(Frozen):
    """One entry of the multitask vector: evaluation returns in raw game points, over seeds and episodes."""

    game: str
    generalist_mean: float
    generalist_top: float
    specialist_mean: float
    specialist_top: float
    ratio: float | None
    contrast: float
    random: float | None
    human: float | None


class Scores(Frozen):
    """All that is scored of one learner on one edition."""

    protocol_version: str
    protocol_digest: str
    edition: str
    learner: str
    configuration_digest: str
    transfer: Transfer
    multitask: tuple[GameMultitask, ...]


def score(store: Store, edition: Edition) -> Scores:
    """Score a complete results folder.

    Raises:
        StoreError: runs are missing, or cannot be read.
        ForeignProtocol: runs were made under another protocol.
    """
    runs = plan(store.protocol, edition)
    missing = [run.run_id for run in runs if not store.is_complete(run.run_id)]
    if missing:
        raise StoreError(
            f"{store.folder} lacks {len(missing)} of the {len(runs)} runs of edition {edition.name}, "
            f"{missing[0]} first; `amtlb benchmark --edition {edition.name}` goes on with what is missing"
        )
    records = [store.record(run.run_id) for run in runs]
    made_by = {(record.learner, record.configuration_digest) for record in records}
    if len(made_by) > 1:
        raise StoreError(
            f"{store.folder} holds runs of {len(made_by)} learners or configurations; keep those of one"
        )
    learner, configuration_digest = made_by.pop()
    return Scores(
        protocol_version=store.protocol.version,
        protocol_digest=store.protocol.digest,
        edition=edition.name,
        learner=learner,
        configuration_digest=configuration_digest,
        transfer=_score_transfer(store, edition),
        multitask=_score_multitask(store, edition),
    )


def write_scores(scores: Scores, folder: Path) -> Path:
    """Write ``scores.json`` into a results folder; the same scores give the same bytes."""
    path = folder / SCORES
    try:
        path.write_text(scores.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"the scores cannot be written to {path} ({error})") from error
    return path


def edition_of(folder: Path, protocol: Protocol) -> Edition:
    """The edition that the runs of a results folder belong to; raises StoreError where it holds none."""
    for path in sorted(folder.glob("*/**/record.json")):
        try:
            record = RunRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue  # Store.record says what is wrong with it, once its edition is known
        return protocol.edition(record.run_id.partition("/")[0])
    raise StoreError(f"{folder} holds no complete run; `amtlb benchmark --out {folder}` plays them")


def _score_transfer(store: Store, edition: Edition) -> Transfer:
    grid = frame_grid(edition.budget_frames)
    games, folds, transfer, fresh = [], [], [], []
    for fold, held_out in enumerate(edition.folds):
        for game in held_out:
            games.append(game)
            folds.append(fold)
            transfer.append(_mean_curve(store, edition, "transfer", fold, game, grid))
            fresh.append(_mean_curve(store, edition, "fresh", None, game, grid))
    curves_transfer, curves_fresh = np.stack(transfer), np.stack(fresh)  # (G, T)
    ratios, defined = ratio(curves_transfer, curves_fresh)
    means, any_defined = mean_over_folds(ratios, defined, folds)
    contrasts = contrast(curves_transfer[:, -1], curves_fresh[:, -1])
    curve = tuple(float(mean) if known else None for mean, known in zip(means, any_defined, strict=True))
    return Transfer(
        ratio=curve[-1],
        defined_games=int(defined[:, -1].sum()),
        undefined_games=tuple(game for game, known in zip(games, defined[:, -1], strict=True) if not known),
        contrast=interquartile_mean(contrasts),
        grid_frames=tuple(grid.tolist()),
        ratio_curve=curve,
        defined_curve=tuple(defined.sum(axis=0).tolist()),
        games=tuple(
            GameTransfer(
                game=game,
                fold=folds[index],
                fresh_reward=float(curves_fresh[index, -1]),
                transfer_reward=float(curves_transfer[index, -1]),
                ratio=float(ratios[index, -1]) if defined[index, -1] else None,
                contrast=float(contrasts[index]),
            )
            for index, game in enumerate(games)
        ),
    )


def _mean_curve(store: Store, edition: Edition, arm: str, fold: int | None, game: str, grid: Ints) -> Floats:
    """C_a[g, t]: cumulative reward on the grid, mean over seeds; float64 (T,)."""
    protocol = store.protocol
    frames_a_step = protocol.lanes * protocol.environment.frame_skip
    curves = []
    for seed in range(edition.seeds):
        run_id = RunId(edition.name, arm, fold, game, seed)  # type: ignore[arg-type]  # the callers name arms
        columns = ["phase", "lane", "number", "length_steps", "reward_steps", "rewards"]
        table = read_ledger(store.ledger_path(run_id), columns)
        table = table.filter(pc.equal(table["phase"], "training"))
        at_frames = reward_frames(
            _ints(table["lane"]),
            _ints(table["number"]),
            _ints(table["length_steps"]),
            _ints(pc.list_parent_indices(table["rewards"].combine_chunks())),
            _ints(pc.list_flatten(table["reward_steps"])),
            frames_a_step,
        )
        curves.append(cumulative_rewards(at_frames, _ints(pc.list_flatten(table["rewards"])), grid))
    mean: Floats = np.mean(curves, axis=0)
    return mean


def _score_multitask(store: Store, edition: Edition) -> tuple[GameMultitask, ...]:
    references = load_references(store.protocol.version)
    runs = [
        describe(RunId(edition.name, "generalist", None, None, seed), store.protocol)
        for seed in range(edition.seeds)
    ]
    generalist = _evaluation_returns(store, runs)
    vector = []
    for game in edition.games:
        fresh = [
            describe(RunId(edition.name, "fresh", None, game, seed), store.protocol)
            for seed in range(edition.seeds)
        ]
        specialist = _evaluation_returns(store, fresh)[game]
        means = np.array([generalist[game].mean()]), np.array([specialist.mean()])
        values, defined = ratio(*means)
        reference = references.get(game)
        vector.append(
            GameMultitask(
                game=game,
                generalist_mean=float(means[0][0]),
                generalist_top=float(generalist[game].max()),
                specialist_mean=float(means[1][0]),
                specialist_top=float(specialist.max()),
                ratio=float(values[0]) if defined[0] else None,
                contrast=float(contrast(*means)[0]),
                random=reference.random if reference else None,
                human=reference.human if reference else None,
            )
        )
    return tuple(vector)


def _evaluation_returns(store: Store, runs: list[Run]) -> dict[str, Floats]:
    """By game: the returns of all evaluation episodes of these runs, float64 (episodes,)."""
    tables = [read_ledger(store.ledger_path(run.run_id), ["phase", "game", "episode_return"]) for run in runs]
    table = pa.concat_tables(tables)
    table = table.filter(pc.equal(table["phase"], "evaluation"))
    returns = {}
    for game in runs[0].games:
        chosen = table.filter(pc.equal(table["game"], game))["episode_return"]
        if not len(chosen):
            raise StoreError(
                f"{store.folder} has no evaluation episode of {game} in {runs[0].run_id}; play it again"
            )
        returns[game] = chosen.to_numpy().astype(np.float64)
    return returns


def _ints(column: pa.ChunkedArray | pa.Array) -> Ints:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values: Ints = array.to_numpy(zero_copy_only=False).astype(np.int64)
    return values
