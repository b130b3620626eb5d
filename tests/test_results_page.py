"""docs/results.md says what the published runs of lite give, and no more."""

import re

import pytest

from protocol import UnknownName
from suite.release.results_page import EDITION, PAGE, renewed, tables

_TABLES = re.compile(r"<!-- table .*?<!-- end -->", re.DOTALL)
_FIGURE = re.compile(r"(?<![\w.,])[+-]?\d[\d,]*\.\d+(?![\w.])")


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_its_tables_are_those_of_the_published_runs(page):
    """Made anew from the ledgers, every table is the one that stands there."""
    assert _TABLES.search(page)
    assert renewed(page, tables(EDITION)) == page


def test_every_figure_in_its_sentences_stands_in_a_table(page):
    """What a sentence gives with a decimal point can be read in a table, to the digit."""
    shown = {figure for table in _TABLES.findall(page) for figure in _FIGURE.findall(table)}
    said = _FIGURE.findall(_TABLES.sub("", page))
    assert said
    assert set(said) <= shown


def test_a_table_that_nobody_makes_is_named():
    """A page that asks for it is refused, with the names that there are."""
    with pytest.raises(UnknownName, match=r"no table 'ppo/best'; there are ppo/final"):
        renewed("<!-- table ppo/best -->\n<!-- end -->\n", {"ppo/final": ""})
    assert renewed("a\n<!-- table x -->\nold<!-- end -->\nb", {"x": "new\n"}) == (
        "a\n<!-- table x -->\n\nnew\n\n<!-- end -->\nb"
    )
