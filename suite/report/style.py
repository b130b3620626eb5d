"""The look of figures, and their way into files and pages; the same numbers give the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protocol import StoreError
from suite.results.writing import write_file

INK, MUTED, LINE = "#1f2328", "#5d6670", "#d3d9df"
FRESH, TRANSFER, GENERALIST, PRETRAIN, NULL = "#2060a0", "#b8450f", "#1a7a3c", "#7440b8", "#7f8891"
HEADS = ("#7a1f4f", "#b34d82", "#d68bb0", "#ecc4d8")
"""Each colour has one meaning on the whole page: an arm, the null, or a head."""
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    FRESH: "--fresh",
    TRANSFER: "--transfer",
    GENERALIST: "--generalist",
    PRETRAIN: "--pretrain",
    NULL: "--null",
    **{colour: f"--head{letter}" for colour, letter in zip(HEADS, "abcd", strict=True)},
}
"""On a page each colour is a CSS variable, so that it follows the page's light or dark scheme."""
WIDTH_INCHES = 3.7
"""Of every figure: as wide as a phone's screen, so that type has one size wherever a figure stands."""
TYPE_POINTS = 9
_SETTINGS: Any = {  # names of matplotlib, which types them one by one
    "font.size": TYPE_POINTS,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": TYPE_POINTS,
    "axes.labelsize": TYPE_POINTS,
    "xtick.labelsize": TYPE_POINTS,
    "ytick.labelsize": TYPE_POINTS,
    "figure.labelsize": TYPE_POINTS,
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollar signs is a name
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": TYPE_POINTS,
    "legend.columnspacing": 1.0,
    "legend.handlelength": 1.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "amtlb",
}


class Drawing(NamedTuple):
    """A figure and what is said of it.

    Attributes:
        name: of its files and of its place in a page.
        caption: under it.
        alternative: for those who do not see it.
        figure: what is drawn.
    """

    name: str
    caption: str
    alternative: str
    figure: Figure


@contextmanager
def styled() -> Iterator[None]:
    """Figures drawn or saved inside have the project's style, whatever the user's is."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def new_figure(height_inches: float) -> tuple[Figure, Axes]:
    """An empty figure with one panel."""
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    return figure, figure.subplots()


def save(figure: Figure, path: Path) -> None:
    """Write a figure on white ground, as .svg or .png; raises StoreError where that cannot be done."""
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    image = io.BytesIO()
    with styled():
        try:
            form = path.suffix.removeprefix(".")
            figure.savefig(image, format=form, dpi=200, facecolor="white", metadata=metadata)
        except ValueError as error:
            raise StoreError(f"the figure {path} cannot be written ({error}); name an .svg or .png") from error
    write_file(path, image.getvalue())


def inline_svg(drawing: Drawing) -> str:
    """A figure as a part of an HTML page: its ids are its own, its colours the page's, its text text."""
    text = io.StringIO()
    with styled():
        drawing.figure.savefig(text, format="svg", facecolor="none", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    own = re.sub(r"[^A-Za-z0-9_]+", "-", drawing.name)  # what a reference can name
    svg = re.sub(r'(?<=\bid=")', f"{own}-", svg)
    svg = re.sub(r'(?<=url\(#)|(?<=href="#)', f"{own}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    label = escape(drawing.alternative, quote=True)
    svg = re.sub(r'(<svg [^>]*?)\bheight="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)\bwidth="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
