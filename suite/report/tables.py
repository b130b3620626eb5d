"""Which tables there are of one learner's scores, and what they say in words."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.sheets import UNKNOWN, Sheet, interval_text, null_text, plain, points, signed, with_interval
from suite.scoring.claims import Claim
from suite.scoring.estimates import Figure
from suite.scoring.scores import GameTransfer, Scores

NEGATIVE_MARK = " *"


def aggregate_rows(scores: Scores) -> list[tuple[str, Figure, bool]]:
    """The figures over all games: name, figure, whether it is shown with a sign."""
    transfer = scores.transfer
    return [
        ("contrast, interquartile mean", transfer.contrast, True),
        ("probability that transfer beats fresh", transfer.win_probability, False),
        ("contrast, mean", transfer.mean_contrast, True),
        (f"ratio r, of {transfer.defined_games} of {transfer.counted_games} games", transfer.ratio, False),
        ("contrast of final performance", transfer.final_contrast, True),
        (f"human-normalised gain, {transfer.gain_games} games", transfer.human_normalised_gain, True),
    ]


def _marked(game: GameTransfer) -> str:
    """A game's name, with a mark where it enters no figure over all games."""
    return game.game + (NEGATIVE_MARK if game.negative_rewards else "")


def score_sheets(scores: Scores) -> tuple[Sheet, ...]:
    """All tables of one learner's scores on one edition."""
    name = f"{scores.learner} on {scores.edition}"
    return (
        _transfer_sheet(scores, name),
        _speed_sheet(scores, name),
        _final_sheet(scores, name),
        _pretraining_sheet(scores, name),
        _multitask_sheet(scores, name),
        Sheet(
            f"transfer over {scores.transfer.counted_games} games, {name}: each figure beside its null",
            ("figure", "value", "95 % interval", "null 5 .. 95 %", "null median", "p", "detectable"),
            tuple(_aggregate_row(*row) for row in aggregate_rows(scores)),
        ),
    )


def _aggregate_row(name: str, figure: Figure, sign: bool) -> tuple[str, ...]:
    show = signed if sign else plain
    null = figure.null
    return (
        name,
        show(figure.value),
        interval_text(figure, sign),
        null_text(figure, sign),
        show(null.median if null else None),
        plain(null.p_value if null else None),
        plain(null.minimum_detectable_effect if null else None),
    )


def _transfer_sheet(scores: Scores, name: str) -> Sheet:
    header = ("held-out game", "fold", "fresh", "pre-trained", "ratio", "contrast", "95 % interval")
    rows = tuple(
        (
            _marked(game),
            str(game.fold),
            points(game.fresh_reward),
            points(game.transfer_reward),
            plain(game.ratio.value),
            signed(game.contrast.value),
            interval_text(game.contrast, True),
            null_text(game.contrast, True),
            plain(game.contrast.null.p_value if game.contrast.null else None),
            plain(game.win_probability.value),
        )
        for game in scores.transfer.games
    )
    return Sheet(
        f"transfer by game, {name}: reward of the whole budget, mean over {scores.seeds} seeds"
        + _mark_note(scores),
        (*header, "null 5 .. 95 %", "p", "wins"),
        rows,
    )


def _speed_sheet(scores: Scores, name: str) -> Sheet:
    rows = tuple(
        (
            _marked(game),
            points(game.fresh_jumpstart),
            points(game.transfer_jumpstart),
            points(game.fresh_asymptote),
            points(game.transfer_asymptote),
            UNKNOWN if game.human_normalised_gain is None else signed(game.human_normalised_gain),
        )
        for game in scores.transfer.games
    )
    return Sheet(
        f"jumpstart and asymptote, {name}: points per 1,000 steps in the first and last tenth of the frames",
        ("game", "first, fresh", "first, pre-trained", "last, fresh", "last, pre-trained", "human-norm. gain"),
        rows,
    )


def _mark_note(scores: Scores) -> str:
    marked = scores.transfer.negative_games
    return f"; {NEGATIVE_MARK.strip()} negative rewards, in no figure over all games" if marked else ""


def _final_sheet(scores: Scores, name: str) -> Sheet:
    rows = tuple(
        (
            _marked(game),
            points(game.fresh_final),
            points(game.transfer_final),
            *_contrast_cells(game.final_contrast),
        )
        for game in scores.transfer.games
    )
    return Sheet(
        f"final performance, {name}: evaluation returns with frozen weights, mean over {scores.seeds} seeds",
        ("held-out game", "fresh", "pre-trained", *_CONTRAST_HEADER),
        rows,
    )


def _pretraining_sheet(scores: Scores, name: str) -> Sheet:
    rows = tuple(
        (
            _marked(game),
            points(game.fresh_reward),
            points(game.pretrain_reward),
            *_contrast_cells(game.pretraining_contrast),
        )
        for game in scores.transfer.games
    )
    return Sheet(
        f"pre-training itself, {name}: reward after the same frames of each game, mean over folds and seeds",
        ("training game", "fresh", "in pre-training", *_CONTRAST_HEADER),
        rows,
    )


_CONTRAST_HEADER = ("contrast", "95 % interval", "null 5 .. 95 %", "p")


def _contrast_cells(figure: Figure) -> tuple[str, ...]:
    return (
        signed(figure.value),
        interval_text(figure, True),
        null_text(figure, True),
        plain(figure.null.p_value if figure.null else None),
    )


def _multitask_sheet(scores: Scores, name: str) -> Sheet:
    header = ("game", "generalist, top", "specialist, top", "ratio", "contrast", "95 % interval")
    rows = tuple(
        (
            game.game,
            f"{points(game.generalist_mean)}, {points(game.generalist_top)}",
            f"{points(game.specialist_mean)}, {points(game.specialist_top)}",
            plain(game.ratio.value),
            signed(game.contrast.value),
            interval_text(game.contrast, True),
            null_text(game.contrast, True),
            signed(game.training_contrast.value),
            points(game.random),
            points(game.human),
        )
        for game in scores.multitask
    )
    return Sheet(
        f"multitask, {name}: evaluation returns of one set of weights, beside the specialists'",
        (*header, "null 5 .. 95 %", "in training", "random", "human"),
        rows,
    )


def headline(scores: Scores, claim: Claim) -> Sequence[str]:
    """What the scores say, in words: the claim first."""
    transfer, contrast, wins = scores.transfer, scores.transfer.contrast, scores.transfer.win_probability
    lines = [
        claim.sentence,
        f"transfer contrast {with_interval(contrast, True)}, null {null_text(contrast, True)}",
        f"transfer beats fresh with probability {with_interval(wins, False)}, null {null_text(wins, False)}",
        *(f"{condition.name}: {condition.words}" for condition in claim.conditions[2:]),
        f"transfer ratio {with_interval(transfer.ratio, False)}, null {null_text(transfer.ratio, False)}: "
        "above 1 proves nothing by itself, and its interval is too narrow where games come near 0",
    ]
    named = {
        "negative rewards, in no figure over all games": transfer.negative_games,
        "without a ratio": transfer.undefined_games,
        "without whole episodes in each run, not in the human-normalised gain": (
            transfer.games_without_whole_episodes
        ),
    }
    return lines + [f"{what}: {', '.join(games)}" for what, games in named.items() if games]
