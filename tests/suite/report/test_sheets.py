"""Tables of text: the same cells for a terminal, Markdown and CSV."""

import pytest
from rich.console import Console

from suite.report.numbers import interval_text, null_text, plain, points, signed, typeset, with_interval, with_p
from suite.report.sheets import Column, Sheet, csv_text, markdown_table
from suite.report.terminal import print_sheet
from suite.scoring.estimates import Figure, Interval, Null

COLUMNS = (Column("game", "the game", "label"), Column("score", "score"))
SHEET = Sheet(
    "a title", COLUMNS, ({"score": "1,000.0", "game": "pong"}, {"game": "qbert", "score": "undefined"})
)
EMPTY = Figure(value=None, interval=None, null=None)


def figure(value: float, low: float, high: float, p_value: float) -> Figure:
    null = Null(low=-0.1, median=0.0, high=0.1, p_value=p_value, minimum_detectable_effect=0.2)
    return Figure(value=value, interval=Interval(low=low, high=high), null=null)


def test_markdown_is_a_pipe_table():
    """The title in bold, names to the left and figures to the right."""
    lines = markdown_table(SHEET).splitlines()
    assert lines == ["**a title**", "", "| the game | score |", "| --- | ---: |", "| pong | 1,000.0 |",
                     "| qbert | undefined |"]  # fmt: skip


def test_csv_quotes_what_holds_a_comma():
    """The columns' names, then the rows, as spreadsheets read them."""
    assert csv_text(SHEET) == 'game,score\npong,"1,000.0"\nqbert,undefined\n'


def test_figures_as_text():
    """A figure with its interval and null; what is undefined says so."""
    assert with_interval(figure(0.05, -0.1, 0.2, 0.5), signed) == ("+0.050", "[-0.100, +0.200]")
    assert null_text(figure(0.05, -0.1, 0.2, 0.5), plain) == "-0.100 .. 0.100"
    assert with_interval(EMPTY, signed) == ("undefined",)
    assert with_p(figure(0.05, -0.1, 0.2, 0.5), plain) == ("0.050", "[-0.100, 0.200]", "p 0.500")
    assert interval_text(EMPTY, plain) == null_text(EMPTY, plain) == "undefined"
    assert (points(None), points(1234.56)) == ("unknown", "1,234.6")


def test_no_cell_is_markup():
    """The text of a cell is shown as it is, in a terminal and in Markdown."""
    columns = (Column("game", "[red]game", "label"), Column("score", "score"))
    hostile = Sheet("a [/b] title", columns, ({"game": "pong[/b]|x", "score": "1"},))
    console = Console(width=80)
    with console.capture() as shown:
        print_sheet(console, hostile)
    for text in ("a [/b] title", "[red]game", "pong[/b]|x"):
        assert text in shown.get()
    assert "| pong[/b]\\|x | 1 |" in markdown_table(hostile)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0.1 .. +0.1", "−0.1 .. +0.1"),
        ("[-0.100, -.2]", "[−0.100, −.2]"),
        ("2026-11-26", "2026-11-26"),
        ("seed-1, a--1, pre-trained", "seed-1, a--1, pre-trained"),
    ],
)
def test_only_numbers_have_real_minus_signs(text, expected):
    """A hyphen before a number is a minus sign; one inside a date or a name stays."""
    assert typeset(text) == expected
