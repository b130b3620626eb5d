"""All resamples of one comparison, drawn at once: of pairs, of two sides, or of single games."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from suite.scoring.arrays import Floats
from suite.scoring.resampling import (
    Draws,
    Exchanges,
    Weights,
    bootstrap_weights,
    equal_weights,
    exchanges,
    null_weights,
    splits,
    swaps,
)


class Resamples(NamedTuple):
    """All draws of one comparison; all of its statistics use the same draws.

    Attributes:
        ours, theirs: float (G, R, S), bootstrapped.
        null: both sides, over the seeds of theirs.
        exchanges: of ours and theirs.
        clusters: (G,), of ours and of theirs, see ``draw_sides``; a single one if they were drawn in pairs.
    """

    ours: Floats
    theirs: Floats
    null: Weights
    exchanges: Exchanges
    clusters: tuple[tuple[int, ...], ...]

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of freedom over all games: of the pairs, or of ours and of theirs."""
        spare_seeds = self.ours.shape[-1] - 1
        return tuple(len(set(clusters)) * spare_seeds for clusters in self.clusters)

    @property
    def degrees_of_a_game(self) -> tuple[int, ...]:
        """Degrees of freedom of one game."""
        return (self.ours.shape[-1] - 1,) * len(self.clusters)

    @property
    def bootstrapped(self) -> Weights:
        """The weights of both sides."""
        return Weights(self.ours, self.theirs)

    def parts(self) -> tuple[Weights, ...]:
        """The bootstrapped weights of both sides if only one independent draw varies: ours, then theirs."""
        if len(self.clusters) == 1:
            return (self.bootstrapped,)
        return (
            Weights(self.ours, equal_weights(self.theirs[:, 0])),
            Weights(equal_weights(self.ours[:, 0]), self.theirs),
        )

    def of_games(self, places: Sequence[int]) -> Resamples:
        """The same draws for some of the games."""
        chosen = list(places)
        return Resamples(
            self.ours[chosen],
            self.theirs[chosen],
            self.null.of_games(chosen),
            self.exchanges.of_games(chosen),
            tuple(tuple(clusters[place] for place in chosen) for clusters in self.clusters),
        )


def draw_pairs(clusters: Sequence[int], seeds: int, draws: Draws, generator: np.random.Generator) -> Resamples:
    """Draw all resamples of two arms of one learner, over all games.

    The arms share the learner's seed. A lucky seed is lucky in both arms, and this luck cancels in their
    difference, but only if draws keep the two runs of a seed together (docs/scores.md has the simulation).

    Args:
        clusters: (G,); transfer runs of one seed in games with the same number start from the same pre-trained
            weights. They are drawn together, each with its fresh run.
        seeds: S, at least 2.
        draws: how many of each kind; R of its resamples.
        generator: of the draws.
    """
    drawn = bootstrap_weights(clusters, seeds, draws.resamples, generator)
    return Resamples(
        ours=drawn,
        theirs=drawn,
        null=null_weights(range(len(clusters)), seeds, draws.resamples, generator),
        exchanges=exchanges(clusters, swaps(seeds), draws.exchanges, generator),
        clusters=(tuple(clusters),),
    )


def draw_sides(
    our_clusters: Sequence[int],
    their_clusters: Sequence[int],
    seeds: int,
    draws: Draws,
    generator: np.random.Generator,
) -> Resamples:
    """Draw all resamples of two sides that share nothing, such as two learners, with S seeds each.

    Args:
        our_clusters: (G,); of our runs, those of one seed in games with the same number share something, and
            are drawn together. ``range(G)``: every run is drawn alone.
        their_clusters: (G,), the same for theirs.
        seeds: S, at least 2.
        draws: how many of each kind; R of its resamples.
        generator: of the draws.
    """
    return Resamples(
        ours=bootstrap_weights(our_clusters, seeds, draws.resamples, generator),
        theirs=bootstrap_weights(their_clusters, seeds, draws.resamples, generator),
        null=null_weights(their_clusters, seeds, draws.resamples, generator),
        exchanges=exchanges(our_clusters, splits(seeds), draws.exchanges, generator),
        clusters=(tuple(our_clusters), tuple(their_clusters)),
    )


def draw_single_games(games: int, seeds: int, draws: Draws, generator: np.random.Generator) -> Resamples:
    """Draw all resamples for figures of single games (``estimate_each``); the same draws serve every game.

    Both sides are drawn separately. Pairs would leave S - 1 degrees of freedom and no p-value below 2^(1 - S).
    """
    return draw_sides([0] * games, [0] * games, seeds, draws, generator)
