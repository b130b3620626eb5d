"""A page about one game: what every learner earned in it, how, and its best episode."""

from __future__ import annotations

from collections.abc import Sequence

from suite.leaderboard.entries import Board
from suite.leaderboard.page import page_text
from suite.report.comparison_tables import division_label, titled
from suite.report.facts import Fact
from suite.report.figures import learning_drawing, learning_limits
from suite.report.numbers import points
from suite.report.sheets import Column, Row, Sheet
from suite.report.tables import CONTRAST_COLUMNS, contrast_cells, mark_note
from suite.report.templates import Section, Trail
from suite.report.watching import PROVEN, Watched
from suite.scoring.comparison import ScoredLearner
from suite.submission.description import DIVISIONS


def game_text(board: Board, game: str, clips: Sequence[Watched], trail: Trail) -> str:
    """The page of a game, as text.

    Args:
        board: of which learners.
        game: of the edition.
        clips: an episode of each learner.
        trail: the pages above it.
    """
    everyone = sorted(board.comparison.contenders, key=lambda one: DIVISIONS.index(one.division))
    outcomes = [board.entries[one.label].outcomes for one in everyone]
    place = outcomes[0].games.index(game)
    limits = learning_limits(outcomes, place)
    curves = [
        learning_drawing(own, place, division_label(one), limits)
        for one, own in zip(everyone, outcomes, strict=True)
    ]
    row = everyone[0].scores.multitask[place]
    return page_text(
        f"{game} in {board.edition.name}",
        board.edition,
        (
            Fact("Fold", str(outcomes[0].folds[place])),
            Fact("Budget", f"{board.edition.budget_frames:,} frames per game"),
            Fact("Random play", f"{points(row.random)} points per episode"),
            Fact("Human", f"{points(row.human)} points per episode"),
        ),
        (
            Section("episodes", "Episodes to watch", (BEST,), clips=clips),
            Section("learning", "Learning curves", (CURVES,), curves),
            Section("scores", "Scores", (SCORES,), sheets=_sheets(everyone, place)),
        ),
        trail,
    )


CURVES = (
    "Points per 1,000 agent steps while training, over the frames of the game: a panel per learner, all on one "
    "scale. Lines are means over seeds, bands their range."
)
BEST = f"The best evaluation episode of each learner, over all arms and seeds. {PROVEN}"
SCORES = "A single game of few seeds gives a hint only."


def _sheets(everyone: Sequence[ScoredLearner], place: int) -> list[Sheet]:
    """The tables of each division that has learners."""
    return [
        titled(division, sheet)
        for division in DIVISIONS
        if (own := [one for one in everyone if one.division == division])
        for sheet in _sheets_of(own, place)
    ]


def _sheets_of(everyone: Sequence[ScoredLearner], place: int) -> tuple[Sheet, ...]:
    transfer: list[Row] = []
    multitask: list[Row] = []
    for one in everyone:
        held_out, together = one.scores.transfer.games[place], one.scores.multitask[place]
        transfer.append(
            {
                "learner": one.label,
                "fresh": points(held_out.fresh_reward),
                "transfer": points(held_out.transfer_reward),
                **contrast_cells(held_out.contrast, marked=held_out.negative_rewards),
            }
        )
        multitask.append(
            {
                "learner": one.label,
                "generalist": points(together.generalist_mean),
                "specialist": points(together.specialist_mean),
                **contrast_cells(together.contrast),
            }
        )
    learner = Column("learner", "learner", "label")
    return (
        Sheet(
            "transfer: reward of the whole budget, mean over seeds" + mark_note(one.scores for one in everyone),
            (learner, Column("fresh", "fresh"), Column("transfer", "pre-trained"), *CONTRAST_COLUMNS),
            tuple(transfer),
        ),
        Sheet(
            "multitask: mean evaluation returns, in game points",
            (
                learner,
                Column("generalist", "generalist"),
                Column("specialist", "specialist"),
                *CONTRAST_COLUMNS,
            ),
            tuple(multitask),
        ),
    )
