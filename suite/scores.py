"""From what runs earned to scores: the transfer measures and the multitask vector, each beside its null."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from protocol import Edition, Frozen, Protocol, RunRecord, StoreError, load_references
from suite.estimates import (
    Curve,
    Figure,
    Resamples,
    draw_resamples,
    estimate,
    estimate_curve,
    estimate_each,
)
from suite.outcomes import Outcomes
from suite.resampling import RESAMPLES
from suite.results.store import record_paths
from suite.scoring import Floats, asymptote, human_normalised, jumpstart, ratio
from suite.statistics import (
    contrast_iqm,
    contrast_mean,
    contrasts,
    difference_iqm,
    mean_ratio,
    mean_win_probability,
    ratios,
    win_probabilities,
)

SCORES = "scores.json"
RESAMPLING_SEED = 0
"""Published figures are drawn with this seed, so that anybody's recomputation draws alike."""


class GameTransfer(Frozen):
    """Transfer to one held-out game; means over seeds.

    Attributes:
        game: ale-py's name.
        fold: in which it is held out.
        fresh_reward, transfer_reward: cumulative reward of the whole budget, in game points.
        ratio: of these two.
        contrast: of these two.
        win_probability: that a pre-trained run earns more than a fresh one.
        human_normalised_gain: of mean training returns; None: the game has no references.
        fresh_jumpstart, transfer_jumpstart: game points per 1,000 agent steps in the first tenth of the frames.
        fresh_asymptote, transfer_asymptote: the same in the last tenth.
    """

    game: str
    fold: int
    fresh_reward: float
    transfer_reward: float
    ratio: Figure
    contrast: Figure
    win_probability: Figure
    human_normalised_gain: float | None
    fresh_jumpstart: float
    transfer_jumpstart: float
    fresh_asymptote: float
    transfer_asymptote: float


class Transfer(Frozen):
    """The transfer measures over all held-out games.

    Attributes:
        contrast: interquartile mean of the games' contrasts; the headline.
        mean_contrast: their mean.
        ratio: r, the mean of the defined ratios of a fold, then over folds.
        defined_games: how many games have a ratio.
        undefined_games: those that have none, since C_F <= 0 or the signs differ.
        win_probability: that a pre-trained run earns more than a fresh one, mean over games.
        human_normalised_gain: interquartile mean over the games with references.
        referenced_games: how many those are.
        grid_frames: the points of the curves, in frames a game.
        contrast_curve: the contrast of what was earned by then.
        ratio_curve: r(t).
        defined_curve: how many games have a ratio by then.
        games: each held-out game.
    """

    contrast: Figure
    mean_contrast: Figure
    ratio: Figure
    defined_games: int
    undefined_games: tuple[str, ...]
    win_probability: Figure
    human_normalised_gain: Figure
    referenced_games: int
    grid_frames: tuple[int, ...]
    contrast_curve: Curve
    ratio_curve: Curve
    defined_curve: tuple[int, ...]
    games: tuple[GameTransfer, ...]


class GameMultitask(Frozen):
    """One entry of the multitask vector.

    Attributes:
        game: ale-py's name.
        generalist_mean, specialist_mean: evaluation return, in game points, over seeds and episodes.
        generalist_top, specialist_top: the best of these episodes.
        ratio: of the means.
        contrast: of the means.
        training_contrast: of the cumulative rewards while training, after the same frames of this game.
        random, human: reference returns; None: none is known.
    """

    game: str
    generalist_mean: float
    generalist_top: float
    specialist_mean: float
    specialist_top: float
    ratio: Figure
    contrast: Figure
    training_contrast: Figure
    random: float | None
    human: float | None


class Scores(Frozen):
    """All that is scored of one learner on one edition.

    Attributes:
        seeds: runs a game and arm.
        null_seeds: fresh runs a side of the null, scaled to as many as ``seeds`` (suite.resampling).
        resamples: of every interval, null and p-value.
        resampling_seed: what they were drawn with.
    """

    protocol_version: str
    edition_digest: str
    edition: str
    learner: str
    configuration_digest: str
    seeds: int
    null_seeds: int
    resamples: int
    resampling_seed: int
    transfer: Transfer
    multitask: tuple[GameMultitask, ...]


def score(outcomes: Outcomes, resampling_seed: int = RESAMPLING_SEED, resamples: int = RESAMPLES) -> Scores:
    """Score what the runs of an edition earned; the same outcomes and seed give the same scores."""
    edition, protocol = outcomes.edition, outcomes.protocol
    generator = np.random.Generator(np.random.Philox(key=resampling_seed))
    alone, together = range(len(outcomes.games)), [0] * len(outcomes.games)
    by_fold = draw_resamples(outcomes.folds, alone, edition.seeds, resamples, generator)
    # What the generalist earns in all games with one seed is one run.
    by_seed = draw_resamples(together, alone, edition.seeds, resamples, generator)
    return Scores(
        protocol_version=protocol.version,
        edition_digest=protocol.edition_digests[edition.name],
        edition=edition.name,
        learner=outcomes.learner,
        configuration_digest=outcomes.configuration_digest,
        seeds=edition.seeds,
        null_seeds=edition.seeds // 2,
        resamples=resamples,
        resampling_seed=resampling_seed,
        transfer=_transfer(outcomes, by_fold),
        multitask=_multitask(outcomes, by_seed),
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
    for path in record_paths(folder):
        try:
            record = RunRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue  # Store.record says what is wrong with it, once its edition is known
        return protocol.edition(record.run_id.partition("/")[0])
    raise StoreError(f"{folder} holds no complete run; `amtlb benchmark --out {folder}` plays them")


def _transfer(outcomes: Outcomes, resamples: Resamples) -> Transfer:
    curves, folds = outcomes.curves, outcomes.folds
    transfer, fresh = curves.transfer[..., -1], curves.fresh[..., -1]  # (G, S)
    _, defined = ratio(curves.transfer.mean(axis=1), curves.fresh.mean(axis=1))  # (G, T)
    undefined = tuple(game for game, known in zip(outcomes.games, defined[:, -1], strict=True) if not known)
    references = _References.of(outcomes)
    return Transfer(
        contrast=estimate(contrast_iqm, transfer, fresh, resamples),
        mean_contrast=estimate(contrast_mean, transfer, fresh, resamples),
        ratio=estimate(mean_ratio(folds), transfer, fresh, resamples),
        defined_games=len(outcomes.games) - len(undefined),
        undefined_games=undefined,
        win_probability=estimate(mean_win_probability, transfer, fresh, resamples),
        human_normalised_gain=_gain(outcomes, references, resamples),
        referenced_games=len(references.places),
        grid_frames=tuple(outcomes.grid_frames.tolist()),
        contrast_curve=estimate_curve(contrast_iqm, curves.transfer, curves.fresh, resamples),
        ratio_curve=estimate_curve(mean_ratio(folds), curves.transfer, curves.fresh, resamples),
        defined_curve=tuple(defined.sum(axis=0).tolist()),
        games=_games(outcomes, references, resamples),
    )


class _References(NamedTuple):
    """The games that have references: their places in the outcomes, and both returns, (N,) each."""

    places: list[int]
    random: Floats
    human: Floats

    @classmethod
    def of(cls, outcomes: Outcomes) -> _References:
        known = load_references(outcomes.protocol.version)
        places = [place for place, game in enumerate(outcomes.games) if game in known]
        rows = [known[outcomes.games[place]] for place in places]
        return cls(places, np.array([row.random for row in rows]), np.array([row.human for row in rows]))

    def normalised(self, returns: Floats) -> Floats:
        """Of float (G, S), the referenced games' in human-normalised units, (N, S)."""
        return human_normalised(returns[self.places], self.random, self.human)


def _gain(outcomes: Outcomes, references: _References, resamples: Resamples) -> Figure:
    if not references.places:
        return Figure(value=None, interval=None, null=None)
    returns = outcomes.training_returns
    ours, theirs = references.normalised(returns.transfer), references.normalised(returns.fresh)
    return estimate(difference_iqm, ours, theirs, resamples.of_games(references.places))


def _games(outcomes: Outcomes, references: _References, resamples: Resamples) -> tuple[GameTransfer, ...]:
    curves, returns = outcomes.curves, outcomes.training_returns
    transfer, fresh = curves.transfer[..., -1], curves.fresh[..., -1]
    steps = outcomes.edition.budget_frames // outcomes.protocol.environment.frame_skip
    gains = references.normalised(returns.transfer - returns.fresh).mean(axis=1)
    gain_of = dict(zip(references.places, gains.tolist(), strict=True))
    columns = {
        "game": outcomes.games,
        "fold": outcomes.folds,
        "fresh_reward": fresh.mean(axis=1).tolist(),
        "transfer_reward": transfer.mean(axis=1).tolist(),
        "ratio": estimate_each(ratios, transfer, fresh, resamples),
        "contrast": estimate_each(contrasts, transfer, fresh, resamples),
        "win_probability": estimate_each(win_probabilities, transfer, fresh, resamples),
        "human_normalised_gain": [gain_of.get(place) for place in range(len(outcomes.games))],
        "fresh_jumpstart": jumpstart(curves.fresh, steps).mean(axis=1).tolist(),
        "transfer_jumpstart": jumpstart(curves.transfer, steps).mean(axis=1).tolist(),
        "fresh_asymptote": asymptote(curves.fresh, steps).mean(axis=1).tolist(),
        "transfer_asymptote": asymptote(curves.transfer, steps).mean(axis=1).tolist(),
    }
    return tuple(
        GameTransfer(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    )


def _multitask(outcomes: Outcomes, resamples: Resamples) -> tuple[GameMultitask, ...]:
    means, tops, curves = outcomes.evaluation_means, outcomes.evaluation_tops, outcomes.curves
    references = load_references(outcomes.protocol.version)
    known = [references.get(game) for game in outcomes.games]
    columns = {
        "game": outcomes.games,
        "generalist_mean": means.generalist.mean(axis=1).tolist(),
        "generalist_top": tops.generalist.max(axis=1).tolist(),
        "specialist_mean": means.specialist.mean(axis=1).tolist(),
        "specialist_top": tops.specialist.max(axis=1).tolist(),
        "ratio": estimate_each(ratios, means.generalist, means.specialist, resamples),
        "contrast": estimate_each(contrasts, means.generalist, means.specialist, resamples),
        "training_contrast": estimate_each(
            contrasts, curves.generalist[..., -1], curves.fresh[..., -1], resamples
        ),
        "random": [reference.random if reference else None for reference in known],
        "human": [reference.human if reference else None for reference in known],
    }
    return tuple(
        GameMultitask(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    )
