"""A report: one HTML file that needs nothing else, and its figures as files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from protocol import RunRecord, StoreError
from suite.report.comparison_tables import claim_sheet, comparison_row, division_title, overview_sheet
from suite.report.figures import head_use_drawing, learning_drawings, multitask_drawing, transfer_drawings
from suite.report.numbers import pieces, with_null
from suite.report.sheets import Column, Row, Sheet
from suite.report.style import Drawing, inline_svg, save
from suite.report.tables import headline, score_sheets
from suite.results.head_use import HEAD_USE, read_head_use
from suite.results.published import published_folder
from suite.results.results import open_results
from suite.results.store import NOTES, Store
from suite.results.writing import own_folder, write_file
from suite.scoring.claims import Claim, claims
from suite.scoring.estimates import Figure
from suite.scoring.outcomes import Outcomes, read_outcomes
from suite.scoring.published import published_scores
from suite.scoring.score import score_outcomes
from suite.scoring.scores import Scores
from suite.submission.description import DIVISIONS, Division, division_of

PAGE, FIGURES = "report.html", "figures"


class Section(NamedTuple):
    """A part of the page: what it is about, in words, figures and tables."""

    anchor: str
    title: str
    text: str
    drawings: Sequence[Drawing]
    sheets: Sequence[Sheet]


def write_report(source: str | Path, out: str | Path, edition: str | None = None) -> Path:
    """Score results and write a page about them: ``report.html``, and its figures as SVG and PNG.

    Args:
        source: a results folder or a published baseline, as ``open_results`` takes it.
        out: the folder to write into; made where it is missing.
        edition: as ``open_results`` takes it.

    Returns:
        the path of the page.

    Raises:
        UnknownName: there is neither a folder nor a baseline of that name, or no such edition.
        StoreError: runs are missing or cannot be read, or the folder cannot be written to.
        ForeignProtocol: a run was played under other rules.

    Example:
        >>> import amtlb
        >>> amtlb.write_report("ppo", "report").name
        'report.html'
    """
    results = open_results(source, edition)
    outcomes = read_outcomes(results.store, results.edition)
    return write_page(results.store, outcomes, score_outcomes(outcomes), Path(out))


def write_page(store: Store, outcomes: Outcomes, scores: Scores, out: Path) -> Path:
    """Write ``report.html`` and ``figures/*.svg|png``; equal results give equal bytes.

    Args:
        store: where the runs lie; for the notes of learners with heads.
        outcomes: of these runs.
        scores: of these outcomes.
        out: a folder; made where it is missing.

    Returns:
        the page.

    Raises:
        StoreError: the folder cannot be written to, or the division of the results cannot be read.
    """
    division = division_of(store.folder)
    published = published_scores(store.protocol, scores.edition)
    claim = claims([scores], published)[0]
    sections = list(_sections(store, division, outcomes, scores, claim, published))
    drawings = [drawing for section in sections for drawing in section.drawings]
    figures = own_folder(own_folder(out) / FIGURES)
    try:
        write_file(out / PAGE, render(sections, outcomes, scores, claim, division))
    except OSError as error:
        raise StoreError(f"the report cannot be written to {out} ({error}); choose another folder") from error
    for drawing in drawings:
        for ending in ("svg", "png"):
            save(drawing.figure, figures / f"{drawing.name}.{ending}")
    return out / PAGE


def render(
    sections: Sequence[Section], outcomes: Outcomes, scores: Scores, claim: Claim, division: Division
) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("suite.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pieces"] = pieces
    environment.filters["svg"] = lambda drawing: Markup(inline_svg(drawing))
    first = outcomes.records[0]
    return environment.get_template("page.html.j2").render(
        scores=scores,
        division=division,
        sections=sections,
        claim=claim,
        headline=_headline(scores),
        lines=headline(scores, claim)[3:],
        spoken=_spoken(scores.transfer.contrast),
        configuration=first.configuration,
        versions=_distinct(", ".join(map(" ".join, sorted(r.versions.items()))) for r in outcomes.records),
        commits=_distinct(record.code_commit or "unknown" for record in outcomes.records),
        cpus=_distinct(record.cpu for record in outcomes.records),
        games=len(outcomes.games),
        runs=len(outcomes.records),
    )


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def _spoken(figure: Figure) -> str:
    return f"{with_null(figure, True)}"


def _headline(scores: Scores) -> dict[str, Any]:
    contrast, wins = scores.transfer.contrast, scores.transfer.win_probability
    return {
        "contrast": contrast,
        "bar": _bar(contrast),
        "wins": wins,
        "spoken_wins": f"{with_null(wins, False)}",
    }


def _bar(figure: Figure) -> dict[str, float] | None:
    """Where value, interval and null stand between -1 and 1, in per cent of the width; None: undefined."""
    if figure.value is None or figure.interval is None or figure.null is None:
        return None
    ends = {
        "value": figure.value,
        "low": figure.interval.low,
        "high": figure.interval.high,
        "null_low": figure.null.low,
        "null_high": figure.null.high,
    }
    return {name: round(50 * (1 + max(-1.0, min(1.0, end))), 2) for name, end in ends.items()}


def _sections(
    store: Store,
    division: Division,
    outcomes: Outcomes,
    scores: Scores,
    claim: Claim,
    published: Mapping[str, Scores],
) -> Iterable[Section]:
    sheets = score_sheets(scores)
    claimed = claim_sheet({"this learner": claim})
    yield Section(
        "transfer",
        "Transfer",
        "Each held-out game is played by an untrained learner and by one that was trained on the other folds. "
        "Every figure stands beside its null: what the same figure says of fresh runs set against fresh runs.",
        transfer_drawings(scores),
        (claimed, sheets.overall, sheets.by_game, sheets.speed, sheets.final),
    )
    yield Section(
        "pretraining",
        "Pre-training itself",
        "Whether pre-training learned: what it earned in each game, beside a fresh learner after the same "
        "frames of that game.",
        (),
        (sheets.pretraining,),
    )
    yield Section(
        "multitask",
        "Specialist against generalist",
        "One set of weights for all games, beside the same architecture trained on each game alone for the "
        "same frames of it.",
        [multitask_drawing(scores)],
        (sheets.multitask,),
    )
    yield Section(
        "learning",
        "Learning curves",
        "Points per 1,000 agent steps while training, over the frames of the game; lines are means over seeds, "
        "bands their range.",
        learning_drawings(outcomes),
        (),
    )
    heads = [
        head_use_drawing(record.run_id, read_head_use(folder))
        for record in outcomes.records
        if (folder := store.folder / record.run_id.partition("/")[2]).joinpath(NOTES, HEAD_USE).exists()
        and "/generalist/" in record.run_id
    ]
    if heads:
        text = "What the gate of the multi-head learner gave to each head, though nobody told it the game."
        yield Section("heads", "Head use", text, heads, ())
    if beside := _beside_published(division, scores, published):
        text = "The published baselines of this edition, from their published scores."
        yield Section("baselines", "Beside the published baselines", text, (), beside)
    yield Section(
        "runs", "Runs", "Every run of the edition, as recorded.", (), (_runs_sheet(outcomes.records),)
    )


def _beside_published(division: Division, scores: Scores, published: Mapping[str, Scores]) -> tuple[Sheet, ...]:
    """This learner's figures over all games beside the baselines', a table per division; (): no baselines."""
    if not published:
        return ()
    rows: dict[Division, list[Row]] = {one: [] for one in DIVISIONS}
    rows[division].append(comparison_row("this learner", scores))
    for name, other in published.items():
        folder = published_folder(name, scores.edition)
        rows[division_of(folder)].append(comparison_row(name, other))
    sheets = {one: overview_sheet(scores.edition, own) for one, own in rows.items() if own}
    return tuple(sheet._replace(title=division_title(one, sheet.title)) for one, sheet in sheets.items())


def _runs_sheet(records: Sequence[RunRecord]) -> Sheet:
    columns = (
        Column("run", "run", "label"),
        Column("device", "device", "words"),
        Column("machine", "machine", "words"),
        Column("frames", "frames"),
        Column("speed", "steps/s"),
        Column("seconds", "seconds"),
        Column("started", "started"),
        Column("ledger", "ledger"),
    )
    rows = tuple(
        {
            "run": record.run_id.partition("/")[2],
            "device": record.device,
            "machine": record.cpu,
            "frames": f"{record.budget_frames:,}",
            "speed": f"{record.training_steps_per_second:,.0f}",
            "seconds": f"{record.wall_seconds:,.0f}",
            "started": record.started_at,
            "ledger": record.ledger_sha256[:12],
        }
        for record in records
    )
    return Sheet(f"{len(records)} runs", columns, rows)
