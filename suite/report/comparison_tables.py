"""Which tables there are of several learners side by side, and of what may be claimed."""

from __future__ import annotations

from collections.abc import Mapping

from suite.report.sheets import Sheet, null_text, plain, points, with_interval, with_p
from suite.scoring.claims import Claim
from suite.scoring.comparison import Comparison
from suite.scoring.estimates import Figure
from suite.scoring.scores import Scores
from suite.submission.description import DIVISIONS, Division

COMPARISON_HEADER = (
    "learner",
    "contrast",
    "transfer beats fresh",
    "null of contrast",
    "p",
    "ratio r",
    "null of ratio",
)


def comparison_sheets(comparison: Comparison) -> tuple[Sheet, ...]:
    """All tables of a comparison: those of the division standard, then those of the division open, marked."""
    return tuple(
        sheet._replace(title=division_title(division, sheet.title))
        for division in DIVISIONS
        for sheet in _sheets_of(comparison, division)
        if sheet.rows
    )


def division_title(division: Division, title: str) -> str:
    """A table's title, marked where its learners are not to be ranked with the others."""
    return title if division == "standard" else f"division open, with weights or data from elsewhere; {title}"


def _sheets_of(comparison: Comparison, division: Division) -> tuple[Sheet, ...]:
    everyone = [one for one in comparison.contenders if one.division == division]
    if not everyone:
        return ()
    labels = tuple(one.label for one in everyone)
    first = everyone[0].scores
    return (
        Sheet(
            f"transfer over all games of {comparison.edition}; in brackets 95 % intervals, null: its 5 .. 95 %",
            COMPARISON_HEADER,
            tuple(comparison_row(one.label, one.scores) for one in everyone),
        ),
        claim_sheet({one.label: one.claim for one in everyone}),
        Sheet(
            "transfer contrast by game, with its p-value: of few seeds it is a hint only",
            ("held-out game", *labels),
            tuple(
                (
                    game.game,
                    *(with_p(one.scores.transfer.games[place].contrast, True) for one in everyone),
                )
                for place, game in enumerate(first.transfer.games)
            ),
        ),
        Sheet(
            "multitask by game: the generalist's evaluation return / the specialist's",
            ("game", *labels, "random", "human"),
            tuple(
                (
                    game.game,
                    *(_both_means(one.scores, place) for one in everyone),
                    points(game.random),
                    points(game.human),
                )
                for place, game in enumerate(first.multitask)
            ),
        ),
        Sheet(
            "contrast of generalist and specialist by game, with its p-value",
            ("game", *labels),
            tuple(
                (game.game, *(with_p(one.scores.multitask[place].contrast, True) for one in everyone))
                for place, game in enumerate(first.multitask)
            ),
        ),
        Sheet(
            "how likely a run of the first earns more than a run of the second, with the p-value",
            ("first", "second", "untrained before", "pre-trained", "as generalist"),
            tuple(
                (duel.ours, duel.theirs, *(with_p(figure, False) for figure in duel.figures().values()))
                for duel in comparison.duels
                if duel.ours in labels
            ),
            labels=2,
        ),
    )


def claim_sheet(claims: Mapping[str, Claim]) -> Sheet:
    """What may be claimed of each learner, by label."""
    corrected = f"; p-values are corrected for {len(claims)} learners (Holm)" if len(claims) > 1 else ""
    return Sheet(
        f"what may be claimed: all four conditions must hold{corrected}",
        ("learner", "condition", "outcome", "what was found"),
        tuple(
            row
            for label, claim in claims.items()
            for row in (
                (label, "claim", claim.verdict, claim.sentence),
                *((label, one.name, one.outcome, one.words) for one in claim.conditions),
            )
        ),
        labels=4,
    )


def comparison_row(label: str, scores: Scores) -> tuple[str, ...]:
    """One learner's figures over all games, as text."""
    contrast, ratio = scores.transfer.contrast, scores.transfer.ratio
    return (
        label,
        with_interval(contrast, True),
        with_interval(scores.transfer.win_probability, False),
        null_text(contrast, True),
        plain(contrast.null.p_value if contrast.null else None),
        with_interval(ratio, False),
        null_text(ratio, False),
    )


def _both_means(scores: Scores, place: int) -> str:
    game = scores.multitask[place]
    return f"{points(game.generalist_mean)} / {points(game.specialist_mean)}"


def tidy_sheet(comparison: Comparison) -> Sheet:
    """Every figure of a comparison with its interval and null, a row each, at full precision."""
    header = ("learner", "division", "against", "game", "measure", "value", "low", "high")
    rows, divisions = [], {one.label: one.division for one in comparison.contenders}
    for one in comparison.contenders:
        for label, game, measure, figure in _figures(one.label, one.scores):
            rows.append((label, one.division, "", game, measure, *_numbers(figure)))
    for duel in comparison.duels:
        for measure, figure in duel.figures().items():
            duelled = (duel.ours, divisions[duel.ours], duel.theirs, "", f"win_probability_{measure}")
            rows.append((*duelled, *_numbers(figure)))
    nulls = ("null_low", "null_median", "null_high", "p_value", "minimum_detectable_effect")
    return Sheet(f"comparison on {comparison.edition}", (*header, *nulls), tuple(rows), labels=5)


def _figures(label: str, scores: Scores) -> list[tuple[str, str, str, Figure]]:
    games = [("transfer", game) for game in scores.transfer.games]
    parts = [("transfer", "", scores.transfer), *((kind, game.game, game) for kind, game in games)]
    parts += [("multitask", game.game, game) for game in scores.multitask]
    return [
        (label, game, f"{kind}_{name}", figure)
        for kind, game, part in parts
        for name, figure in part
        if isinstance(figure, Figure)
    ]


def _numbers(figure: Figure) -> tuple[str, ...]:
    ends = figure.interval.model_dump().values() if figure.interval else (None, None)
    null = figure.null.model_dump().values() if figure.null else [None] * 5
    return tuple("" if number is None else repr(number) for number in (figure.value, *ends, *null))
