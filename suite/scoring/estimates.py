"""A figure with its interval and its null, which is how every score is published."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from protocol import Frozen
from suite.scoring.arrays import Floats, Sampled
from suite.scoring.draws import Resamples
from suite.scoring.resampling import (
    degrees_of_freedom,
    equal_weights,
    interval,
    minimum_detectable_effect,
    p_value,
)
from suite.scoring.statistics import Sides, Statistic


class Interval(Frozen):
    """A 95 % interval."""

    low: float
    high: float


class Null(Frozen):
    """The distribution of the same statistic where there is no effect.

    Attributes:
        low: 5 % point of fresh runs compared with other fresh runs.
        median: 50 % point.
        high: 95 % point.
        p_value: two-sided, of exchanged arms; for one game with S seeds per side it cannot be small: at least
            1/3 for 2 seeds, 1/10 for 3.
        minimum_detectable_effect: the approximate size of a true effect that is detected in 80 % of all cases;
            None: the runs do not differ enough to estimate it.
    """

    low: float
    median: float
    high: float
    p_value: float
    minimum_detectable_effect: float | None


class Figure(Frozen):
    """One figure with its interval and its null; None means that it is undefined for these runs.

    Attributes:
        value: the figure.
        interval: its 95 % interval.
        null: the distribution of the same statistic where there is no effect.
    """

    value: float | None
    interval: Interval | None
    null: Null | None

    def excludes(self, value: float) -> bool:
        """True if there is an interval and it does not contain this value."""
        return self.interval is not None and not self.interval.low <= value <= self.interval.high


UNDEFINED = Figure(value=None, interval=None, null=None)


class Curve(Frozen):
    """A figure at each point of the grid: its value, its 95 % interval and its null's 5 and 95 % points."""

    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    null_low: tuple[float | None, ...]
    null_high: tuple[float | None, ...]


def estimate(statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> Figure:
    """A statistic over all games with its interval and its null; undefined if there are no games.

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
    """A statistic of each game with its interval and its null; the statistic gives (G, R)."""
    samples = _Samples.of(statistic, ours, theirs, resamples)
    degrees, complete = resamples.degrees_of_a_game, resamples.exchanges.complete
    return tuple(samples.of_game(game).figure(degrees, complete) for game in range(len(ours)))


def estimate_curve(statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples) -> Curve:
    """A statistic over all games at each point of time; undefined everywhere if there are no games.

    The degrees of freedom at the end are used for the whole curve.

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
    points = [
        _CurvePoint.of(statistic, our, their, resamples, degrees)
        for our, their in zip(ours, theirs, strict=True)
    ]
    return Curve(
        values=tuple(point.value for point in points),
        low=tuple(point.low for point in points),
        high=tuple(point.high for point in points),
        null_low=tuple(point.null_low for point in points),
        null_high=tuple(point.null_high for point in points),
    )


class _CurvePoint(NamedTuple):
    """The values of a ``Curve`` at one point of time."""

    value: float | None
    low: float | None
    high: float | None
    null_low: float | None
    null_high: float | None

    @classmethod
    def of(
        cls, statistic: Statistic, ours: Floats, theirs: Floats, resamples: Resamples, degrees: float
    ) -> _CurvePoint:
        seen = _seen(statistic, ours, theirs)
        drawn = statistic(Sides(ours, theirs, *resamples.bootstrapped)).known
        null = statistic(Sides(theirs, theirs, *resamples.null)).known
        value = low = high = null_low = null_high = None
        if len(seen.known):
            value = float(seen.known.item())
            if len(drawn):
                low, high = interval(drawn, degrees)
        if len(null):
            null_low, null_high = np.quantile(null, [0.05, 0.95]).tolist()
        return cls(value, low, high, null_low, null_high)


def _seen(statistic: Statistic, ours: Floats, theirs: Floats) -> Sampled:
    return statistic(Sides(ours, theirs, equal_weights(ours), equal_weights(theirs)))


class _Samples(NamedTuple):
    """A statistic as observed and in all resamples."""

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
            bootstrapped=statistic(Sides(ours, theirs, *resamples.bootstrapped)),
            null=statistic(Sides(theirs, theirs, *resamples.null)),
            exchanged=Sampled.joined(
                [statistic(Sides(both, both, *weights)) for weights in resamples.exchanges.parts()]
            ),
            parts=tuple(statistic(Sides(ours, theirs, *weights)) for weights in resamples.parts()),
        )

    def of_game(self, place: int) -> _Samples:
        return _Samples(
            seen=self.seen.of_game(place),
            bootstrapped=self.bootstrapped.of_game(place),
            null=self.null.of_game(place),
            exchanged=self.exchanged.of_game(place),
            parts=tuple(part.of_game(place) for part in self.parts),
        )

    def degrees(self, own: tuple[int, ...]) -> float:
        """Degrees of freedom of the statistic, given those of its parts."""
        known = [
            (part.known, degrees) for part, degrees in zip(self.parts, own, strict=True) if part.defined.any()
        ]
        return degrees_of_freedom(known) if known else float(sum(own))

    def figure(self, own: tuple[int, ...], complete: bool) -> Figure:
        if not len(self.seen.known):
            return UNDEFINED
        value, degrees = float(self.seen.known.item()), self.degrees(own)
        drawn, null, exchanged = self.bootstrapped.known, self.null.known, self.exchanged.known
        effect = minimum_detectable_effect(drawn, degrees) if len(drawn) else None
        return Figure(
            value=value,
            interval=_interval(drawn, degrees) if len(drawn) else None,
            null=_null(null, p_value(value, exchanged, complete), effect) if len(null) else None,
        )


def _interval(samples: Floats, degrees: float) -> Interval:
    low, high = interval(samples, degrees)
    return Interval(low=low, high=high)


def _null(samples: Floats, p: float, effect: float | None) -> Null:
    low, median, high = np.quantile(samples, [0.05, 0.5, 0.95]).tolist()
    return Null(low=low, median=median, high=high, p_value=p, minimum_detectable_effect=effect)
