"""Figures: what is drawn is what was scored."""

import numpy as np
import pytest

from suite.report.figures import draw_forest, draw_head_use, learning_rates
from suite.report.style import save
from suite.results.head_use import PARTS, HeadUse
from suite.scoring.estimates import Figure, Interval, Null


def figure(value: float) -> Figure:
    null = Null(low=-0.1, median=0.0, high=0.1, p_value=0.5, minimum_detectable_effect=0.2)
    return Figure(value=value, interval=Interval(low=value - 0.1, high=value + 0.1), null=null)


def test_learning_rates_by_hand():
    """10 points in the first of twenty parts of 1,000 steps are 200 per 1,000, then none, then 5 at the end."""
    curve = np.full((1, 100), 10.0)
    curve[0, -1] = 15.0
    rates = learning_rates(curve, budget_steps=1000)
    assert rates.shape == (1, 20)
    assert rates[0].tolist() == [200.0, *[0.0] * 18, 100.0]


def test_a_forest_stands_from_the_best_down():
    """The highest figure is on top, an undefined one at the bottom, and each point is at its value."""
    rows = [("low", figure(-0.5)), ("none", Figure(value=None, interval=None, null=None)), ("top", figure(0.5))]
    panel = draw_forest(rows, "contrast").axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["none", "low", "top"]
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in panel.lines if line.get_marker() == "o"]
    assert points == [(-0.5, 1), (0.5, 2)]


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

    save(draw_forest([("game", figure(0.1))], "contrast"), tmp_path / "one.svg")
    key, _, value = setting.partition(": ")
    with matplotlib.rc_context({key: float(value) if value.isdigit() else value}):
        save(draw_forest([("game", figure(0.1))], "contrast"), tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
