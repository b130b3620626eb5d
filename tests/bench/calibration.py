"""Do the intervals cover, and are p-values uniform? Simulated benchmarks of known truth; ``make calibration``.

A design is an edition's shape (folds, seeds), an effect of pre-training and the spread of the checkpoints' own
effects, which the games of a fold share. Its games are, in turn, mildly skewed, strongly skewed, negative
throughout, and of either sign. The truth is taken from very many seeds; then whole benchmarks are drawn and
estimated as real ones are.
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
from scipy.stats import kstest

from suite.estimates import draw_resamples, estimate, estimate_each
from suite.machine import available_cores
from suite.resampling import RESAMPLES
from suite.scoring import Floats, contrast, interquartile_mean, mean_over_folds, ratio
from suite.statistics import contrast_iqm, contrast_mean, contrasts, mean_ratio, mean_win_probability

BENCHMARKS = 1000
_TRUTH_SEEDS = 200_000
_KINDS = 4


class Design(NamedTuple):
    """What is simulated.

    Attributes:
        name: of the row.
        folds: (G,), the fold of each game.
        seeds: of each arm.
        effect: mean effect of pre-training on the logarithm of the reward (on the reward itself, in units of
            the game's scale, where it has either sign); games differ by half of it.
        cluster: standard deviation of a checkpoint's own effect, shared by the games of a fold and seed.
    """

    name: str
    folds: tuple[int, ...]
    seeds: int
    effect: float
    cluster: float


SMOKE, LITE = (0, 1, 2), (0, 1, 2, 3, 4)
FULL = tuple(fold for fold, games in enumerate((13, 13, 12, 12, 12)) for _ in range(games))
DESIGNS = (
    Design("smoke, no effect", SMOKE, 2, 0.0, 0.0),
    Design("smoke, effect, clusters", SMOKE, 2, 0.5, 0.3),
    Design("lite, no effect", LITE, 5, 0.0, 0.0),
    Design("lite, effect, clusters", LITE, 5, 0.5, 0.3),
    Design("full, no effect", FULL, 3, 0.0, 0.0),
    Design("full, effect, clusters", FULL, 3, 0.3, 0.3),
    Design("full, clusters only", FULL, 3, 0.0, 0.3),
)


class Calibration(NamedTuple):
    """What was found in many benchmarks of one design.

    Attributes:
        coverage: by statistic, how often the 95 % interval held the truth.
        game_coverage: the same for the contrasts of single games.
        p_values: float (N,), of the interquartile mean of contrasts.
    """

    coverage: dict[str, float]
    game_coverage: float
    p_values: Floats

    @property
    def uniformity(self) -> float:
        """Kolmogorov-Smirnov p-value of the p-values being uniform."""
        return float(kstest(self.p_values, "uniform").pvalue)


class Games:
    """The games of a design: rewards of any number of seeds can be drawn of them."""

    def __init__(self, design: Design, generator: np.random.Generator) -> None:
        games = len(design.folds)
        self._design = design
        self._scale = np.exp(generator.normal(4, 2, games))[:, None]
        self._effect = design.effect * (1 + 0.5 * generator.standard_normal(games))[:, None]
        self._kind = (np.arange(games) % _KINDS)[:, None]

    def fresh(self, seeds: int, generator: np.random.Generator) -> Floats:
        """Rewards of fresh runs, float (G, S)."""
        return self._draw(np.zeros((len(self._design.folds), seeds)), generator)

    def transfer(self, seeds: int, generator: np.random.Generator) -> Floats:
        """Rewards of pre-trained runs, float (G, S)."""
        folds = np.asarray(self._design.folds)
        shared = self._design.cluster * generator.standard_normal((folds.max() + 1, seeds))[folds]
        return self._draw(self._effect + shared, generator)

    def _draw(self, effect: Floats, generator: np.random.Generator) -> Floats:
        noise = generator.standard_normal(effect.shape)
        mild = np.exp(0.4 * noise + effect)
        skewed = generator.gamma(0.7, 1 / 0.7, effect.shape) * np.exp(effect)
        negative = -np.exp(0.3 * noise - effect)
        either = 0.5 + 0.6 * noise + effect
        return self._scale * np.choose(self._kind, [mild, skewed, negative, either])


def statistics(folds: Sequence[int]) -> dict[str, object]:
    """What is estimated, by name."""
    return {
        "contrast, IQM": contrast_iqm,
        "contrast, mean": contrast_mean,
        "win probability": mean_win_probability,
        "ratio r": mean_ratio(folds),
    }


def truths(games: Games, design: Design, generator: np.random.Generator) -> tuple[dict[str, float], Floats]:
    """The true value of each statistic, and the true contrasts of the games, float (G,)."""
    transfer, fresh = (draw(_TRUTH_SEEDS, generator) for draw in (games.transfer, games.fresh))
    means = transfer.mean(axis=1), fresh.mean(axis=1)
    kappa = contrast(*means)
    found = {
        "contrast, IQM": float(interquartile_mean(kappa)),
        "contrast, mean": float(kappa.mean()),
        "win probability": float(((transfer > fresh) + 0.5 * (transfer == fresh)).mean()),
        "ratio r": float(mean_over_folds(*ratio(*means), design.folds)[0]),
    }
    return found, kappa


def simulate(design: Design, benchmarks: int, seed: int) -> Calibration:
    """Draw and estimate many benchmarks of one design."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    games = Games(design, generator)
    truth, kappa = truths(games, design, generator)
    held: dict[str, int] = dict.fromkeys(truth, 0)
    held_games, p_values = 0, []
    for _ in range(benchmarks):
        transfer, fresh = games.transfer(design.seeds, generator), games.fresh(design.seeds, generator)
        resamples = draw_resamples(design.folds, range(len(kappa)), design.seeds, RESAMPLES, generator)
        for name, statistic in statistics(design.folds).items():
            figure = estimate(statistic, transfer, fresh, resamples)  # type: ignore[arg-type]
            if figure.interval:
                held[name] += figure.interval.low <= truth[name] <= figure.interval.high
            if statistic is contrast_iqm:
                assert figure.null
                p_values.append(figure.null.p_value)
        for figure, true in zip(estimate_each(contrasts, transfer, fresh, resamples), kappa, strict=True):
            assert figure.interval
            held_games += figure.interval.low <= true <= figure.interval.high
    return Calibration(
        {name: count / benchmarks for name, count in held.items()},
        held_games / (benchmarks * len(kappa)),
        np.array(p_values),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate every design, side by side, and print the table of the docs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", type=int, default=BENCHMARKS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    table = Table(title=f"{options.benchmarks} benchmarks a design, seed {options.seed}")
    table.add_column("design")
    columns = [*statistics(SMOKE), "one game", "p < 0.05", "p uniform"]
    for column in columns:
        table.add_column(column, justify="right")
    with ProcessPoolExecutor(available_cores()) as pool:
        job = partial(simulate, benchmarks=options.benchmarks, seed=options.seed)
        for design, found in zip(DESIGNS, pool.map(job, DESIGNS), strict=True):
            shares = [*found.coverage.values(), found.game_coverage, (found.p_values < 0.05).mean()]
            table.add_row(design.name, *(f"{100 * share:.1f} %" for share in shares), f"{found.uniformity:.2f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
