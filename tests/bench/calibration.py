"""Do the intervals cover, and are p-values uniform? Simulated benchmarks of known truth; ``make calibration``.

A design is an edition's shape (folds, seeds), an effect of pre-training, the spread of the checkpoints' own
effects, which the games of a fold share, and the correlation of runs of one seed, which games and arms share.
Its games are, in turn, mildly skewed, strongly skewed, and of rare rewards; none has negative ones, since such
games enter no figure over all games. The truth is taken from very many seeds; then whole benchmarks are drawn
and estimated as real ones are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import gamma, kstest, norm

from suite.machine import available_cores
from suite.scoring.arrays import Floats
from suite.scoring.draws import draw_pairs, draw_single_games
from suite.scoring.estimates import Figure, estimate, estimate_each
from suite.scoring.measures import contrast, interquartile_mean, mean_over_folds, ratio
from suite.scoring.resampling import DRAWS
from suite.scoring.statistics import Statistic, contrast_iqm, contrasts, mean_ratio, mean_win_probability

BENCHMARKS = 400
GAME_SETS = 20
"""Sets of games that the benchmarks of a design are divided among, so that no single set decides."""
_TRUTH_DRAWS = 1_000_000
"""Rewards of an arm, over all games, that the truth of a set of games is taken from."""
_KINDS = 3
_EFFECTS = np.linspace(0.0, 3.0, 25)
"""The effects for which the true contrast is computed; between them it is interpolated."""

_DRAWS = DRAWS._replace(exchanges=2000)
"""Published p-values count all exchanges; drawn ones are as good here, and faster."""


class Design(NamedTuple):
    """A design of simulated benchmarks.

    Attributes:
        name: of the row.
        folds: (G,), the fold of each game.
        seeds: of each arm.
        effect: mean effect of pre-training on the logarithm of the reward; games differ by half of it.
        cluster: standard deviation of a checkpoint's own effect, shared by the games of a fold and seed, on the
            logarithm of the reward; the mean reward is that without it.
        correlation: of the (normal) luck of runs of one seed, over all games and both arms.
        common: the share of the variance of checkpoints' own effects that those of one seed have in common.
    """

    name: str
    folds: tuple[int, ...]
    seeds: int
    effect: float = 0.0
    cluster: float = 0.0
    correlation: float = 0.0
    common: float = 0.0


SMOKE = (0, 1, 2)
LITE = (0, 0, 1, 1, 2, 2, 3, 3)
FULL = tuple(fold for fold, games in enumerate((13, 13, 13, 12, 12)) for _ in range(games))
DESIGNS = tuple(
    Design(f"{edition}, {name}", folds, seeds, effect * strength, cluster, correlation)
    for edition, folds, seeds, strength in (
        ("smoke", SMOKE, 2, 0.5),
        ("lite", LITE, 4, 0.5),
        ("full", FULL, 3, 0.3),
    )
    for name, effect, cluster, correlation in (
        ("no effect", 0, 0.0, 0.0),
        ("no effect, seeds correlated", 0, 0.0, 0.2),
        ("clusters only", 0, 0.3, 0.0),
        ("effect, clusters", 1, 0.3, 0.0),
        ("effect, clusters, seeds correlated", 1, 0.3, 0.2),
    )
) + tuple(
    Design(f"lite, {name}", LITE, 4, cluster=cluster, common=common)
    for name, cluster, common in (
        ("larger clusters only", 0.6, 0.0),
        ("clusters alike in all folds", 0.3, 2 / 3),
        ("larger clusters alike in all folds", 0.6, 2 / 3),
    )
)


class Calibration(NamedTuple):
    """The results of many benchmarks of one design.

    Attributes:
        coverage: by statistic, how often the 95 % interval held the truth.
        game_coverage: the same for the contrasts of single games.
        in_null, games_in_null: how often the contrast over all games, and that of single games, lay in its null
            range, which is to hold 90 % of those without an effect.
        p_values: float (N,), of the interquartile mean of contrasts.
        power: how often p was below 0.05 in another benchmark whose true contrast is the detectable effect that
            the first one stated; None: pre-training does something in this design.
    """

    coverage: dict[str, float]
    game_coverage: float
    in_null: float
    games_in_null: float
    p_values: Floats
    power: float | None

    @property
    def uniformity(self) -> float:
        """Kolmogorov-Smirnov p-value of the p-values being uniform."""
        return float(kstest(self.p_values, "uniform").pvalue)


_LUCK = np.linspace(-6.0, 6.0, 4001)
_SKEWED = gamma.ppf(norm.cdf(_LUCK), 0.7, scale=1 / 0.7)


def _mild(luck: Floats, effect: Floats) -> Floats:
    found: Floats = np.exp(0.4 * luck + effect)
    return found


def _skewed(luck: Floats, effect: Floats) -> Floats:
    found: Floats = np.interp(luck, _LUCK, _SKEWED) * np.exp(effect)
    return found


def _rare(luck: Floats, effect: Floats) -> Floats:
    """35 % of the runs earn nothing where there is no effect."""
    return np.floor(np.exp(0.8 * luck + 0.3 + effect))


class Games:
    """The games of a design: rewards of any number of seeds can be drawn of them."""

    def __init__(self, design: Design, generator: np.random.Generator) -> None:
        games = len(design.folds)
        self._design = design
        self._scale = np.exp(generator.normal(4, 2, games))[:, None]
        self._spread = (1 + 0.5 * generator.standard_normal(games))[:, None]

    def arms(self, seeds: int, effect: float, generator: np.random.Generator) -> tuple[Floats, Floats]:
        """Rewards of transfer and of fresh runs, float (G, S) each."""
        folds = np.asarray(self._design.folds)
        shared = self._checkpoints(seeds, generator)[folds]
        of_seed = generator.standard_normal((1, seeds))
        transfer = self._draw(effect * self._spread + shared, of_seed, generator)
        return transfer, self._draw(np.zeros_like(shared), of_seed, generator)

    def _checkpoints(self, seeds: int, generator: np.random.Generator) -> Floats:
        """The own effects of checkpoints, float (folds, S)."""
        cluster, common = self._design.cluster, self._design.common
        own = generator.standard_normal((max(self._design.folds) + 1, seeds))
        if common:
            own = np.sqrt(common) * generator.standard_normal((1, seeds)) + np.sqrt(1 - common) * own
        found: Floats = cluster * own - cluster**2 / 2
        return found

    def _draw(self, effect: Floats, of_seed: Floats, generator: np.random.Generator) -> Floats:
        share = self._design.correlation
        luck = np.sqrt(share) * of_seed + np.sqrt(1 - share) * generator.standard_normal(effect.shape)
        rewards = np.empty_like(luck)
        for kind, reward in enumerate((_mild, _skewed, _rare)):
            rewards[kind::_KINDS] = reward(luck[kind::_KINDS], effect[kind::_KINDS])
        scaled: Floats = self._scale * rewards
        return scaled


def statistics(folds: Sequence[int]) -> dict[str, Statistic]:
    """The statistics that are estimated over all games, by name."""
    return {
        "contrast": contrast_iqm,
        "win probability": mean_win_probability,
        "ratio r": mean_ratio(folds),
    }


class Truth(NamedTuple):
    """The true values of a design.

    Attributes:
        values: of each statistic.
        contrasts: of each game, float (G,).
        by_effect: the interquartile mean of contrasts at each of ``_EFFECTS``.
    """

    values: dict[str, float]
    contrasts: Floats
    by_effect: Floats

    @classmethod
    def of(cls, games: Games, design: Design, generator: np.random.Generator) -> Truth:
        runs = _TRUTH_DRAWS // len(design.folds)
        transfer, fresh = games.arms(runs, design.effect, generator)
        means = transfer.mean(axis=1), fresh.mean(axis=1)
        kappa = contrast(*means)
        # Of S x S pairs of runs, one in S shares its seed.
        together, apart = _wins(transfer, fresh), _wins(np.roll(transfer, 1, axis=1), fresh)
        values = {
            "contrast": float(interquartile_mean(kappa)),
            "win probability": together / design.seeds + apart * (1 - 1 / design.seeds),
            "ratio r": float(mean_over_folds(ratio(*means), design.folds).values),
        }
        by_effect = []
        for effect in _EFFECTS if design.effect == design.cluster == 0 else ():
            arms = games.arms(runs // 20, float(effect), generator)
            by_effect.append(interquartile_mean(contrast(*(arm.mean(axis=1) for arm in arms))))
        return cls(values, kappa, np.array(by_effect))


def _wins(transfer: Floats, fresh: Floats) -> float:
    return float(((transfer > fresh) + 0.5 * (transfer == fresh)).mean())


def simulate(design: Design, benchmarks: int, seed: int) -> Calibration:
    """Draw and estimate many benchmarks of one design."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    trials = []
    for place in range(GAME_SETS):
        games = Games(design, generator)
        truth = Truth.of(games, design, generator)
        share = len(range(place, benchmarks, GAME_SETS))
        trials += [_trial(games, design, truth, generator) for _ in range(share)]
    found = [trial.found for trial in trials if trial.found is not None]
    return Calibration(
        {name: float(np.mean([trial.held[name] for trial in trials])) for name in statistics(design.folds)},
        float(np.mean([trial.held_games for trial in trials])),
        float(np.mean([trial.in_null for trial in trials])),
        float(np.mean([trial.games_in_null for trial in trials])),
        np.array([trial.p_value for trial in trials]),
        float(np.mean(found)) if found else None,
    )


class _Trial(NamedTuple):
    """The results of one benchmark.

    Attributes:
        held: which intervals over all games held the truth.
        held_games: the share of single games whose interval did.
        in_null: whether the contrast over all games lay in its null range.
        games_in_null: the share of single games whose contrast did.
        p_value: of the contrast.
        found: whether the detectable effect that it stated was found in another one.
    """

    held: dict[str, bool]
    held_games: float
    in_null: bool
    games_in_null: float
    p_value: float
    found: bool | None


def _trial(games: Games, design: Design, truth: Truth, generator: np.random.Generator) -> _Trial:
    transfer, fresh = games.arms(design.seeds, design.effect, generator)
    pairs = draw_pairs(design.folds, design.seeds, _DRAWS, generator)
    figures = {
        name: estimate(statistic, transfer, fresh, pairs)
        for name, statistic in statistics(design.folds).items()
    }
    null = figures["contrast"].null
    assert null
    found, stated = None, null.minimum_detectable_effect
    if len(truth.by_effect) and stated is not None:
        effect = float(np.interp(stated, truth.by_effect, _EFFECTS))
        found = _is_found(games, design, effect, generator)
    single = draw_single_games(len(fresh), design.seeds, _DRAWS, generator)
    of_games = estimate_each(contrasts, transfer, fresh, single)
    return _Trial(
        {name: _holds(figure, truth.values[name]) for name, figure in figures.items()},
        float(np.mean([_holds(figure, true) for figure, true in zip(of_games, truth.contrasts, strict=True)])),
        _is_in_null(figures["contrast"]),
        float(np.mean([_is_in_null(figure) for figure in of_games])),
        null.p_value,
        found,
    )


def _holds(figure: Figure, true: float) -> bool:
    return figure.interval is not None and figure.interval.low <= true <= figure.interval.high


def _is_in_null(figure: Figure) -> bool:
    return (
        figure.null is not None
        and figure.value is not None
        and figure.null.low <= figure.value <= figure.null.high
    )


def _is_found(games: Games, design: Design, effect: float, generator: np.random.Generator) -> bool:
    """True if p is below 0.05 in one benchmark with an effect."""
    arms = games.arms(design.seeds, effect, generator)
    pairs = draw_pairs(design.folds, design.seeds, _DRAWS, generator)
    null = estimate(contrast_iqm, *arms, pairs).null
    assert null
    return null.p_value < 0.05


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate every design, side by side, and print the table of the docs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", type=int, default=BENCHMARKS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    table = Table(title=f"{options.benchmarks} benchmarks per design, seed {options.seed}")
    table.add_column("design")
    for column in [
        *statistics(SMOKE),
        "one game",
        "in null range",
        "one game",
        "p < 0.05",
        "p uniform",
        "power",
    ]:
        table.add_column(column, justify="right")
    with ProcessPoolExecutor(available_cores()) as pool:
        job = partial(simulate, benchmarks=options.benchmarks, seed=options.seed)
        for design, found in zip(DESIGNS, pool.map(job, DESIGNS), strict=True):
            known = design.effect == design.cluster == 0
            in_null = [found.in_null, found.games_in_null] if known else [None, None]
            shares = [*found.coverage.values(), found.game_coverage, *in_null]
            table.add_row(
                design.name,
                *("" if share is None else f"{100 * share:.1f} %" for share in shares),
                f"{100 * (found.p_values < 0.05).mean():.1f} %",
                f"{found.uniformity:.2f}" if known else "",
                "" if found.power is None else f"{100 * found.power:.1f} %",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
