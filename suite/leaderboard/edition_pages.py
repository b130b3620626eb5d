"""The pages about an edition on the site: its leaderboard, a page for each learner and for each game."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from protocol import Edition, Protocol, plan
from suite.leaderboard.entries import Board, Listener, read_board
from suite.leaderboard.games import game_text
from suite.leaderboard.page import board_text, page_text
from suite.leaderboard.published import Learners, LeftOut, learners_of
from suite.report.comparison_tables import division_label
from suite.report.facts import facts
from suite.report.page import make_page
from suite.report.sheets import Column, Sheet
from suite.report.templates import PageLink, Section, Trail
from suite.report.watching import Episode, best_episodes, watched
from suite.results.writing import own_folder, write_file
from suite.submission.description import Division

INDEX, LEARNERS, GAMES, CLIPS = "index.html", "learners", "games", "clips"


class EditionState(NamedTuple):
    """The published part of an edition.

    Attributes:
        edition: its name.
        ranked: the learners of its leaderboard by division, the highest transfer contrast first.
        left_out: those that are not in it, and why.
        games: of the edition.
    """

    edition: str
    ranked: Mapping[Division, Sequence[str]]
    left_out: tuple[LeftOut, ...]
    games: tuple[str, ...]


def write_edition(
    protocol: Protocol, edition: Edition, out: Path, above: Trail, listener: Listener
) -> EditionState:
    """Write all pages about an edition: ``index.html``, ``learners/``, ``games/`` and ``clips/``.

    Args:
        protocol: the rules.
        edition: which.
        out: the folder of its pages; made where it is missing.
        above: the pages above its leaderboard, as links from ``out``.
        listener: called with a line about each step.

    Raises:
        StoreError: results cannot be read, or the folder cannot be written to.
    """
    own_folder(out)
    found = learners_of(protocol, edition)
    if not found.names:
        write_file(out / INDEX, _empty_text(protocol, edition, found, above))
        return EditionState(edition.name, {}, tuple(found.left_out), edition.games)
    board = read_board(
        found.names, edition.name, lambda step: listener(f"{edition.name}: {step}"), found.audits
    )
    links = {label: f"{LEARNERS}/{label}.html" for label in board.entries}
    games = [PageLink(game, f"{GAMES}/{game}.html") for game in edition.games]
    text = board_text(board, above, links, games, _notes(found.left_out))
    write_file(out / INDEX, text)
    _write_below(board, out, above, listener)
    ranked: dict[Division, list[str]] = {}
    for one in board.comparison.contenders:
        ranked.setdefault(one.division, []).append(one.label)
    return EditionState(edition.name, ranked, tuple(found.left_out), edition.games)


def _write_below(board: Board, out: Path, above: Trail, listener: Listener) -> None:
    """A page for each learner and for each game, and the episodes that both show."""
    for name in (LEARNERS, GAMES, CLIPS):
        own_folder(out / name)
    trail = [
        *(PageLink(one.title, f"../{one.href}") for one in above),
        PageLink(board.edition.name, f"../{INDEX}"),
    ]
    episodes: dict[str, tuple[Episode, ...]] = {}
    for one in board.comparison.contenders:
        listener(f"{board.edition.name}: playing the best episodes of {one.label}")
        entry = board.entries[one.label]
        episodes[one.label] = best_episodes(entry.store, entry.outcomes)
        clips = [
            watched(episode, episode.game, partial(_keep, out / CLIPS, f"{one.label}-{episode.game}"))
            for episode in episodes[one.label]
        ]
        page = make_page(entry.store, entry.outcomes, one.scores, clips, trail)
        write_file(out / LEARNERS / f"{one.label}.html", page.text)
    for place, game in enumerate(next(iter(board.entries.values())).outcomes.games):
        listener(f"{board.edition.name}: {game}")
        clips = [
            watched(
                episodes[one.label][place],
                division_label(one),
                partial(_keep, out / CLIPS, f"{one.label}-{game}"),
            )
            for one in board.comparison.contenders
        ]
        write_file(out / GAMES / f"{game}.html", game_text(board, game, clips, trail))


def _keep(folder: Path, stem: str, name: str, picture: bytes) -> str:
    """Write a picture next to the folders of the pages that show it; returns the link from these."""
    path = folder / f"{stem}-{name}.webp"
    write_file(path, picture)
    return f"../{folder.name}/{path.name}"


def _notes(left_out: Sequence[LeftOut]) -> list[Section]:
    if not left_out:
        return []
    columns = (Column("learner", "learner", "label"), Column("reason", "reason", "words"))
    rows = tuple({"learner": one.name, "reason": one.reason} for one in left_out)
    sheet = Sheet("learners that are not ranked", columns, rows)
    return [
        Section(
            "left-out", "Not ranked", ("A learner is ranked once all of its runs are there.",), sheets=[sheet]
        )
    ]


def _empty_text(protocol: Protocol, edition: Edition, found: Learners, above: Trail) -> str:
    """The page of an edition of which no learner is complete."""
    total = len(plan(protocol, edition))
    nothing = f"No learner has all of its {total} runs published, so there are no scores yet."
    return page_text(
        f"Leaderboard of {edition.name}",
        edition,
        facts(protocol, edition, found.records),
        _notes(found.left_out),
        above,
        note=nothing,
    )
