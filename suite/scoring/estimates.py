"""A figure beside its interval and its null: what every score is published as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocol import Frozen
from suite.scoring.arrays import Floats
from suite.scoring.resampling import (
    Exchanges,
    bootstrap_weights,
    degrees_of_freedom,
    exchanged_weights,
    interval,
    minimum_detectable_effect,
    null_weights,
    p_value,
    splits,
    swaps,
)
from suite.scoring.statistics import Sampled, Sides, Statistic


class Interval(Frozen):
    """A 95 % interval."""

    low: float
    high: float


class Null(Frozen):
    """What the same statistic says where there is no effect.

    Attributes:
        low: 5 % point of fresh runs set against other fresh runs.
        median: 50 % point.
        high: 95 % point.
        p_value: two-sided, of exchanged arms; of one game with S seeds a side it cannot be small: at least
            1/3 for 2 seeds, 1/10 for 3.
        minimum_detectable_effect: how large a true effect must about be to be found in 80 % of all cases; None:
            the runs do not differ enough to tell.
    """

    low: float
    median: float
    high: float
    p_value: float
    minimum_detectable_effect: float | None


class Figure(Frozen):
    """One figure; what is None has no meaning for these runs."""

    value: float | None
    interval: Interval | None
    null: Null | None


UNDEFINED = Figure(value=None, interval=None, null=None)


class Curve(Frozen):
    """A figure at each point of the grid: its value, its 95 % interval and its null's 5 and 95 % points."""

    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    null_low: tuple[float | None, ...]
    null_high: tuple[float | None, ...]


class Resamples(NamedTuple):
    """All draws of one comparison; every statistic of it uses the same ones.

    Attributes:
        ours, theirs: float (G, R, S), bootstrapped.
        null: both sides over the seeds of theirs, float (G, R, S) each.
        exchanges: of ours and theirs.
        clusters: (G,), of ours and of theirs, see ``draw_sides``; one for both where they were drawn in pairs.
    """

    ours: Floats
    theirs: Floats
    null: tuple[Floats, Floats]
    exchanges: Exchanges
    clusters: tuple[tuple[int, ...], ...]

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of freedom over all games, of the pairs or of ours and of theirs."""
        spare_seeds = self.ours.shape[-1] - 1
        return tuple(len(set(clusters)) * spare_seeds for clusters in self.clusters)

    @property
    def degrees_of_a_game(self) -> tuple[int, ...]:
        """The same of one game."""
        return (self.ours.shape[-1] - 1,) * len(self.clusters)

    def parts(self) -> tuple[tuple[Floats, Floats], ...]:
        """The bootstrapped weights of both sides with each independent draw alone: ours, then theirs."""
        if len(self.clusters) == 1:
            return ((self.ours, self.theirs),)
        return (self.ours, _equal(self.theirs[:, 0])), (_equal(self.ours[:, 0]), self.theirs)

    def of_games(self, places: Sequence[int]) -> Resamples:
        """The same draws for some of the games."""
        chosen = list(places)
        return Resamples(
            self.ours[chosen],
            self.theirs[chosen],
            (self.null[0][chosen], self.null[1][chosen]),
            Exchanges(self.exchanges.one[chosen], self.exchanges.other[chosen], self.exchanges.complete),
            tuple(tuple(clusters[place] for place in chosen) for clusters in self.clusters),
        )


def draw_pairs(
    clusters: Sequence[int], seeds: int, resamples: int, generator: np.random.Generator
) -> Resamples:
    """Draw all resamples of two arms of one learner, over all games.

    The arms share the learner's seed: where a seed is a lucky one it is so in both, which cancels in their
    difference, but only in draws that keep the two runs of a seed together (docs/scores.md has the simulation).

    Args:
        clusters: (G,); transfer runs of one seed in games of one number share weights that were trained before,
            and are drawn together, each with its fresh run.
        seeds: S, at least 2.
        resamples: R.
        generator: of the draws.
    """
    drawn = bootstrap_weights(clusters, seeds, resamples, generator)
    return Resamples(
        ours=drawn,
        theirs=drawn,
        null=null_weights(range(len(clusters)), seeds, resamples, generator),
        exchanges=exchanged_weights(clusters, swaps(seeds), resamples, generator),
        clusters=(tuple(clusters),),
    )


def draw_sides(
    our_clusters: Sequence[int],
    their_clusters: Sequence[int],
    seeds: int,
    resamples: int,
    generator: np.random.Generator,
) -> Resamples:
    """Draw all resamples of two sides that share nothing, such as two learners, with S seeds each.

    Args:
        our_clusters: (G,); of our runs, those of one seed in games of one number share something, and are drawn
            together. ``range(G)``: every run stands alone.
        their_clusters: (G,), the same of theirs.
        seeds: S, at least 2.
        resamples: R.
        generator: of the draws.
    """
    return Resamples(
        ours=bootstrap_weights(our_clusters, seeds, resamples, generator),
        theirs=bootstrap_weights(their_clusters, seeds, resamples, generator),
        null=null_weights(their_clusters, seeds, resamples, generator),
        exchanges=exchanged_weights(our_clusters, splits(seeds), resamples, generator),
        clusters=(tuple(our_clusters), tuple(their_clusters)),
    )


def draw_single_games(games: int, seeds: int, resamples: int, generator: np.random.Generator) -> Resamples:
    """Draw all resamples for figures of single games (``estimate_each``), which are the same for each of them.

    Both sides are drawn by themselves. Pairs would leave S - 1 degrees of freedom and no p-value below
    2^(1 - S).
    """
    return draw_sides([0] * games, [0] * games, seeds, resamples, generator)


def estimate(statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> Figure:
    """A statistic over all games with its interval and its null; of no games, one that is undefined.

    Args:
        statistic: gives (R,).
        ours, theirs: float (G, S).
        resamples: of these games and seeds.
    """
    if not len(ours):
        return UNDEFINED
    samples = _Samples.of(statistic, ours, theirs, resamples)
    return samples.figure(resamples.degrees, resamples.exchanges.complete)


def estimate_each(
    statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples
) -> tuple[Figure, ...]:
    """A statistic of each game with its interval and its null; it gives (G, R)."""
    samples = _Samples.of(statistic, ours, theirs, resamples)
    degrees, complete = resamples.degrees_of_a_game, resamples.exchanges.complete
    return tuple(samples.of_game(game).figure(degrees, complete) for game in range(len(ours)))


def estimate_curve(statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> Curve:
    """A statistic over all games at each point of time; of no games, undefined everywhere.

    The degrees of freedom are those at the end.

    Args:
        statistic: gives (R,).
        ours, theirs: float (G, S, T).
        resamples: of these games and seeds.
    """
    if not len(ours):
        nothing = (None,) * ours.shape[-1]
        return Curve(**dict.fromkeys(Curve.model_fields, nothing))
    ours, theirs = np.moveaxis(ours, -1, 0), np.moveaxis(theirs, -1, 0)
    degrees = _Samples.of(statistic, ours[-1], theirs[-1], resamples).degrees(resamples.degrees)
    rows = []
    for our, their in zip(ours, theirs, strict=True):
        seen, drawn = (
            _seen(statistic, our, their),
            statistic(Sides(our, their, resamples.ours, resamples.theirs)),
        )
        null = _defined(statistic(Sides(their, their, *resamples.null)))
        known = bool(seen[1][0])
        rows.append(
            (
                float(seen[0][0]) if known else None,
                *(interval(_defined(drawn), degrees) if known and drawn[1].any() else (None, None)),
                *(np.quantile(null, [0.05, 0.95]).tolist() if len(null) else (None, None)),
            )
        )
    return Curve(**dict(zip(Curve.model_fields, map(tuple, zip(*rows, strict=True)), strict=True)))


def _seen(statistic: Statistic, ours: Floats, theirs: Floats) -> Sampled:
    return statistic(Sides(ours, theirs, _equal(ours), _equal(theirs)))


def _equal(values: Floats) -> Floats:
    """Every seed counts alike: float (G, 1, S)."""
    return np.full((values.shape[0], 1, values.shape[1]), 1 / values.shape[1])


def _defined(samples: Sampled) -> Floats:
    return samples[0][samples[1]]


class _Samples(NamedTuple):
    """A statistic as seen and in all resamples, each with where it is defined."""

    seen: Sampled
    bootstrapped: Sampled
    null: Sampled
    exchanged: Sampled
    parts: tuple[Sampled, ...]

    @classmethod
    def of(cls, statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> _Samples:
        both = np.concatenate([ours, theirs], axis=1)
        return cls(
            seen=_seen(statistic, ours, theirs),
            bootstrapped=statistic(Sides(ours, theirs, resamples.ours, resamples.theirs)),
            null=statistic(Sides(theirs, theirs, *resamples.null)),
            exchanged=statistic(Sides(both, both, resamples.exchanges.one, resamples.exchanges.other)),
            parts=tuple(statistic(Sides(ours, theirs, *weights)) for weights in resamples.parts()),
        )

    def of_game(self, game: int) -> _Samples:
        def own(sampled: Sampled) -> Sampled:
            return sampled[0][game], sampled[1][game]

        return _Samples(
            own(self.seen),
            own(self.bootstrapped),
            own(self.null),
            own(self.exchanged),
            tuple(map(own, self.parts)),
        )

    def degrees(self, own: tuple[int, ...]) -> float:
        known = [
            (_defined(part), degrees) for part, degrees in zip(self.parts, own, strict=True) if part[1].any()
        ]
        return degrees_of_freedom(known) if known else float(sum(own))

    def figure(self, own: tuple[int, ...], complete: bool) -> Figure:
        if not self.seen[1][0]:
            return UNDEFINED
        value, degrees = float(self.seen[0][0]), self.degrees(own)
        drawn, null, exchanged = map(_defined, (self.bootstrapped, self.null, self.exchanged))
        ends = interval(drawn, degrees) if len(drawn) else None
        effect = minimum_detectable_effect(drawn, degrees) if len(drawn) else None
        return Figure(
            value=value,
            interval=Interval(low=ends[0], high=ends[1]) if ends else None,
            null=_null(null, p_value(value, exchanged, complete), effect) if len(null) else None,
        )


def _null(samples: Floats, p: float, effect: float | None) -> Null:
    low, median, high = np.quantile(samples, [0.05, 0.5, 0.95]).tolist()
    return Null(low=low, median=median, high=high, p_value=p, minimum_detectable_effect=effect)
