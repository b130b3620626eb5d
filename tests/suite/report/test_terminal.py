"""Tables in terminals: whatever the width, no number is broken, and what is left out is named."""

import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from suite.report.comparison_tables import comparison_sheets
from suite.report.numbers import pieces
from suite.report.sheets import Column, Sheet
from suite.report.tables import score_sheets
from suite.report.terminal import print_sheet
from suite.scoring.claims import claims
from suite.scoring.comparison import Comparison, Duel, ScoredLearner
from suite.scoring.published import published_scores
from tests.suite.helpers import V1

WIDTHS = (80, 100, 120, 160)


def shown(sheet: Sheet, width: int) -> list[str]:
    console = Console(width=width, legacy_windows=False)
    with console.capture() as captured:
        print_sheet(console, sheet)
    return captured.get().splitlines()


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Two published baselines, from their scores; of each duel, the win probability of transfer and fresh."""
    published = published_scores(V1, "smoke")
    names = ("ppo", "uniform")
    found = dict(zip(names, claims([published[name] for name in names], published), strict=True))
    first = published["ppo"]
    wins = dict.fromkeys(("fresh", "transfer", "generalist"), first.transfer.win_probability)
    return Comparison(
        protocol_version=first.protocol_version,
        edition_digest=first.edition_digest,
        edition=first.edition,
        contenders=tuple(
            ScoredLearner(label=name, division="standard", scores=published[name], claim=found[name])
            for name in names
        ),
        duels=tuple(Duel(ours=ours, theirs=theirs, **wins) for ours, theirs in permutations(names)),
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_is_broken(comparison, width):
    """At each width every piece of a shown column stands whole on one line, and no line is too long."""
    sheets = [*comparison_sheets(comparison), *score_sheets(published_scores(V1, "smoke")["ppo"])]
    for sheet in sheets:
        lines = shown(sheet, width)
        assert max(map(len, lines)) <= width
        left_out = re.search(r"\(too narrow for: ([^)]*)\)", " ".join(" ".join(lines).split()))
        named = left_out.group(1).split(", ") if left_out else []
        for column in sheet.columns:
            if column.kind == "words" or column.title.partition(",")[0] in " ".join(named):
                continue
            for piece in {piece for row in sheet.rows for piece in pieces(row[column.name])}:
                assert any(piece in line for line in lines), (sheet.title, column.title, piece)


def test_what_matters_least_goes_first():
    """Intervals go below their figures before a column goes, and that of the highest rank goes first."""
    columns = (
        Column("game", "game", "label"),
        Column("contrast", "contrast"),
        Column("low", "low", rank=1),
        Column("high", "high", rank=2),
    )
    row = {"game": "pong", "contrast": ("+0.1", "[-0.2, +0.3]"), "low": "1234567", "high": "7654321"}
    sheet = Sheet("a title", columns, (row,))
    assert "+0.1 [-0.2, +0.3]" in "\n".join(shown(sheet, 60))
    stacked = "\n".join(shown(sheet, 42))
    assert "+0.1 [" not in stacked
    assert "7654321" in stacked
    narrow = "\n".join(shown(sheet, 33))
    assert "7654321" not in narrow
    assert "1234567" in narrow
    assert "(too narrow for: high)" in " ".join(narrow.split())


def test_columns_that_must_stay_follow_in_blocks():
    """Learners side by side that have no room follow in a block of their own, with the games again."""
    columns = (Column("game", "game", "label"), *(Column(f"c{n}", f"learner{n}") for n in range(6)))
    sheet = Sheet("a title", columns, ({"game": "pong"} | {f"c{n}": f"{n}" * 12 for n in range(6)},))
    lines = shown(sheet, 60)
    assert len([line for line in lines if "pong" in line]) == 2
    assert all(any(f"{n}" * 12 in line for line in lines) for n in range(6))


@given(
    st.lists(st.text("abc -.1\n\x1b", max_size=30), min_size=1, max_size=4),
    st.integers(20, 200),
)
def test_any_text_has_a_table(cells, width):
    """Whatever a cell holds, printing ends, on lines no longer than the terminal's."""
    columns = tuple(Column(f"c{n}", f"header {n}", "words" if n else "label") for n in range(len(cells)))
    sheet = Sheet("a title", columns, ({f"c{n}": cell for n, cell in enumerate(cells)},))
    assert max(map(len, shown(sheet, max(width, 30 * len(cells))))) <= max(width, 30 * len(cells))
