"""The sections of a leaderboard: its tables and its figures."""

from __future__ import annotations

from collections.abc import Iterator

from suite.digests import short_digest
from suite.leaderboard.audited import WHERE_FROM
from suite.leaderboard.entries import Board, Entry
from suite.report.answers import MULTITASK_AXIS, TRANSFER_AXIS
from suite.report.comparison_tables import ComparisonSheets, sheets_by_division
from suite.report.forests import ForestRow, draw_forest
from suite.report.numbers import rough, signed
from suite.report.sheets import Column, Row, Sheet
from suite.report.style import GENERALIST, TRANSFER, Drawing
from suite.report.templates import Section
from suite.results.run_parts import wall_hours
from suite.scoring.comparison import ScoredLearner
from suite.submission.description import Division

MORE_COLUMNS = (
    Column("cost", "hours of all runs"),
    Column("verdict", "audit", "words"),
    Column("digest", "digest", "label"),
)
"""Of a leaderboard's first table, besides those of every comparison."""


def entry_cells(entry: Entry) -> Row:
    """The cells of MORE_COLUMNS."""
    return {
        "cost": (rough(wall_hours(entry.records)), *sorted({record.device for record in entry.records})),
        "verdict": entry.verdict,
        "digest": short_digest(entry.audited.sums_sha256 or None),
    }


def board_sections(board: Board) -> Iterator[Section]:
    """The sections of a leaderboard: first all learners in one table, then the multitask vector, then more."""
    cells = {label: entry_cells(entry) for label, entry in board.entries.items()}
    by_division = sheets_by_division(board.comparison, MORE_COLUMNS, cells)
    yield Section(
        "learners",
        "Learners",
        (
            "The head of a column sorts by it. An order alone says little: read each figure next to its "
            "interval and its null. The audit read every file and replayed no episode (see Verdicts).",
        ),
        [_transfer_drawing(board, division) for division in by_division],
        [sheets.overview for sheets in by_division.values()],
    )
    yield Section(
        "multitask",
        "Multitask vector",
        (
            "A panel per game, with the learners in one order: one set of weights for all games (generalist) "
            "next to the same learner trained on this game alone (specialist). Marks are those of the first "
            "figure.",
        ),
        [drawing for division in by_division for drawing in _multitask_drawings(board, division)],
        [sheet for sheets in by_division.values() for sheet in (sheets.returns, sheets.multitask)],
    )
    yield Section(
        "transfer",
        "Transfer by game",
        ("Each held-out game is played by fresh learners and by pre-trained ones.",),
        sheets=[sheets.transfer for sheets in by_division.values()],
    )
    yield Section(
        "claims",
        "Claims and duels",
        ("What each learner's results support, and who earns more than whom.",),
        sheets=[sheet for sheets in by_division.values() for sheet in _claims_and_duels(sheets)],
    )
    yield Section("verdicts", "Verdicts", WHERE_FROM)


def _claims_and_duels(sheets: ComparisonSheets) -> list[Sheet]:
    """The claims without their conditions, which each learner's report has, and the duels, if there are any."""
    columns = tuple(column for column in sheets.claims.columns if column.name != "condition")
    rows = tuple(row for row in sheets.claims.rows if row["condition"] == "claim")
    claims = sheets.claims._replace(columns=columns, rows=rows)
    return [sheet for sheet in (claims, sheets.duels) if sheet.rows]


def _of(board: Board, division: Division) -> list[ScoredLearner]:
    return [one for one in board.comparison.contenders if one.division == division]


def _transfer_drawing(board: Board, division: Division) -> Drawing:
    rows = [ForestRow(one.label, one.scores.transfer.contrast) for one in _of(board, division)]
    values = ", ".join(f"{row.name} {signed(row.figure.value)}" for row in rows)
    return Drawing(
        f"transfer_{division}",
        "Transfer contrast over all games.",
        f"A line per learner with its transfer contrast: {values}.",
        draw_forest(rows, TRANSFER_AXIS, TRANSFER),
    )


def _multitask_drawings(board: Board, division: Division) -> Iterator[Drawing]:
    everyone = _of(board, division)
    level = MULTITASK_AXIS._replace(limits=(-1.05, 1.05))
    for place, game in enumerate(one.game for one in everyone[0].scores.multitask):
        rows = [ForestRow(one.label, one.scores.multitask[place].contrast) for one in everyone]
        values = ", ".join(f"{row.name} {signed(row.figure.value)}" for row in rows)
        yield Drawing(
            f"multitask_{division}_{game}",
            "",
            f"{game}: the contrast of generalist and specialist of each learner: {values}.",
            draw_forest(rows, level, GENERALIST, panel_of=game),
        )
