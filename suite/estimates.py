"""A figure beside its interval and its null: what every score is published as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocol import Frozen
from suite.resampling import (
    bootstrap_weights,
    degrees_of_freedom,
    exchanged_weights,
    interval,
    minimum_detectable_effect,
    null_weights,
    p_value,
)
from suite.scoring import Floats
from suite.statistics import Sampled, Sides, Statistic


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
        exchanged: both sides over the seeds of ours, then of theirs, float (G, R, 2 S) each.
        our_clusters, their_clusters: (G,), see ``draw_resamples``.
    """

    ours: Floats
    theirs: Floats
    null: tuple[Floats, Floats]
    exchanged: tuple[Floats, Floats]
    our_clusters: tuple[int, ...]
    their_clusters: tuple[int, ...]

    @property
    def degrees(self) -> tuple[int, int]:
        """Degrees of freedom of ours and of theirs, over all games."""
        spare_seeds = self.ours.shape[-1] - 1
        return len(set(self.our_clusters)) * spare_seeds, len(set(self.their_clusters)) * spare_seeds

    def of_games(self, places: Sequence[int]) -> Resamples:
        """The same draws for some of the games."""
        chosen = list(places)
        return Resamples(
            self.ours[chosen],
            self.theirs[chosen],
            (self.null[0][chosen], self.null[1][chosen]),
            (self.exchanged[0][chosen], self.exchanged[1][chosen]),
            tuple(self.our_clusters[place] for place in chosen),
            tuple(self.their_clusters[place] for place in chosen),
        )


def draw_resamples(
    our_clusters: Sequence[int],
    their_clusters: Sequence[int],
    seeds: int,
    resamples: int,
    generator: np.random.Generator,
) -> Resamples:
    """Draw all resamples of a comparison of S seeds a side.

    Args:
        our_clusters: (G,); of our runs, those of one seed in games of one number share weights that were
            trained before or elsewhere, and are drawn together. ``range(G)``: every run stands alone.
        their_clusters: (G,), the same of theirs.
        seeds: S, at least 2.
        resamples: R.
        generator: of the draws.
    """
    return Resamples(
        ours=bootstrap_weights(our_clusters, seeds, resamples, generator),
        theirs=bootstrap_weights(their_clusters, seeds, resamples, generator),
        null=null_weights(their_clusters, seeds, resamples, generator),
        exchanged=exchanged_weights(our_clusters, seeds, resamples, generator),
        our_clusters=tuple(our_clusters),
        their_clusters=tuple(their_clusters),
    )


def estimate(statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> Figure:
    """A statistic over all games with its interval and its null.

    Args:
        statistic: gives (R,).
        ours, theirs: float (G, S).
        resamples: of these games and seeds.
    """
    samples = _Samples.of(statistic, ours, theirs, resamples)
    return samples.figure(resamples.degrees)


def estimate_each(
    statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples
) -> tuple[Figure, ...]:
    """A statistic of each game with its interval and its null; it gives (G, R)."""
    samples = _Samples.of(statistic, ours, theirs, resamples)
    seeds = ours.shape[1]
    return tuple(samples.of_game(game).figure((seeds - 1, seeds - 1)) for game in range(len(ours)))


def estimate_curve(statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> Curve:
    """A statistic over all games at each point of time.

    The degrees of freedom are those at the end.

    Args:
        statistic: gives (R,).
        ours, theirs: float (G, S, T).
        resamples: of these games and seeds.
    """
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
    ours_only: Sampled
    theirs_only: Sampled
    null: Sampled
    exchanged: Sampled

    @classmethod
    def of(cls, statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> _Samples:
        both = np.concatenate([ours, theirs], axis=1)
        return cls(
            seen=_seen(statistic, ours, theirs),
            bootstrapped=statistic(Sides(ours, theirs, resamples.ours, resamples.theirs)),
            ours_only=statistic(Sides(ours, theirs, resamples.ours, _equal(theirs))),
            theirs_only=statistic(Sides(ours, theirs, _equal(ours), resamples.theirs)),
            null=statistic(Sides(theirs, theirs, *resamples.null)),
            exchanged=statistic(Sides(both, both, *resamples.exchanged)),
        )

    def of_game(self, game: int) -> _Samples:
        return _Samples(*((values[game], defined[game]) for values, defined in self))

    def degrees(self, own: tuple[int, int]) -> float:
        parts = [_defined(self.ours_only), _defined(self.theirs_only)]
        known = [(part, degrees) for part, degrees in zip(parts, own, strict=True) if len(part)]
        return degrees_of_freedom(known) if known else float(sum(own))

    def figure(self, own: tuple[int, int]) -> Figure:
        if not self.seen[1][0]:
            return Figure(value=None, interval=None, null=None)
        value, degrees = float(self.seen[0][0]), self.degrees(own)
        drawn, null, exchanged = map(_defined, (self.bootstrapped, self.null, self.exchanged))
        ends = interval(drawn, degrees) if len(drawn) else None
        effect = minimum_detectable_effect(drawn, degrees) if len(drawn) else None
        return Figure(
            value=value,
            interval=Interval(low=ends[0], high=ends[1]) if ends else None,
            null=_null(null, p_value(value, exchanged), effect) if len(null) else None,
        )


def _null(samples: Floats, p: float, effect: float | None) -> Null:
    low, median, high = np.quantile(samples, [0.05, 0.5, 0.95]).tolist()
    return Null(low=low, median=median, high=high, p_value=p, minimum_detectable_effect=effect)
