"""The page of results is filled with the tables of published runs."""

import re

import pytest

from protocol import UnknownName
from suite.release.results_page import EDITION, PAGE, renewed, tables

PLACE = re.compile(r"<!-- table \S+ -->.*?<!-- end -->", re.DOTALL)
COMMANDS = re.compile(r"```.*?```", re.DOTALL)
OF_THIS_PAGE = ("ppo/without", "ppo/runs", "ppo/actions", "ppo/spending")
FIGURE = re.compile(r"(?<![\w.,])[+-]?\d[\d,]*\.\d+(?!\w|\.\d)")


@pytest.mark.slow
def test_its_tables_are_those_of_the_published_runs():
    """Written anew, the page is the same."""
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page, tables(EDITION)) == page


def test_its_sentences_take_their_figures_from_its_tables():
    """Every figure with a decimal point in its sentences stands in one of its tables."""
    page = PAGE.read_text(encoding="utf-8")
    in_tables = set(FIGURE.findall("".join(PLACE.findall(page))))
    in_sentences = FIGURE.findall(COMMANDS.sub("", PLACE.sub("", page)))
    assert len(in_sentences) > 10
    assert sorted(set(in_sentences) - in_tables) == []


def test_tables_are_those_that_commands_print(amtlb):
    """They are what ``compare`` and ``scores`` print as Markdown, and where the runs were played."""
    made = tables("smoke")
    compared = amtlb("compare", "dqn", "multihead_a2c", "ppo", "ppo_reset", "uniform", "--markdown").stdout
    scored = amtlb("scores", "ppo", "--markdown").stdout
    for name, table in made.items():
        if name.startswith("all/"):
            assert table in compared, name
        if name.startswith("ppo/") and name not in OF_THIS_PAGE:
            assert table in scored, name
    assert "| ppo | 20 | AMD EPYC, cpu family 25, model 17, stepping 1 (20) |" in made["played"]
    assert "\n| ppo | -0.333 | " in made["seeds"]


def test_a_table_that_nobody_makes_is_named():
    """A page that asks for it is refused, with the names that there are."""
    with pytest.raises(UnknownName, match=r"no table 'ppo/best'; there are ppo/final"):
        renewed("<!-- table ppo/best -->\n<!-- end -->\n", {"ppo/final": ""})
    assert renewed("a\n<!-- table x -->\nold<!-- end -->\nb", {"x": "new\n"}) == (
        "a\n<!-- table x -->\n\nnew\n\n<!-- end -->\nb"
    )
