"""From the rewards of runs to scores: the transfer measures and the multitask vector, each with its null."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from protocol import Edition, Reference, load_references
from suite.results.results import open_results
from suite.results.store import SCORES, Store
from suite.results.writing import write_file
from suite.scoring.arrays import Floats
from suite.scoring.draws import Resamples, draw_pairs, draw_single_games
from suite.scoring.duels import RESAMPLING_SEED
from suite.scoring.estimates import estimate, estimate_curve, estimate_each
from suite.scoring.measures import asymptote, human_normalised, jumpstart, ratio
from suite.scoring.outcomes import Outcomes, read_outcomes
from suite.scoring.resampling import DRAWS, Draws, seed_correlation
from suite.scoring.scores import (
    SCHEMA_VERSION,
    SCORING_VERSION,
    GameMultitask,
    GameTransfer,
    Scores,
    ScoringVersion,
    Transfer,
)
from suite.scoring.statistics import (
    contrast_iqm,
    contrast_mean,
    contrasts,
    difference_iqm,
    mean_ratio,
    mean_win_probability,
    ratios,
    win_probabilities,
)


def score(source: str | Path, edition: str | None = None) -> Scores:
    """Score a complete results folder, or a published baseline by its name; nothing is written.

    Args:
        source: as for ``open_results``.
        edition: as for ``open_results``.

    Raises:
        UnknownName: there is neither a folder nor a baseline of that name, or no such edition.
        StoreError: runs are missing or cannot be read, or are of another edition.
        ForeignProtocol: a run was played under other rules.

    Example:
        >>> import amtlb
        >>> contrast = amtlb.score("ppo").transfer.contrast
        >>> contrast.interval.low <= contrast.value <= contrast.interval.high
        True
    """
    results = open_results(source, edition)
    return score_outcomes(read_outcomes(results.store, results.edition))


def score_outcomes(outcomes: Outcomes) -> Scores:
    """Score the rewards of the runs of an edition with the current version."""
    return SCORERS[SCORING_VERSION](outcomes)


def drawn_scores(
    outcomes: Outcomes, version: ScoringVersion, draws: Draws, resampling_seed: int = RESAMPLING_SEED
) -> Scores:
    """Score the rewards of the runs of an edition; the same outcomes, draws and seed give the same scores."""
    edition, protocol = outcomes.edition, outcomes.protocol
    generator = np.random.Generator(np.random.Philox(key=resampling_seed))
    over_games = draw_pairs(outcomes.folds, edition.seeds, draws, generator)
    of_each_game = draw_single_games(len(outcomes.games), edition.seeds, draws, generator)
    return Scores(
        schema_version=SCHEMA_VERSION,
        scoring_version=version,
        protocol_version=protocol.version,
        edition_digest=protocol.edition_digests[edition.name],
        edition=edition.name,
        learner=outcomes.learner,
        configuration_digest=outcomes.configuration_digest,
        seeds=edition.seeds,
        null_seeds=edition.seeds // 2,
        resamples=draws.resamples,
        resampling_seed=resampling_seed,
        transfer=_transfer(outcomes, over_games, of_each_game),
        multitask=_multitask(outcomes, of_each_game),
    )


SCORERS: Mapping[int, Callable[[Outcomes], Scores]] = {
    2: partial(drawn_scores, version=2, draws=Draws(resamples=2000, exchanges=2000)),
    3: partial(drawn_scores, version=3, draws=DRAWS),
}
"""The function that computes the figures, by scoring version. Code that changes a figure gets a new version,
and those of versions 2 and 3 stay as they are, so that published scores can always be computed again. Files of
version 1 can be read, but not computed again. Version 3 counts up to 65,536 exchanges, so that the p-values of
``lite`` and ``full`` are exact."""


def scores_text(scores: Scores) -> str:
    """The contents of ``scores.json``."""
    return scores.model_dump_json(indent=2) + "\n"


def write_scores(scores: Scores, folder: Path) -> Path:
    """Write ``scores.json`` into a results folder; the same scores give the same bytes.

    Raises:
        StoreError: it cannot be written.
    """
    write_file(folder / SCORES, scores_text(scores))
    return folder / SCORES


def score_folder(store: Store, edition: Edition) -> Scores:
    """Score a complete results folder, and store the scores in it as ``scores.json``.

    Raises:
        StoreError: runs are missing or cannot be read, or the scores cannot be written.
        ForeignProtocol: a run was played under other rules.
    """
    scores = score_outcomes(read_outcomes(store, edition))
    write_scores(scores, store.folder)
    return scores


def _transfer(outcomes: Outcomes, over_games: Resamples, of_each_game: Resamples) -> Transfer:
    counted, references = outcomes.counted, _References.of(outcomes)
    drawn = over_games.of_games(counted)
    folds = [outcomes.folds[place] for place in counted]
    ours, theirs = outcomes.curves.transfer[counted], outcomes.curves.fresh[counted]  # (G, S, T)
    transfer, fresh = ours[..., -1], theirs[..., -1]
    finals = outcomes.evaluation_means
    defined = ratio(ours.mean(axis=1), theirs.mean(axis=1)).defined  # (G, T)
    gain_places = [place for place in references.places if place in counted]
    return Transfer(
        contrast=estimate(contrast_iqm, transfer, fresh, drawn),
        mean_contrast=estimate(contrast_mean, transfer, fresh, drawn),
        ratio=estimate(mean_ratio(folds), transfer, fresh, drawn),
        counted_games=len(counted),
        negative_games=_names(outcomes, [place for place, is_so in enumerate(outcomes.negative) if is_so]),
        defined_games=int(defined[:, -1].sum()),
        undefined_games=_names(outcomes, np.array(counted, np.int64)[~defined[:, -1]]),
        win_probability=estimate(mean_win_probability, transfer, fresh, drawn),
        human_normalised_gain=estimate(
            difference_iqm, *references.normalised(outcomes, gain_places), over_games.of_games(gain_places)
        ),
        gain_games=len(gain_places),
        games_without_whole_episodes=_names(
            outcomes, [place for place in references.cut_places if place in counted]
        ),
        final_contrast=estimate(contrast_iqm, finals.transfer[counted], finals.fresh[counted], drawn),
        seed_correlation=seed_correlation(fresh),
        grid_frames=tuple(outcomes.grid_frames.tolist()),
        contrast_curve=estimate_curve(contrast_iqm, ours, theirs, drawn),
        ratio_curve=estimate_curve(mean_ratio(folds), ours, theirs, drawn),
        defined_curve=tuple(defined.sum(axis=0).tolist()),
        games=_games(outcomes, references, of_each_game),
    )


def _names(outcomes: Outcomes, places: Iterable[int]) -> tuple[str, ...]:
    return tuple(outcomes.games[place] for place in places)


class _References(NamedTuple):
    """The games with reference returns.

    Attributes:
        known: the references, by place of the game in the outcomes.
        places: the games in which every fresh and transfer run has a whole episode; only they can be
            normalised.
        cut_places: the other games.
    """

    known: Mapping[int, Reference]
    places: list[int]
    cut_places: list[int]

    @classmethod
    def of(cls, outcomes: Outcomes) -> _References:
        references = load_references(outcomes.protocol.version)
        known = {place: references[game] for place, game in enumerate(outcomes.games) if game in references}
        whole = outcomes.whole_episodes
        complete = (np.minimum(whole.fresh, whole.transfer).min(axis=1) > 0).tolist()
        return cls(
            known,
            [place for place in known if complete[place]],
            [place for place in known if not complete[place]],
        )

    def normalised(self, outcomes: Outcomes, places: list[int]) -> tuple[Floats, Floats]:
        """The mean training returns of transfer and fresh in human-normalised units, (N, S) each."""
        random = np.array([self.known[place].random for place in places])
        human = np.array([self.known[place].human for place in places])
        returns = outcomes.training_returns
        ours, theirs = (
            human_normalised(arm[places], random, human) for arm in (returns.transfer, returns.fresh)
        )
        return ours, theirs


def _games(outcomes: Outcomes, references: _References, drawn: Resamples) -> tuple[GameTransfer, ...]:
    curves, finals = outcomes.curves, outcomes.evaluation_means
    transfer, fresh, pretrain = (
        curves.transfer[..., -1],
        curves.fresh[..., -1],
        outcomes.pretrain_curves[..., -1],
    )
    steps = outcomes.budget_steps
    ours, theirs = references.normalised(outcomes, references.places)
    gain_of = dict(zip(references.places, (ours - theirs).mean(axis=1).tolist(), strict=True))
    columns = {
        "game": outcomes.games,
        "fold": outcomes.folds,
        "negative_rewards": outcomes.negative,
        "fresh_rewards": map(tuple, fresh.tolist()),
        "transfer_rewards": map(tuple, transfer.tolist()),
        "fresh_reward": fresh.mean(axis=1).tolist(),
        "transfer_reward": transfer.mean(axis=1).tolist(),
        "pretrain_reward": pretrain.mean(axis=1).tolist(),
        "ratio": estimate_each(ratios, transfer, fresh, drawn),
        "contrast": estimate_each(contrasts, transfer, fresh, drawn),
        "win_probability": estimate_each(win_probabilities, transfer, fresh, drawn),
        "pretraining_contrast": estimate_each(contrasts, pretrain, fresh, drawn),
        "human_normalised_gain": [gain_of.get(place) for place in range(len(outcomes.games))],
        "fresh_jumpstart": jumpstart(curves.fresh, steps).mean(axis=1).tolist(),
        "transfer_jumpstart": jumpstart(curves.transfer, steps).mean(axis=1).tolist(),
        "fresh_asymptote": asymptote(curves.fresh, steps).mean(axis=1).tolist(),
        "transfer_asymptote": asymptote(curves.transfer, steps).mean(axis=1).tolist(),
        "fresh_final": finals.fresh.mean(axis=1).tolist(),
        "transfer_final": finals.transfer.mean(axis=1).tolist(),
        "final_contrast": estimate_each(contrasts, finals.transfer, finals.fresh, drawn),
    }
    return tuple(
        GameTransfer(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    )


def _multitask(outcomes: Outcomes, drawn: Resamples) -> tuple[GameMultitask, ...]:
    means, tops, curves = outcomes.evaluation_means, outcomes.evaluation_tops, outcomes.curves
    references = load_references(outcomes.protocol.version)
    known = [references.get(game) for game in outcomes.games]
    columns = {
        "game": outcomes.games,
        "generalist_mean": means.generalist.mean(axis=1).tolist(),
        "generalist_top": tops.generalist.max(axis=1).tolist(),
        "specialist_mean": means.fresh.mean(axis=1).tolist(),
        "specialist_top": tops.fresh.max(axis=1).tolist(),
        "ratio": estimate_each(ratios, means.generalist, means.fresh, drawn),
        "contrast": estimate_each(contrasts, means.generalist, means.fresh, drawn),
        "training_contrast": estimate_each(contrasts, curves.generalist[..., -1], curves.fresh[..., -1], drawn),
        "random": [reference.random if reference else None for reference in known],
        "human": [reference.human if reference else None for reference in known],
    }
    return tuple(
        GameMultitask(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    )
