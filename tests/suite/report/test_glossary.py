"""The terms of the report: defined once, linked where they stand, and never markup."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from suite.report.glossary import TERMS, linked, terms_of
from suite.report.sheets import Column, Sheet
from tests.test_architecture import ROOT


def plain_text(markdown: str) -> str:
    """Markdown as words: no links, no marks, one space between words."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown)
    return " ".join(re.sub(r"[*`]", "", text).split())


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.anchor)
def test_a_definition_is_that_of_the_docs(term):
    """The page defines a term in the words of docs/glossary.md."""
    text = plain_text(Path(ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    assert f"{term.name}: {term.definition}" in text


def test_each_term_has_one_place():
    """No anchor and no phrase belongs to two terms."""
    anchors = [term.anchor for term in TERMS]
    phrases = [phrase for term in TERMS for phrase in term.phrases]
    assert len(anchors) == len(set(anchors))
    assert len(phrases) == len(set(phrases))


def test_a_term_is_linked_where_it_first_stands():
    """The longest phrase wins, the second mention stays text, and a part of a word is no term."""
    html = linked("The transfer contrast is a contrast; nullify, sub-null and null; -0.5")
    assert html.count("<a ") == 2
    assert '<a class="term" href="#term-contrast">transfer contrast</a> is a contrast' in html
    assert 'sub-null and <a class="term" href="#term-null">null</a>' in html
    assert html.endswith("−0.5")


@given(st.text())
def test_no_text_becomes_markup(text):
    """Whatever stands in a text, what is left without the links is the text, escaped."""
    html = str(linked(text))
    without = re.sub(r'<a class="term" href="#term-[a-z-]+">|</a>', "", html)
    assert without.replace("−", "-") == str(escape(text)).replace("−", "-")


def test_a_table_names_its_terms():
    """Terms of the title and of the headers, in the order of the glossary; p is the p-value."""
    sheet = Sheet("contrast by fold", (Column("game", "game", "label"), Column("p", "p")), ())
    assert [term.anchor for term in terms_of(sheet)] == ["fold", "contrast", "p-value"]
