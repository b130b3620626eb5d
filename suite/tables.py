"""Which tables there are: of one learner's scores, and of several learners side by side."""

from __future__ import annotations

from collections.abc import Sequence

from suite.comparison import Comparison
from suite.estimates import Figure
from suite.scores import Scores
from suite.sheets import UNKNOWN, Sheet, interval_text, null_text, plain, points, signed, with_interval, with_p
from suite.submission.description import DIVISIONS, Division

COMPARISON_HEADER = ("learner", "contrast", "null", "p", "ratio r", "null", "transfer beats fresh")


def aggregate_rows(scores: Scores) -> list[tuple[str, Figure, bool]]:
    """The figures over all games: name, figure, whether it is shown with a sign."""
    transfer = scores.transfer
    return [
        ("contrast, interquartile mean", transfer.contrast, True),
        ("contrast, mean", transfer.mean_contrast, True),
        (f"ratio r, of {transfer.defined_games} of {len(transfer.games)} games", transfer.ratio, False),
        ("probability that transfer beats fresh", transfer.win_probability, False),
        (
            f"human-normalised gain, {transfer.referenced_games} games",
            transfer.human_normalised_gain,
            True,
        ),
    ]


def score_sheets(scores: Scores) -> tuple[Sheet, ...]:
    """All tables of one learner's scores on one edition."""
    name = f"{scores.learner} on {scores.edition}"
    return (
        _transfer_sheet(scores, name),
        _speed_sheet(scores, name),
        _multitask_sheet(scores, name),
        Sheet(
            f"transfer over all games, {name}: each figure beside its null",
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
            game.game,
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
        f"transfer by game, {name}: reward of the whole budget, mean over {scores.seeds} seeds",
        (*header, "null 5 .. 95 %", "p", "wins"),
        rows,
    )


def _speed_sheet(scores: Scores, name: str) -> Sheet:
    rows = tuple(
        (
            game.game,
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


def headline(scores: Scores) -> Sequence[str]:
    """What the scores say, in words."""
    transfer, figure = scores.transfer, scores.transfer.contrast
    lines = [
        f"transfer contrast {with_interval(figure, True)}, null {null_text(figure, True)}: {verdict(figure)}",
        f"transfer ratio {with_interval(transfer.ratio, False)}, null {null_text(transfer.ratio, False)}: "
        "above 1 proves nothing by itself, and its interval is too narrow where games come near 0",
    ]
    if transfer.undefined_games:
        lines.append(f"without a ratio: {', '.join(transfer.undefined_games)}")
    return lines


def verdict(figure: Figure) -> str:
    """Whether a contrast tells transfer from chance: p < 0.05, and the interval leaves out 0."""
    if figure.value is None or figure.null is None or figure.interval is None:
        return "nothing can be said"
    p = f"p = {figure.null.p_value:.3f}"
    covers_zero = figure.interval.low <= 0 <= figure.interval.high
    if covers_zero or figure.null.p_value >= 0.05:
        return f"no transfer can be told from chance ({p})"
    return f"pre-training {'helps' if figure.value > 0 else 'harms'} ({p})"


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


def comparison_row(label: str, scores: Scores) -> tuple[str, ...]:
    """One learner's figures over all games, as text."""
    contrast, ratio = scores.transfer.contrast, scores.transfer.ratio
    return (
        label,
        with_interval(contrast, True),
        null_text(contrast, True),
        plain(contrast.null.p_value if contrast.null else None),
        with_interval(ratio, False),
        null_text(ratio, False),
        with_interval(scores.transfer.win_probability, False),
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
