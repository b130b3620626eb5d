"""Tables of docs/results.md about how far the figures of published runs hold; none of them supports a claim."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from suite.report.numbers import UNKNOWN, signed, with_p
from suite.report.sheets import Column, Row, Sheet
from suite.scoring.arrays import Floats, Sampled
from suite.scoring.comparison import Contender
from suite.scoring.draws import draw_pairs
from suite.scoring.duels import RESAMPLING_SEED
from suite.scoring.estimates import Figure, estimate
from suite.scoring.measures import contrast
from suite.scoring.outcomes import Outcomes
from suite.scoring.resampling import DRAWS, seed_correlation
from suite.scoring.statistics import Sides, Statistic, contrast_iqm, contrast_mean


def without_sheet(learner: Contender) -> Sheet:
    """The contrasts over all games where one game is left out.

    The quarters of the interquartile mean are exact here. Published figures round them down to whole games, and
    of one game fewer would let in a game at each end, whichever is left out.
    """
    outcomes = learner.outcomes
    transfer, fresh = rewards(outcomes)
    counted = outcomes.counted
    kept = {outcomes.games[one]: [game for game in counted if game != one] for one in counted}
    return Sheet(
        "transfer contrast without one of the games",
        (
            Column("game", "left out", "label"),
            Column("iqm", "interquartile mean with exact quarters, 95 % interval, p"),
            Column("mean", "mean, 95 % interval, p"),
        ),
        tuple(
            {"game": name, **_cells(outcomes, transfer, fresh, places, contrast_exact_iqm)}
            for name, places in ({"none": counted} | kept).items()
        ),
    )


def runs_sheet(learner: Contender) -> Sheet:
    """The reward of each fresh and each transfer run."""
    transfer, fresh = rewards(learner.outcomes)
    return Sheet(
        "reward of the whole budget of each run, in the order of seeds",
        (
            Column("game", "game", "label"),
            Column("fresh", "fresh runs"),
            Column("transfer", "pre-trained runs"),
        ),
        tuple(
            {"game": game, "fresh": _each(fresh[place]), "transfer": _each(transfer[place])}
            for place, game in enumerate(learner.outcomes.games)
        ),
    )


def _each(values: Floats) -> tuple[str, ...]:
    return tuple(f"{value:,.0f}" for value in values.tolist())


def rewards(outcomes: Outcomes) -> tuple[Floats, Floats]:
    """The reward of the whole budget of each transfer and each fresh run, float (G, S) each."""
    return outcomes.curves.transfer[..., -1], outcomes.curves.fresh[..., -1]


def contrast_exact_iqm(sides: Sides) -> Sampled:
    """The interquartile mean of the games' contrasts with exact quarters, (R,).

    The lowest and the highest quarter may end within a game, which then counts for the rest of it.
    """
    found = np.sort(contrast(*sides.means()), axis=0)
    ends = np.linspace(0, 1, len(found) + 1)
    weights = 2 * np.clip(np.minimum(ends[1:], 0.75) - np.maximum(ends[:-1], 0.25), 0, None)
    return Sampled.everywhere(np.tensordot(weights, found, axes=1))


def _cells(
    outcomes: Outcomes,
    ours: Floats,
    theirs: Floats,
    places: Sequence[int],
    middle: Statistic = contrast_iqm,
) -> Row:
    return {
        "iqm": with_p(_paired(middle, outcomes, ours, theirs, places), signed),
        "mean": with_p(_paired(contrast_mean, outcomes, ours, theirs, places), signed),
    }


def _paired(
    statistic: Statistic, outcomes: Outcomes, ours: Floats, theirs: Floats, places: Sequence[int]
) -> Figure:
    """A figure of runs that come in pairs, by fold and seed, with the draws of published figures."""
    generator = np.random.Generator(np.random.Philox(key=RESAMPLING_SEED))
    drawn = draw_pairs(outcomes.folds, ours.shape[1], DRAWS, generator).of_games(places)
    chosen = list(places)
    return estimate(statistic, ours[chosen], theirs[chosen], drawn)


def pairs_sheet(contenders: Sequence[Contender]) -> Sheet:
    """Learners whose transfer runs start from the same checkpoints, compared run by run.

    Such runs share the luck of their pre-training and their seed. A duel, which takes the sides to share
    nothing, sees less than there is.
    """
    pairs = [
        (one, other) for one, other in combinations(contenders, 2) if checkpoints(one) == checkpoints(other)
    ]
    return Sheet(
        "contrast of the pre-trained runs of two learners that start from the same checkpoints",
        (
            Column("one", "learner", "label"),
            Column("other", "against", "label"),
            Column("iqm", "interquartile mean, 95 % interval, p"),
            Column("mean", "mean, 95 % interval, p"),
        ),
        tuple(
            {"one": other.label, "other": one.label, **_against(other.outcomes, one.outcomes)}
            for one, other in pairs
        ),
    )


def _against(ours: Outcomes, theirs: Outcomes) -> Row:
    return _cells(ours, rewards(ours)[0], rewards(theirs)[0], ours.counted)


def checkpoints(learner: Contender) -> tuple[str | None, ...]:
    """The start of each of its runs; a word of its own where all are the same, as if nothing is learned."""
    found = tuple(record.checkpoint_in for record in learner.outcomes.records)
    return found if len({*found} - {None}) > 1 else (learner.label,)


def seeds_sheet(contenders: Sequence[Contender]) -> Sheet:
    """The correlation of runs of one seed over games."""
    columns = (
        Column("learner", "learner", "label"),
        Column("fresh", "fresh runs"),
        Column("transfer", "pre-trained runs"),
        Column("contrast", "contrasts of the two"),
    )
    rows = []
    for one in contenders:
        transfer, fresh = rewards(one.outcomes)
        found = {"fresh": fresh, "transfer": transfer, "contrast": contrast(transfer, fresh)}
        rows.append({"learner": one.label} | {name: _correlation(values) for name, values in found.items()})
    return Sheet("correlation over games of the runs of one seed", columns, tuple(rows))


def _correlation(values: Floats) -> str:
    found = seed_correlation(values)
    return UNKNOWN if found is None else signed(found)
