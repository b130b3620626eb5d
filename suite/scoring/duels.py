"""The probability that a run of one learner earns more than a run of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from suite.scoring.arrays import Floats
from suite.scoring.draws import draw_sides
from suite.scoring.estimates import UNDEFINED, Figure, Interval, estimate
from suite.scoring.resampling import DRAWS, seed_correlation
from suite.scoring.scores import Scores, counted_games
from suite.scoring.statistics import mean_win_probability

Arm = Literal["fresh", "transfer"]
RESAMPLING_SEED = 0
"""Published figures are drawn with this seed, so that everybody who computes them again gets the same draws."""
MOST_SEED_CORRELATION = 0.05
"""Above this correlation, runs of one seed are drawn together in all games."""


def duel(ours: Floats, theirs: Floats, our_clusters: Sequence[int], their_clusters: Sequence[int]) -> Figure:
    """The probability that one of our runs beats one of theirs, mean over games; undefined without games.

    A tie counts half. Two learners do not share the luck of a seed, so it does not cancel. If the runs of
    either learner are correlated over games (``seed_correlation``), each side is therefore drawn by seed, all
    games together. A pair of learners is drawn once, in an order that their rewards decide, so that both
    directions of a duel say the same; the null is that of the side that comes second.

    Args:
        ours, theirs: float (G, S), the reward of each run.
        our_clusters, their_clusters: (G,), see ``suite.scoring.draws.draw_sides``.
    """
    if not len(ours):
        return UNDEFINED
    if ours.tolist() > theirs.tolist():
        return _seen_from_the_other_side(duel(theirs, ours, their_clusters, our_clusters))
    correlations = [seed_correlation(ours), seed_correlation(theirs)]
    if any(found is not None and found > MOST_SEED_CORRELATION for found in correlations):
        our_clusters = their_clusters = [0] * len(ours)
    generator = np.random.Generator(np.random.Philox(key=RESAMPLING_SEED))
    resamples = draw_sides(our_clusters, their_clusters, ours.shape[1], DRAWS, generator)
    return estimate(mean_win_probability, ours, theirs, resamples)


def _seen_from_the_other_side(figure: Figure) -> Figure:
    """The figure of the other side: whenever one does not win, the other does."""
    value, interval, null = figure.value, figure.interval, figure.null
    if null is not None:
        turned = {"low": 1 - null.high, "median": 1 - null.median, "high": 1 - null.low}
        null = null.model_copy(update=turned)
    return Figure(
        value=None if value is None else 1 - value,
        interval=None if interval is None else Interval(low=1 - interval.high, high=1 - interval.low),
        null=null,
    )


def duel_of_arms(ours: Scores, our_arm: Arm, theirs: Scores, their_arm: Arm) -> Figure:
    """The duel of an arm of one learner with an arm of another, over the games that count for both.

    Transfer runs of one fold and seed share a checkpoint, so they are drawn together; fresh runs share nothing.
    """
    theirs_counted = {*counted_games(theirs)}
    games = [game for game in counted_games(ours) if game in theirs_counted]
    fold_of = {game.game: game.fold for game in ours.transfer.games}
    clusters = {"fresh": range(len(games)), "transfer": [fold_of[game] for game in games]}
    rewards = (_earned(ours, our_arm, games), _earned(theirs, their_arm, games))
    return duel(*rewards, clusters[our_arm], clusters[their_arm])


def _earned(scores: Scores, arm: Arm, games: Sequence[str]) -> Floats:
    """The rewards of each run of an arm in these games, float (G, S)."""
    rewards = {game.game: getattr(game, f"{arm}_rewards") for game in scores.transfer.games}
    return np.array([rewards[game] for game in games], np.float64).reshape(len(games), scores.seeds)
