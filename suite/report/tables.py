"""The tables of one learner's scores, and the scores in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from suite.report.numbers import (
    UNKNOWN,
    Cell,
    Form,
    null_pieces,
    p_text,
    plain,
    points,
    signed,
    with_interval,
    with_null,
)
from suite.report.sheets import Column, Sheet
from suite.scoring.claims import Claim
from suite.scoring.estimates import Figure
from suite.scoring.scores import GameTransfer, Scores

NEGATIVE_MARK = "*"
NULL_TITLE = "null range"
CONTRAST_COLUMNS = (
    Column("contrast", "contrast, 95 % interval"),
    Column("null", NULL_TITLE, rank=1),
    Column("p", "p"),
)


class ScoreSheets(NamedTuple):
    """All tables of one learner's scores on one edition.

    Attributes:
        by_game: transfer to each held-out game.
        speed: how transfer runs begin and end.
        final: frozen weights.
        pretraining: pre-training itself.
        multitask: the multitask vector.
        overall: transfer over all games.
    """

    by_game: Sheet
    speed: Sheet
    final: Sheet
    pretraining: Sheet
    multitask: Sheet
    overall: Sheet


def score_sheets(scores: Scores) -> ScoreSheets:
    """All tables of one learner's scores on one edition."""
    return ScoreSheets(
        by_game=_transfer_sheet(scores),
        speed=_speed_sheet(scores),
        final=_final_sheet(scores),
        pretraining=_pretraining_sheet(scores),
        multitask=_multitask_sheet(scores),
        overall=_overall_sheet(scores),
    )


def aggregate_rows(scores: Scores) -> list[tuple[str, Figure, Form]]:
    """The figures over all games: name, figure, how its numbers are written."""
    transfer = scores.transfer
    return [
        ("contrast, interquartile mean", transfer.contrast, signed),
        ("probability that transfer beats fresh", transfer.win_probability, plain),
        ("contrast, mean", transfer.mean_contrast, signed),
        (f"ratio r, of {transfer.defined_games} of {transfer.counted_games} games", transfer.ratio, plain),
        ("contrast of final performance", transfer.final_contrast, signed),
        (f"human-normalised gain, {transfer.gain_games} games", transfer.human_normalised_gain, signed),
    ]


def _overall_sheet(scores: Scores) -> Sheet:
    return Sheet(
        f"transfer over {scores.transfer.counted_games} games: each figure next to its null",
        (
            Column("figure", "figure", "label"),
            Column("value", "value, 95 % interval"),
            Column("null", NULL_TITLE),
            Column("median", "null median", rank=2),
            Column("p", "p"),
            Column("detectable", "minimum detectable effect", rank=1),
        ),
        tuple(
            {
                "figure": name,
                "value": with_interval(figure, show),
                "null": null_pieces(figure, show),
                "median": show(figure.null.median if figure.null else None),
                "p": p_text(figure),
                "detectable": plain(figure.null.minimum_detectable_effect if figure.null else None),
            }
            for name, figure, show in aggregate_rows(scores)
        ),
    )


def _marked(game: GameTransfer) -> str:
    """A game's name, with a mark where it enters no figure over all games."""
    return game.game + (f" {NEGATIVE_MARK}" if game.negative_rewards else "")


def mark_note(everyone: Iterable[Scores]) -> str:
    """The meaning of the mark, for the title of a table by game; empty: no game of these learners has one."""
    marked = any(scores.transfer.negative_games for scores in everyone)
    return f"; {NEGATIVE_MARK} negative rewards, in no figure over all games" if marked else ""


def marked_if(marked: bool, cell: Sequence[str]) -> Cell:
    """The pieces of a cell, and the mark where a game enters no figure over all games."""
    return (*cell, NEGATIVE_MARK) if marked else (*cell,)


def contrast_cells(figure: Figure, *, marked: bool = False) -> dict[str, Cell]:
    """The cells of CONTRAST_COLUMNS; those of a game that enters no figure over all games are marked."""
    return {
        "contrast": marked_if(marked, with_interval(figure, signed)),
        "null": null_pieces(figure, signed),
        "p": p_text(figure),
    }


def _transfer_sheet(scores: Scores) -> Sheet:
    return Sheet(
        f"transfer by game: reward of the whole budget, mean over {scores.seeds} seeds" + mark_note([scores]),
        (
            Column("game", "held-out game", "label"),
            Column("fold", "fold", rank=3),
            Column("fresh", "fresh"),
            Column("transfer", "pre-trained"),
            Column("ratio", "ratio", rank=2),
            *CONTRAST_COLUMNS,
            Column("wins", "transfer beats fresh", rank=1),
        ),
        tuple(
            {
                "game": _marked(game),
                "fold": str(game.fold),
                "fresh": points(game.fresh_reward),
                "transfer": points(game.transfer_reward),
                "ratio": plain(game.ratio.value),
                **contrast_cells(game.contrast),
                "wins": plain(game.win_probability.value),
            }
            for game in scores.transfer.games
        ),
    )


def _speed_sheet(scores: Scores) -> Sheet:
    return Sheet(
        "jumpstart and asymptote: points per 1,000 steps in the first and last tenth of the frames",
        (
            Column("game", "held-out game", "label"),
            Column("first_fresh", "first, fresh"),
            Column("first_transfer", "first, pre-trained"),
            Column("last_fresh", "last, fresh"),
            Column("last_transfer", "last, pre-trained"),
            Column("gain", "human-normalised gain", rank=1),
        ),
        tuple(
            {
                "game": _marked(game),
                "first_fresh": points(game.fresh_jumpstart),
                "first_transfer": points(game.transfer_jumpstart),
                "last_fresh": points(game.fresh_asymptote),
                "last_transfer": points(game.transfer_asymptote),
                "gain": UNKNOWN if (gain := game.human_normalised_gain) is None else signed(gain),
            }
            for game in scores.transfer.games
        ),
    )


def _final_sheet(scores: Scores) -> Sheet:
    return Sheet(
        f"final performance: evaluation returns with frozen weights, mean over {scores.seeds} seeds",
        (
            Column("game", "held-out game", "label"),
            Column("fresh", "fresh"),
            Column("transfer", "pre-trained"),
            *CONTRAST_COLUMNS,
        ),
        tuple(
            {
                "game": _marked(game),
                "fresh": points(game.fresh_final),
                "transfer": points(game.transfer_final),
                **contrast_cells(game.final_contrast),
            }
            for game in scores.transfer.games
        ),
    )


def _pretraining_sheet(scores: Scores) -> Sheet:
    return Sheet(
        "pre-training itself: reward after the same frames of each game, mean over folds and seeds",
        (
            Column("game", "training game", "label"),
            Column("fresh", "fresh"),
            Column("pretrain", "in pre-training"),
            *CONTRAST_COLUMNS,
        ),
        tuple(
            {
                "game": _marked(game),
                "fresh": points(game.fresh_reward),
                "pretrain": points(game.pretrain_reward),
                **contrast_cells(game.pretraining_contrast),
            }
            for game in scores.transfer.games
        ),
    )


def _multitask_sheet(scores: Scores) -> Sheet:
    return Sheet(
        "multitask: mean and best evaluation returns of one set of weights, next to the specialists'",
        (
            Column("game", "game", "label"),
            Column("generalist", "generalist"),
            Column("generalist_top", "generalist's best", rank=4),
            Column("specialist", "specialist"),
            Column("specialist_top", "specialist's best", rank=4),
            Column("ratio", "ratio", rank=3),
            *CONTRAST_COLUMNS,
            Column("training", "contrast in training", rank=2),
            Column("random", "random", rank=2),
            Column("human", "human", rank=2),
        ),
        tuple(
            {
                "game": game.game,
                "generalist": points(game.generalist_mean),
                "generalist_top": points(game.generalist_top),
                "specialist": points(game.specialist_mean),
                "specialist_top": points(game.specialist_top),
                "ratio": plain(game.ratio.value),
                **contrast_cells(game.contrast),
                "training": signed(game.training_contrast.value),
                "random": points(game.random),
                "human": points(game.human),
            }
            for game in scores.multitask
        ),
    )


def headline(scores: Scores, claim: Claim) -> Sequence[str]:
    """The scores in words: the claim first."""
    transfer = scores.transfer
    return [
        claim.sentence,
        f"transfer contrast {with_null(transfer.contrast, signed)}",
        f"transfer beats fresh with probability {with_null(transfer.win_probability, plain)}",
        *(f"{condition.name}: {condition.words}" for condition in claim.conditions[2:]),
        *caveats(scores),
    ]


def caveats(scores: Scores) -> Sequence[str]:
    """The ratio with its warning, and which games are left out of which figures."""
    transfer = scores.transfer
    named = {
        "Negative rewards, in no figure over all games": transfer.negative_games,
        "Without a ratio": transfer.undefined_games,
        "Without whole episodes in each run, not in the human-normalised gain": (
            transfer.games_without_whole_episodes
        ),
    }
    return [
        f"The transfer ratio is {with_null(transfer.ratio, plain)}: above 1 proves nothing by itself, and its "
        "interval is too narrow where games come near 0.",
        *(f"{what}: {', '.join(games)}." for what, games in named.items() if games),
    ]
