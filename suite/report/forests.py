"""Forests: figures with their intervals and nulls, one below another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from protocol import FLAVOUR_NAME
from suite.report.style import INK, NULL, new_figure, styled
from suite.scoring.estimates import Figure


class Axis(NamedTuple):
    """An axis, and its value that means no effect.

    Attributes:
        name: of what is shown.
        of_nothing: the value that means no effect.
        limits: of the axis; None: as wide as what is shown.
    """

    name: str
    of_nothing: float
    limits: tuple[float, float] | None = None


class ForestRow(NamedTuple):
    """A row of a forest; ``over_all``: a figure over all games, which stands on top."""

    name: str
    figure: Figure
    over_all: bool = False


_ROW_INCHES, _TWO_LINES_INCHES = 0.22, 0.34
_FOREST_LEGEND = ("value", "95 % interval", "null, 5 to 95 %", "no effect")


def draw_forest(
    rows: Sequence[ForestRow], axis: Axis, colour: str, *, has_names: bool = True, panel_of: str = ""
) -> Picture:
    """One line per row: the figure with its 95 % interval, on its null's 5 to 95 %; from the best down.

    Args:
        rows: games or learners.
        axis: of the values.
        colour: of the arm that is measured.
        has_names: whether each row has room for its name; without, the figure's height does not depend on them.
        panel_of: what a figure is of that stands among others like it: it has this title, no legend, and the
            rows in the order in which they are given, from the top; empty: it stands alone.
    """
    from_best = sorted(
        rows, key=lambda row: (row.over_all, row.figure.value is not None, row.figure.value or 0.0)
    )
    ordered = list(reversed(rows)) if panel_of else from_best
    with styled():
        labels = [_in_lines(row.name) for row in ordered]
        inches = _TWO_LINES_INCHES if any("\n" in label for label in labels) else _ROW_INCHES
        figure, panel = new_figure((0.8 if panel_of else 1.1) + inches * len(rows) if has_names else 3.2)
        for place, row in enumerate(ordered):
            _forest_row(panel, place, row, colour, thin=not has_names)
        panel.axvline(axis.of_nothing, color=INK, linewidth=0.8, linestyle=":", label="no effect")
        named = has_names or any(row.over_all for row in rows)
        shown = [place for place, row in enumerate(ordered) if has_names or row.over_all]
        panel.set_yticks(shown, [labels[place] for place in shown], linespacing=1.1)
        panel.set(xlabel=axis.name, ylim=(-0.7, len(ordered) - 0.3), xlim=axis.limits or _around(rows, axis))
        panel.grid(axis="y", visible=False)
        if not named:
            panel.set_ylabel(f"{len(rows)} games")
        if panel_of:
            panel.set_title(panel_of)
            return figure
        handles, entries = panel.get_legend_handles_labels()
        once = dict(zip(reversed(entries), reversed(handles), strict=True))
        shown_labels = [label for label in _FOREST_LEGEND if label in once]
        figure.legend([once[label] for label in shown_labels], shown_labels, loc="outside upper left", ncols=2)
    return figure


def _in_lines(name: str) -> str:
    """A row's name; that of a flavour on two lines, since on one it takes half of the figure."""
    flavour = FLAVOUR_NAME.fullmatch(name)
    return f"{flavour['rom']}\n{name[flavour.end('rom') + 1 :]}" if flavour else name


def _forest_row(panel: Axes, place: int, row: ForestRow, colour: str, thin: bool) -> None:
    found, size = row.figure, 1.0 if thin and not row.over_all else 4.0
    if found.null:
        width = found.null.high - found.null.low
        left = found.null.low
        panel.barh(place, width, 0.6, left, color=NULL, alpha=0.35, linewidth=0, label="null, 5 to 95 %")
    if found.interval:
        ends = (found.interval.low, found.interval.high)
        panel.hlines(place, *ends, color=colour, linewidth=0.4 * size, label="95 % interval")
    if found.value is not None:
        marker = "D" if row.over_all else "o"
        panel.plot(found.value, place, marker, color=colour, markersize=size + row.over_all, label="value")


def _around(rows: Sequence[ForestRow], axis: Axis) -> tuple[float, float]:
    """Limits with no effect in the middle, wide enough for every value, interval and null."""
    found = [row.figure for row in rows if row.figure.value is not None]
    ends = [end for one in found for end in (one.interval, one.null) if end]
    reach = [abs(one.value - axis.of_nothing) for one in found if one.value is not None]
    reach += [abs(value - axis.of_nothing) for end in ends for value in (end.low, end.high)]
    half = 1.08 * max(reach, default=1.0) or 1.0
    return axis.of_nothing - half, axis.of_nothing + half
