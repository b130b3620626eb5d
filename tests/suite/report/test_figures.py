"""Figures: what is drawn is what was scored."""

import re

import numpy as np
import pytest

from suite.report.figures import draw_curve, draw_head_use, extremes_in_words, learning_rates
from suite.report.forests import Axis, ForestRow, draw_forest
from suite.report.style import FRESH, GENERALIST, HEADS, NULL, PRETRAIN, TRANSFER, TYPE_POINTS, save
from suite.results.head_use import PARTS, HeadUse
from suite.scoring.estimates import Curve, Figure, Interval, Null

CONTRAST = Axis("contrast", 0.0)


def figure(value: float) -> Figure:
    null = Null(low=-0.1, median=0.0, high=0.1, p_value=0.5, minimum_detectable_effect=0.2)
    return Figure(value=value, interval=Interval(low=value - 0.1, high=value + 0.1), null=null)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((0.2, None, 0.5), "the highest contrast is +0.500 in c, the lowest +0.200 in a"),
        ((-0.2, None, -0.5), "the highest contrast is -0.200 in a, the lowest -0.500 in c"),
        ((None, None), "no contrast is defined"),
    ],
)
def test_the_words_beside_a_forest_name_defined_extremes(values, told):
    """A game whose contrast is undefined is neither the highest nor the lowest."""
    empty = Figure(value=None, interval=None, null=None)
    rows = [
        ForestRow(name, empty if value is None else figure(value))
        for name, value in zip("abc", values, strict=False)
    ]
    assert extremes_in_words(rows) == told


def test_learning_rates_by_hand():
    """10 points in the first of twenty parts of 1,000 steps are 200 per 1,000, then none, then 5 at the end."""
    curve = np.full((1, 100), 10.0)
    curve[0, -1] = 15.0
    rates = learning_rates(curve, budget_steps=1000)
    assert rates.shape == (1, 20)
    assert rates[0].tolist() == [200.0, *[0.0] * 18, 100.0]


def test_a_forest_stands_from_the_best_down():
    """The highest figure is on top, an undefined one at the bottom, and each point is at its value."""
    empty = Figure(value=None, interval=None, null=None)
    rows = [ForestRow("low", figure(-0.5)), ForestRow("none", empty), ForestRow("top", figure(0.5))]
    rows.append(ForestRow("all", figure(0.0), over_all=True))
    panel = draw_forest(rows, CONTRAST, TRANSFER).axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["none", "low", "top", "all"]
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in panel.lines if line.get_marker() in "oD"]
    assert points == [(-0.5, 1), (0.5, 2), (0.0, 3)]
    assert panel.get_xlim()[0] == -panel.get_xlim()[1]


def test_a_flavour_has_its_name_on_two_lines():
    """Names of flavours take two lines and a higher row, so that most of the width is left for the figures."""
    games, flavours = (
        draw_forest([ForestRow(name, figure(0.1)) for name in names], CONTRAST, TRANSFER)
        for names in (
            ("hero", "the_mode_of_all"),
            ("hero_mode2_difficulty0", "crazy_climber_mode11_difficulty1"),
        )
    )
    said = [[label.get_text() for label in drawn.axes[0].get_yticklabels()] for drawn in (games, flavours)]
    assert [*map(sorted, said)] == [
        ["hero", "the_mode_of_all"],
        ["crazy_climber\nmode11_difficulty1", "hero\nmode2_difficulty0"],
    ]
    assert flavours.get_figheight() > games.get_figheight()


def test_a_forest_of_many_games_keeps_its_height():
    """Without names, 60 games take no more room than 20, and the row over all games keeps its name."""
    heights = set()
    for games in (20, 60):
        rows = [ForestRow(f"game{n}", figure(n / 100)) for n in range(games)]
        drawn = draw_forest(
            [*rows, ForestRow("all", figure(0.0), over_all=True)], CONTRAST, TRANSFER, has_names=False
        )
        heights.add(drawn.get_figheight())
        assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["all"]
    assert len(heights) == 1


def test_a_panel_among_others_keeps_the_order_that_it_is_given():
    """One of several panels has a title and no legend, and its rows from the top as they are given."""
    rows = [ForestRow("b", figure(-0.5)), ForestRow("c", figure(0.5)), ForestRow("a", figure(0.0))]
    drawn = draw_forest(rows, CONTRAST, GENERALIST, panel_of="pong")
    (panel,) = drawn.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a", "c", "b"]
    assert panel.get_title() == "pong"
    assert not drawn.legends


def test_a_name_is_no_formula(tmp_path):
    """A learner's name is drawn letter by letter, dollar signs and backslashes included."""
    name = r"$\nonsense$"
    drawn = draw_forest([ForestRow(name, figure(0.1))], CONTRAST, TRANSFER, panel_of=name)
    save(drawn, tmp_path / "named.svg")
    assert name in (tmp_path / "named.svg").read_text()


def test_a_spike_of_the_null_does_not_rule_the_axis():
    """The axis holds all that follows the first quarter, and what is drawn before it is cut off."""
    early, late = [1000.0] * 25, [0.1] * 75
    series = dict.fromkeys(("values", "low"), tuple([0.0] * 100)) | {"high": tuple([None] * 20 + [0.2] * 80)}
    curve = Curve(**series, null_low=tuple([-0.1] * 100), null_high=tuple(early + late))
    low, high = draw_curve(curve, tuple(range(100)), CONTRAST).axes[0].get_ylim()
    assert -0.2 < low < -0.1
    assert 0.2 < high < 0.3
    nothing = Curve(**dict.fromkeys(Curve.model_fields, (None,) * 100))
    low, high = draw_curve(nothing, tuple(range(100)), CONTRAST).axes[0].get_ylim()
    assert low < 0 < high


def test_a_colour_has_one_meaning():
    """Arms, null and heads share no colour."""
    colours = (FRESH, TRANSFER, GENERALIST, PRETRAIN, NULL, *HEADS)
    assert len(set(colours)) == len(colours)


def test_type_has_one_size(tmp_path):
    """Every text of every kind of figure is of the same size, in figures of the same width."""
    curve = Curve(**dict.fromkeys(Curve.model_fields, tuple([-0.1] * 50 + [0.1] * 50)))
    drawn = (
        draw_forest([ForestRow("game", figure(-0.1))], CONTRAST, TRANSFER),
        draw_curve(curve, tuple(range(0, 100_000, 1000)), CONTRAST),
        draw_head_use(HeadUse(("pong", "qbert"), np.full((2, PARTS, 2), 0.5))),
    )
    sizes, widths = set(), set()
    for picture in drawn:
        save(picture, tmp_path / "figure.svg")
        text = (tmp_path / "figure.svg").read_text()
        sizes |= set(re.findall(r"font: (?:\w+ )*?([\d.]+)px", text)) | set(
            re.findall(r"font-size: ([\d.]+)px", text)
        )
        widths.add(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
        assert not re.search(r">-[\d.]", text)
    assert sizes == {str(TYPE_POINTS)}
    assert len(widths) == 1


def test_head_use_has_a_panel_a_game(tmp_path):
    """Each game has its panel; the same numbers draw the same bytes."""
    use = HeadUse(("pong", "qbert"), np.full((2, PARTS, 2), 0.5))
    drawn = draw_head_use(use)
    assert [panel.get_title() for panel in drawn.axes if panel.get_title()] == ["pong", "qbert"]
    for name in ("one.svg", "two.svg"):
        save(draw_head_use(use), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_ten_heads_are_told_apart():
    """More heads than colours differ by their hatching, and their legend stays within four columns."""
    drawn = draw_head_use(HeadUse(("pong",), np.full((1, PARTS, 10), 0.1)))
    areas = drawn.axes[0].collections
    assert len({(area.get_facecolor().tobytes(), area.get_hatch()) for area in areas}) == 10
    assert drawn.legends[0]._ncols == 4


@pytest.mark.parametrize("setting", ["font.size: 30", "axes.facecolor: red"])
def test_a_users_settings_change_nothing(tmp_path, setting, monkeypatch):
    """Figures look alike whatever the user's matplotlib is set to."""
    import matplotlib

    save(draw_forest([ForestRow("game", figure(0.1))], CONTRAST, TRANSFER), tmp_path / "one.svg")
    key, _, value = setting.partition(": ")
    with matplotlib.rc_context({key: float(value) if value.isdigit() else value}):
        save(draw_forest([ForestRow("game", figure(0.1))], CONTRAST, TRANSFER), tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
