"""The figures of a report, each drawn from scores or outcomes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from suite.report.forests import Axis, ForestRow, draw_forest
from suite.report.numbers import plain, signed, with_null
from suite.report.style import (
    FRESH,
    GENERALIST,
    HEADS,
    INK,
    NULL,
    PRETRAIN,
    TRANSFER,
    WIDTH_INCHES,
    Drawing,
    new_figure,
    styled,
)
from suite.results.head_use import PARTS, HeadUse
from suite.scoring.arrays import Floats
from suite.scoring.curves import GRID_POINTS
from suite.scoring.estimates import Curve
from suite.scoring.outcomes import Outcomes
from suite.scoring.scores import Scores

LEARNING_BINS = 20
_HATCHES = ("", "///", "xxx", "...")


def draw_curve(curve: Curve, grid_frames: Sequence[int], axis: Axis) -> Picture:
    """A measure over the frames of a game, with its 95 % interval and its null's 5 to 95 %."""
    with styled():
        figure, panel = new_figure(2.5)
        at = np.asarray(grid_frames)
        _band(panel, at, curve.null_low, curve.null_high, NULL, "null, 5 to 95 %", 0.3)
        _band(panel, at, curve.low, curve.high, TRANSFER, "95 % interval", 0.25)
        panel.plot(at, _gaps(curve.values), color=TRANSFER, label=axis.name, linewidth=1.4)
        panel.axhline(axis.of_nothing, color=INK, linewidth=0.8, linestyle=":")
        panel.set(xlabel="frames of a game", ylabel=axis.name, xlim=(0, at[-1]))
        panel.set_ylim(_curve_limits(curve, axis))
        panel.xaxis.set_major_formatter(_frames)
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def _curve_limits(curve: Curve, axis: Axis) -> tuple[float, float]:
    """The axis of a curve: wide enough for all that comes after the first quarter of the frames.

    Early on little is earned, so that contrasts and ratios, and above all their null, go to extremes; these are
    cut off.
    """
    late = [series[GRID_POINTS // 4 :] for _, series in curve]
    found = [value for series in late for value in series if value is not None] + [axis.of_nothing]
    low, high = min(found), max(found)
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def _gaps(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values])


def _band(
    panel: Axes,
    at: np.ndarray,
    low: Sequence[float | None],
    high: Sequence[float | None],
    colour: str,
    label: str,
    alpha: float,
) -> None:
    panel.fill_between(at, _gaps(low), _gaps(high), color=colour, alpha=alpha, linewidth=0, label=label)


def _frames(frames: float, _: object) -> str:
    if frames >= 1e6:
        return f"{frames / 1e6:g}M"
    return f"{frames / 1e3:g}k" if frames >= 1e3 else f"{frames:g}"


def learning_rates(curves: Floats, budget_steps: int) -> Floats:
    """Game points per 1,000 agent steps in each of LEARNING_BINS parts: float (S, 100) gives (S, bins)."""
    width = GRID_POINTS // LEARNING_BINS
    ends = np.concatenate([np.zeros((len(curves), 1)), curves[:, width - 1 :: width]], axis=1)
    rates: Floats = np.diff(ends, axis=1) * (1000 * LEARNING_BINS / budget_steps)
    return rates


def _arms(outcomes: Outcomes) -> dict[str, tuple[str, Floats]]:
    """By name, each arm's colour and curves, float (G, S, 100)."""
    return {
        "fresh": (FRESH, outcomes.curves.fresh),
        "pre-trained": (TRANSFER, outcomes.curves.transfer),
        "pre-training": (PRETRAIN, outcomes.pretrain_curves),
        "generalist": (GENERALIST, outcomes.curves.generalist),
    }


def draw_learning(
    outcomes: Outcomes, place: int, title: str, limits: tuple[float, float] | None = None
) -> Picture:
    """One game's learning curves: mean over seeds of each arm, on the range of the seeds.

    Args:
        outcomes: of a learner.
        place: of the game in them.
        title: of the figure.
        limits: of the axis, in points per 1,000 agent steps; None: as wide as what is shown.
    """
    width = outcomes.edition.budget_frames / LEARNING_BINS
    with styled():
        figure, panel = new_figure(2.6)
        at = (np.arange(LEARNING_BINS) + 0.5) * width
        for name, (colour, curves) in _arms(outcomes).items():
            rates = learning_rates(curves[place], outcomes.budget_steps)
            panel.fill_between(at, rates.min(axis=0), rates.max(axis=0), color=colour, alpha=0.15, linewidth=0)
            panel.plot(at, rates.mean(axis=0), color=colour, label=name, linewidth=1.2)
        panel.set(title=title, xlabel="frames of the game", ylabel="points / 1,000 steps", ylim=limits)
        panel.xaxis.set_major_formatter(_frames)
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def draw_head_use(use: HeadUse) -> Picture:
    """One panel per game: the heads' weights, stacked, over the game's frames."""
    columns = min(len(use.games), 2)
    rows = -(-len(use.games) // columns)
    heads = use.weights.shape[2]
    middles = (np.arange(PARTS) + 0.5) * 100 / PARTS
    with styled():
        figure = Picture(figsize=(WIDTH_INCHES, 1.3 * rows + 0.7), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for panel, game, weights in zip(panels, use.games, use.weights, strict=False):
            colours = [HEADS[head % len(HEADS)] for head in range(heads)]
            areas = panel.stackplot(middles, weights.T, colors=colours, edgecolor=INK, linewidth=0.4)
            for head, area in enumerate(areas):
                area.set_hatch(_HATCHES[head // len(HEADS) % len(_HATCHES)])
            panel.set(title=game, xlim=(middles[0], middles[-1]), ylim=(0, 1))
            panel.grid(visible=False)
        for panel in panels[len(use.games) :]:
            panel.set_axis_off()
        figure.supxlabel("% of the game's frames")
        figure.supylabel("weight in the gate")
        names = [f"head {head}" for head in range(heads)]
        figure.legend(areas, names, loc="outside upper left", ncols=min(heads, len(HEADS)))
    return figure


def transfer_drawings(scores: Scores) -> list[Drawing]:
    """The contrast and the ratio over time."""
    transfer = scores.transfer
    return [
        Drawing(
            "contrast_curve",
            "Transfer contrast of what was earned so far: interquartile mean over games. 0: no transfer. The "
            "axis is as wide as what follows the first quarter of the frames.",
            f"Line of the transfer contrast over frames; it ends at {with_null(transfer.contrast, signed)}.",
            draw_curve(transfer.contrast_curve, transfer.grid_frames, Axis("contrast", 0.0)),
        ),
        Drawing(
            "ratio_curve",
            "Transfer ratio r(t): reward of pre-trained over fresh runs so far, mean over folds. It means "
            "something only where it leaves its null; its interval is too narrow where games come near 0.",
            f"Line of the transfer ratio over frames; it ends at {with_null(transfer.ratio, plain)}.",
            draw_curve(transfer.ratio_curve, transfer.grid_frames, Axis("ratio r(t)", 1.0)),
        ),
    ]


def transfer_by_game(scores: Scores) -> Drawing:
    """The contrast of each held-out game, named."""
    rows = [ForestRow(game.game, game.contrast) for game in scores.transfer.games]
    return Drawing(
        "transfer_by_game",
        "Transfer contrast of each held-out game. A single game of few seeds gives a hint only.",
        f"One line per game; {extremes_in_words(rows)}.",
        draw_forest(rows, Axis("transfer contrast", 0.0), TRANSFER),
    )


def multitask_by_game(scores: Scores) -> Drawing:
    """Generalist against specialist in each game, named."""
    rows = [ForestRow(game.game, game.contrast) for game in scores.multitask]
    return Drawing(
        "multitask_by_game",
        "Contrast of the generalist's mean evaluation return with the specialist's. Below 0: one set of "
        "weights for all games plays this one worse.",
        f"One line per game; {extremes_in_words(rows)}.",
        draw_forest(rows, Axis("generalist against specialist", 0.0), GENERALIST),
    )


def extremes_in_words(rows: Sequence[ForestRow]) -> str:
    """The highest and the lowest of some games' contrasts, for those who do not see the figure."""
    values = sorted((row.figure.value, row.name) for row in rows if row.figure.value is not None)
    if not values:
        return "no contrast is defined"
    worst, best = (f"{signed(value)} in {name}" for value, name in (values[0], values[-1]))
    return f"the highest contrast is {best}, the lowest {worst}"


def learning_drawings(outcomes: Outcomes) -> list[Drawing]:
    """The learning curves of each game."""
    return [learning_drawing(outcomes, place, game) for place, game in enumerate(outcomes.games)]


def learning_drawing(
    outcomes: Outcomes, place: int, title: str, limits: tuple[float, float] | None = None
) -> Drawing:
    """The learning curves of one game; arguments as for ``draw_learning``."""
    game = outcomes.games[place]
    ends = [
        f"{name} {learning_rates(curves[place], outcomes.budget_steps)[:, -1].mean():,.1f}"
        for name, (_, curves) in _arms(outcomes).items()
    ]
    return Drawing(
        f"learning_{title}",
        "",
        f"{game}: points per 1,000 steps over its frames; at the end {', '.join(ends)}.",
        draw_learning(outcomes, place, title, limits),
    )


def learning_limits(everyone: Sequence[Outcomes], place: int) -> tuple[float, float]:
    """Limits of an axis that is wide enough for the curves of one game of several learners."""
    rates = [
        learning_rates(curves[place], outcomes.budget_steps)
        for outcomes in everyone
        for _, curves in _arms(outcomes).values()
    ]
    low, high = min(one.min() for one in rates), max(one.max() for one in rates)
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def head_use_drawing(run_id: str, use: HeadUse) -> Drawing:
    """The share of each head in the games of a run."""
    shares = use.weights[:, -1].mean(axis=0)
    return Drawing(
        "head_use_" + run_id.replace("/", "_"),
        f"Weights of the heads in {run_id}, over the frames of each game; game and head share "
        f"{use.specialisation_nats:.3f} nats in the last part.",
        f"A panel for each of {len(use.games)} games with stacked areas, one per head; mean weights at the "
        f"end: {', '.join(f'head {head} {share:.2f}' for head, share in enumerate(shares))}.",
        draw_head_use(use),
    )
