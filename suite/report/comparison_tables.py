"""The tables of several learners side by side, and of the claims that may be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from suite.report.numbers import Cell, null_pieces, p_text, plain, points, signed, with_interval, with_p
from suite.report.sheets import Column, Row, Sheet
from suite.report.tables import mark_note, marked_if
from suite.scoring.claims import Claim, Condition
from suite.scoring.comparison import Comparison, Duel, ScoredLearner
from suite.scoring.scores import GameMultitask, Scores
from suite.submission.description import DIVISIONS, Division

COMPARISON_COLUMNS = (
    Column("learner", "learner", "label"),
    Column("games", "games that count", rank=4),
    Column("contrast", "contrast"),
    Column("wins", "transfer beats fresh"),
    Column("null", "null of contrast", rank=1),
    Column("p", "p"),
    Column("ratio", "ratio r", rank=2),
    Column("ratio_null", "null of ratio", rank=3),
)


class ComparisonSheets(NamedTuple):
    """All tables of the learners of one division, side by side.

    Attributes:
        overview: the figures over all games.
        claims: what may be claimed of each learner.
        transfer: the transfer contrast, by game.
        returns: the evaluation returns, by game.
        multitask: the contrast of generalist and specialist, by game.
        duels: who beats whom.
    """

    overview: Sheet
    claims: Sheet
    transfer: Sheet
    returns: Sheet
    multitask: Sheet
    duels: Sheet


def comparison_sheets(comparison: Comparison) -> tuple[Sheet, ...]:
    """All tables of a comparison: those of the division standard, then those of the division open, marked."""
    return tuple(sheet for sheets in sheets_by_division(comparison).values() for sheet in sheets if sheet.rows)


def sheets_by_division(
    comparison: Comparison, more: Sequence[Column] = (), cells: Mapping[str, Row] = MappingProxyType({})
) -> dict[Division, ComparisonSheets]:
    """The tables of each division that has learners.

    Args:
        comparison: of which learners.
        more: columns of the overview besides its own.
        cells: of these columns, by the learner's label.
    """
    found: dict[Division, ComparisonSheets] = {}
    for division in DIVISIONS:
        everyone = [one for one in comparison.contenders if one.division == division]
        if everyone:
            sheets = _sheets_of(comparison, everyone, more, cells)
            found[division] = ComparisonSheets(*(titled(division, sheet) for sheet in sheets))
    return found


def division_title(division: Division, title: str) -> str:
    """A table's title, marked where its learners are not to be ranked with the others."""
    return title if division == "standard" else f"division open, with weights or data from elsewhere; {title}"


def titled(division: Division, sheet: Sheet) -> Sheet:
    """A table under ``division_title``."""
    return sheet._replace(title=division_title(division, sheet.title))


def division_label(one: ScoredLearner) -> str:
    """A learner's label where learners of both divisions are shown, unranked."""
    return one.label if one.division == "standard" else f"{one.label} (division open)"


def _sheets_of(
    comparison: Comparison, everyone: Sequence[ScoredLearner], more: Sequence[Column], cells: Mapping[str, Row]
) -> ComparisonSheets:
    labels = tuple(one.label for one in everyone)
    first = everyone[0].scores
    rows = [{**comparison_row(one.label, one.scores), **cells.get(one.label, {})} for one in everyone]
    game = Column("game", "game", "label")
    return ComparisonSheets(
        overview=overview_sheet(comparison.edition, rows, more),
        claims=claim_sheet({one.label: one.claim for one in everyone}),
        transfer=_by_game(
            "transfer contrast by game, with its p-value: of few seeds it is a hint only"
            + mark_note(one.scores for one in everyone),
            Column("game", "held-out game", "label"),
            [
                (
                    one.label,
                    {
                        game.game: marked_if(game.negative_rewards, with_p(game.contrast, signed))
                        for game in one.scores.transfer.games
                    },
                )
                for one in everyone
            ],
        ),
        returns=_by_game(
            "multitask by game: the generalist's evaluation return / the specialist's",
            game,
            [
                *(
                    (one.label, {game.game: _both_means(game) for game in one.scores.multitask})
                    for one in everyone
                ),
                ("random", {game.game: points(game.random) for game in first.multitask}),
                ("human", {game.game: points(game.human) for game in first.multitask}),
            ],
        ),
        multitask=_by_game(
            "contrast of generalist and specialist by game, with its p-value",
            game,
            [
                (one.label, {game.game: with_p(game.contrast, signed) for game in one.scores.multitask})
                for one in everyone
            ],
        ),
        duels=_duel_sheet([duel for duel in comparison.duels if duel.ours in labels]),
    )


def overview_sheet(edition: str, rows: Sequence[Row], more: Sequence[Column] = ()) -> Sheet:
    """The figures over all games, a learner each: rows as ``comparison_row`` makes them.

    Args:
        edition: its name.
        rows: with a cell for each of the columns.
        more: columns besides COMPARISON_COLUMNS, to the right.
    """
    title = f"transfer over the games of {edition}; in brackets 95 % intervals, null: its 5 .. 95 %"
    return Sheet(title, (*COMPARISON_COLUMNS, *more), tuple(rows))


def _by_game(title: str, games: Column, cells: Sequence[tuple[str, Mapping[str, Cell]]]) -> Sheet:
    """A row per game, then a column per header with its cells by game; two headers may be alike."""
    columns = [Column(f"column_{place}", header) for place, (header, _) in enumerate(cells)]
    rows: list[Row] = [
        {games.name: game} | {column.name: own[game] for column, (_, own) in zip(columns, cells, strict=True)}
        for game in cells[0][1]
    ]
    return Sheet(title, (games, *columns), tuple(rows))


def _duel_sheet(duels: Sequence[Duel]) -> Sheet:
    columns = (
        Column("first", "first", "label"),
        Column("second", "second", "label"),
        Column("fresh", "fresh"),
        Column("transfer", "pre-trained"),
        Column("generalist", "as generalist"),
    )
    rows: list[Row] = [
        {
            "first": duel.ours,
            "second": duel.theirs,
            **{name: with_p(figure, plain) for name, figure in duel.figures().items()},
        }
        for duel in duels
    ]
    title = "how likely a run of the first earns more than a run of the second, with the uncorrected p-value"
    return Sheet(title, columns, tuple(rows))


def _outcome(condition: Condition) -> str:
    """A condition's outcome; that of the duel has no threshold, so it is only shown."""
    return "shown" if (condition.name, condition.outcome) == ("duel", "holds") else condition.outcome


def claim_sheet(claims: Mapping[str, Claim]) -> Sheet:
    """The claims that each learner's results support, by label."""
    learners = max((claim.learners for claim in claims.values()), default=0)
    corrected = f"; p-values are corrected for {learners} learners (Holm)" if learners > 1 else ""
    names = ("learner", "condition", "outcome", "words")
    found = [
        (label, *row)
        for label, claim in claims.items()
        for row in (
            ("claim", claim.verdict, claim.sentence),
            *((one.name, _outcome(one), one.words) for one in claim.conditions),
        )
    ]
    return Sheet(
        f"what may be claimed: that pre-training helps, if all four conditions hold{corrected}",
        (
            Column("learner", "learner", "label"),
            Column("condition", "condition", "words"),
            Column("outcome", "outcome", "words"),
            Column("words", "what was found", "words"),
        ),
        tuple(dict(zip(names, row, strict=True)) for row in found),
    )


def comparison_row(label: str, scores: Scores) -> Row:
    """One learner's figures over all games, as text."""
    transfer = scores.transfer
    contrast, ratio = transfer.contrast, transfer.ratio
    defined, counted = transfer.defined_games, transfer.counted_games
    fewer = () if defined == counted else (f"{defined} of {counted} games",)
    return {
        "learner": label,
        "games": f"{counted} of {len(transfer.games)}",
        "contrast": with_interval(contrast, signed),
        "wins": with_interval(transfer.win_probability, plain),
        "null": null_pieces(contrast, signed),
        "p": p_text(contrast),
        "ratio": (*with_interval(ratio, plain), *fewer),
        "ratio_null": null_pieces(ratio, plain),
    }


def _both_means(game: GameMultitask) -> str:
    return f"{points(game.generalist_mean)} / {points(game.specialist_mean)}"
