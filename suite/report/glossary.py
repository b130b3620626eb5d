"""The terms of the report, each defined as in docs/glossary.md, and links from where a term is used."""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup, escape

from suite.report.numbers import typeset
from suite.report.sheets import Sheet


class Term(NamedTuple):
    """A term.

    Attributes:
        anchor: of its definition on the page.
        name: as the glossary has it.
        phrases: what is linked to it in running text, in small letters.
        definition: the words of docs/glossary.md.
    """

    anchor: str
    name: str
    phrases: tuple[str, ...]
    definition: str


TERMS = (
    Term(
        "edition",
        "Edition",
        ("edition",),
        "a set of games, folds, budgets and seeds with a name: smoke, lite, full. Its digest is a hash of "
        "everything that decides what is played in it.",
    ),
    Term(
        "fold",
        "Fold",
        ("folds", "fold"),
        "a group of games that is held out together. A learner is pre-trained on the games of all other folds, "
        "then transferred to each game of this one. This is cross-validation over games.",
    ),
    Term(
        "arm",
        "Arm",
        ("fresh runs", "pre-trained runs", "fresh arm", "fresh", "pre-trained", "generalist"),
        "the kind of task. A fresh run learns one game from nothing. A pretrain run plays all games outside "
        "one fold, each episode a game drawn at random. A transfer run continues from that checkpoint on one "
        "held-out game. A generalist run plays all games of the edition and is evaluated on each with one "
        "set of weights.",
    ),
    Term(
        "specialist",
        "Specialist",
        ("specialists", "specialist"),
        "a fresh run, when it is compared with the generalist on the same game.",
    ),
    Term(
        "budget",
        "Budget",
        ("budget",),
        "the frames that a run trains on, per game. The environment ends the training when they are spent.",
    ),
    Term(
        "ledger",
        "Ledger",
        ("ledgers", "ledger"),
        "the file of a run with one row per episode: its game, seed, length, end, every action and every "
        "reward. Scores are computed from ledgers alone.",
    ),
    Term(
        "contrast",
        "Contrast",
        ("transfer contrast", "contrast"),
        "(a - b) / (|a| + |b|) for the rewards a and b of two arms, between -1 and 1. The transfer contrast "
        "compares transfer runs with fresh runs; above 0, pre-training helped.",
    ),
    Term(
        "iqm",
        "Interquartile mean (IQM)",
        ("interquartile mean",),
        "the mean over games without the lowest and the highest quarter of them, rounded down to whole games:"
        " of the 8 games of lite 4 remain, of the 3 of smoke all. One extreme game of eight cannot decide it."
        " (Agarwal et al. 2021 take it over all runs.)",
    ),
    Term(
        "null",
        "Null",
        ("null",),
        "the distribution of the same figure where there is no effect by construction: fresh runs compared "
        "with other fresh runs of the same learner. Its range holds the middle 90 %: it shows how large "
        "differences by chance are, and is no test. Only p says whether a figure can be told from chance.",
    ),
    Term(
        "interval",
        "95 % interval",
        ("95 % interval", "interval"),
        "the range that contains the true value in 95 of 100 repetitions, estimated by the bootstrap.",
    ),
    Term(
        "p-value",
        "p-value",
        ("p-value",),
        "how often chance alone gives a figure at least as extreme as the observed one. In claims, in ranks "
        "and in the answers of a report it is corrected for the number of learners or games (Holm 1979). All "
        "other p-values are not corrected.",
    ),
    Term(
        "detectable",
        "Minimum detectable effect",
        ("minimum detectable effect",),
        "the smallest true effect that such an experiment would detect in 80 of 100 repetitions.",
    ),
    Term(
        "claim",
        "Claim",
        ("conditions of a claim", "claim"),
        'a sentence such as "pre-training helps", allowed only when four conditions hold ("pre-training hurts" '
        "needs the first two).",
    ),
    Term(
        "win-probability",
        "Win probability",
        ("transfer beats fresh", "probability", "duel"),
        "how likely a run of one arm or learner earns more than a run of another, averaged over games; a tie "
        "counts one half. A duel is such a comparison of two learners.",
    ),
    Term(
        "ratio",
        "Transfer ratio",
        ("transfer ratio", "ratio"),
        "the reward of transfer runs divided by that of fresh runs, averaged over the games of a fold, then "
        "over folds. It is above 1 too often by chance, so it never stands alone.",
    ),
    Term(
        "jumpstart",
        "Jumpstart and asymptote",
        ("jumpstart", "asymptote"),
        "the game points per 1,000 agent steps in the first and in the last tenth of the frames.",
    ),
    Term(
        "gain",
        "Human-normalised gain",
        ("human-normalised gain",),
        "the difference of mean training returns of transfer and fresh runs, divided by the difference "
        "between human and random play.",
    ),
)
_SYMBOLS = {"p": "p-value"}
_OF_PHRASE = {phrase: term for term in TERMS for phrase in term.phrases}
_PHRASE = re.compile(
    r"(?<![\w-])(?:" + "|".join(map(re.escape, sorted(_OF_PHRASE, key=len, reverse=True))) + r")(?![\w-])",
    re.IGNORECASE,
)


def linked(text: str) -> Markup:
    """Text for the page, escaped and typeset; each term links to its definition where it first stands."""
    seen: set[str] = set()

    def link(found: re.Match[str]) -> str:
        term = _OF_PHRASE[found[0].lower()]
        if term.anchor in seen:
            return found[0]
        seen.add(term.anchor)
        return f'<a class="term" href="#term-{term.anchor}">{found[0]}</a>'

    return Markup(_PHRASE.sub(link, str(escape(typeset(text)))))


def terms_of(sheet: Sheet) -> list[Term]:
    """The terms that a table's title and headers use, in the order of the glossary."""
    said = [sheet.title, *(_SYMBOLS.get(column.title, column.title) for column in sheet.columns)]
    used = {_OF_PHRASE[found.lower()].anchor for text in said for found in _PHRASE.findall(text)}
    return [term for term in TERMS if term.anchor in used]
