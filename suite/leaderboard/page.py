"""A leaderboard as a page: one that needs no other file, or one of a site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from protocol import Edition
from suite.digests import short_digest
from suite.leaderboard.entries import Board
from suite.leaderboard.sections import board_sections
from suite.report.facts import SMOKE_NOTE, Fact, facts
from suite.report.templates import PageLink, Section, Trail, render
from suite.results.writing import own_folder, write_file

PAGE = "leaderboard.html"
NO_LINKS: Mapping[str, str] = MappingProxyType({})


def write_leaderboard(board: Board, out: Path) -> Path:
    """Write ``leaderboard.html``, which needs no other file.

    Args:
        board: of which learners.
        out: a folder; made where it is missing.

    Returns:
        the page; the same board gives the same bytes.

    Raises:
        StoreError: the folder cannot be written to.
    """
    own_folder(out)
    write_file(out / PAGE, board_text(board))
    return out / PAGE


def board_text(
    board: Board,
    trail: Trail = (),
    links: Mapping[str, str] = NO_LINKS,
    below: Sequence[PageLink] = (),
    notes: Sequence[Section] = (),
) -> str:
    """A leaderboard as text.

    Args:
        board: of which learners.
        trail: the pages above it, where it is part of a site.
        links: by the label of a learner, to a page about it.
        below: pages about single games.
        notes: sections about what is not in the table.
    """
    return page_text(
        f"Leaderboard of {board.edition.name}",
        board.edition,
        (
            *facts(board.protocol, board.edition, board.records),
            Fact("Edition digest", short_digest(board.comparison.edition_digest)),
        ),
        [*board_sections(board), *notes],
        trail,
        links=links,
        below=below,
    )


def page_text(
    title: str,
    edition: Edition,
    facts: Sequence[Fact],
    sections: Sequence[Section],
    trail: Trail,
    *,
    note: str = "",
    links: Mapping[str, str] = NO_LINKS,
    below: Sequence[PageLink] = (),
) -> str:
    """A page about results of an edition, as text.

    Args:
        title: of the page.
        edition: whose results.
        facts: what it opens with.
        sections: what it says.
        trail: the pages above it.
        note: a sentence before the facts; empty: none.
        links: by the label of a learner, to a page about it.
        below: pages about single games.
    """
    lines = (SMOKE_NOTE if edition.name == "smoke" else "", note)
    return render(
        "board.html.j2",
        trail,
        ("suite.leaderboard",),
        title=title,
        lines=[line for line in lines if line],
        facts=facts,
        sections=sections,
        links=links,
        below=below,
    )
