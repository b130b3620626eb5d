"""A report: one HTML file that needs nothing else, and its figures as files of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from protocol import RunRecord, StoreError
from suite.digests import short_digest
from suite.report.answers import MOST_NAMED_GAMES, answers
from suite.report.comparison_tables import comparison_row, overview_sheet, titled
from suite.report.downloads import downloads
from suite.report.facts import SMOKE_NOTE, facts
from suite.report.figures import (
    head_use_drawing,
    learning_drawings,
    multitask_by_game,
    transfer_by_game,
    transfer_drawings,
)
from suite.report.sheets import Column, Row, Sheet
from suite.report.style import Drawing, save
from suite.report.tables import caveats, score_sheets
from suite.report.templates import Section, Trail, render
from suite.report.watching import PROVEN, Watched, best_episodes, embedded, watched
from suite.results.head_use import HEAD_USE, read_head_use
from suite.results.published import published_folder
from suite.results.results import open_results
from suite.results.run_parts import parts_of, wall_seconds
from suite.results.store import NOTES, Store
from suite.results.writing import own_folder, write_file
from suite.scoring.claims import claims
from suite.scoring.outcomes import Outcomes, read_outcomes
from suite.scoring.published import published_scores
from suite.scoring.score import score_outcomes
from suite.scoring.scores import Scores
from suite.scoring.standing import standing
from suite.shadows import OURS
from suite.submission.description import DIVISIONS, Division, division_of
from suite.untrusted.files import is_there

PAGE, FIGURES = "report.html", "figures"


def write_report(
    source: str | Path, out: str | Path, edition: str | None = None, *, watch: bool = True
) -> Path:
    """Score results and write a page about them: ``report.html``, and its figures as SVG and PNG.

    Args:
        source: a results folder or a published baseline, as ``open_results`` takes it.
        out: the folder to write into; made where it is missing.
        edition: as ``open_results`` takes it.
        watch: play the best episode of each game again, to be watched in the page.

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
    best = best_episodes(results.store, outcomes) if watch else ()
    clips = [watched(episode, episode.game, embedded) for episode in best]
    return write_page(results.store, outcomes, score_outcomes(outcomes), Path(out), clips)


def write_page(
    store: Store, outcomes: Outcomes, scores: Scores, out: Path, clips: Sequence[Watched] = ()
) -> Path:
    """Write ``report.html`` and ``figures/*.svg|png``; equal results give equal bytes.

    Args:
        store: where the runs lie; for the notes of learners with heads.
        outcomes: of these runs.
        scores: of these outcomes.
        out: a folder; made where it is missing.
        clips: episodes to watch, such as ``best_episodes`` finds.

    Returns:
        the page.

    Raises:
        StoreError: the folder cannot be written to, or the division of the results cannot be read.
    """
    found = make_page(store, outcomes, scores, clips)
    figures = own_folder(own_folder(out) / FIGURES)
    write_file(out / PAGE, found.text)
    for drawing in found.drawings:
        for ending in ("svg", "png"):
            save(drawing.figure, figures / f"{drawing.name}.{ending}")
    return out / PAGE


class ReportPage(NamedTuple):
    """A report as text, and the figures in it."""

    text: str
    drawings: Sequence[Drawing]


def make_page(
    store: Store, outcomes: Outcomes, scores: Scores, clips: Sequence[Watched] = (), trail: Trail = ()
) -> ReportPage:
    """A report, not yet written; arguments and errors as for ``write_page``.

    Args:
        store, outcomes, scores, clips: as for ``write_page``.
        trail: the pages above it, where it is part of a site.
    """
    division = division_of(store.folder)
    published = published_scores(store.protocol, scores.edition)
    peers = {
        name: other
        for name, other in published.items()
        if division_of(published_folder(name, scores.edition)) == division
    }
    shown = answers(scores, claims([scores], published)[0], standing(scores, peers), division)
    sections = list(_sections(store, division, outcomes, scores, published, clips))
    drawings = [answer.drawing for answer in shown if answer.drawing]
    drawings += [drawing for section in sections for drawing in section.drawings]
    first = outcomes.records[0]
    played = [part for record in outcomes.records for part in parts_of(record)]
    text = render(
        "page.html.j2",
        trail,
        scores=scores,
        division=division,
        smoke_note=SMOKE_NOTE,
        facts=facts(outcomes.protocol, outcomes.edition, outcomes.records),
        answers=shown,
        downloads=downloads(scores, outcomes.records),
        sections=sections,
        configuration=first.configuration,
        versions=_distinct(", ".join(map(" ".join, sorted(part.versions.items()))) for part in played),
        commits=_distinct(part.code_commit or "unknown" for part in played),
        cpus=_distinct(part.cpu for part in played),
        command=_command(scores, outcomes.records),
        images=_distinct(record.image_sha256 or "" for record in outcomes.records),
    )
    return ReportPage(text, drawings)


def _command(scores: Scores, records: Sequence[RunRecord]) -> str:
    """The command that plays the same again."""
    image = records[0].image_sha256
    if image is not None:
        options = f"--edition {scores.edition} --learner {scores.learner} --image sha256:{image}"
        return f"amtlb benchmark {options}"
    devices = {part.device for record in records for part in parts_of(record)}
    on_gpus = all(device.startswith("cuda") for device in devices)
    if re.split(r"[.:]", scores.learner)[0] in OURS:
        on = " DEVICE=cuda" if on_gpus else ""
        return f"make benchmark EDITION={scores.edition} LEARNER={scores.learner}{on}"
    on = " --device cuda" if on_gpus else ""
    return f"amtlb benchmark --edition {scores.edition} --learner {scores.learner}{on}"


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def _sections(
    store: Store,
    division: Division,
    outcomes: Outcomes,
    scores: Scores,
    published: Mapping[str, Scores],
    clips: Sequence[Watched],
) -> Iterable[Section]:
    """The scores, then what there is besides: episodes, heads, baselines, and the runs."""
    yield from _score_sections(outcomes, scores)
    if clips:
        text = f"The best evaluation episode of each game, over all arms and seeds. {PROVEN}"
        yield Section("episodes", "Episodes to watch", (text,), clips=clips)
    yield from _head_sections(store, outcomes)
    if sheets := _next_to_published(division, scores, published):
        text = "The published baselines of this edition, from their published scores."
        yield Section("baselines", "Next to the published baselines", (text,), (), sheets)
    yield Section(
        "runs", "Runs", ("Every run of the edition, as recorded.",), (), (_runs_sheet(outcomes.records),)
    )


def _score_sections(outcomes: Outcomes, scores: Scores) -> Iterable[Section]:
    sheets = score_sheets(scores)
    many = len(outcomes.games) > MOST_NAMED_GAMES  # so that the first screen does not name them
    yield Section(
        "transfer",
        "Transfer",
        (
            "Each held-out game is played by a fresh learner, which has learned nothing, and by one that "
            "was trained on the other folds (pre-trained). Each figure is shown next to its null.",
            *caveats(scores),
        ),
        [*transfer_drawings(scores), *([transfer_by_game(scores)] if many else [])],
        (sheets.overall, sheets.by_game, sheets.speed, sheets.final),
    )
    yield Section(
        "pretraining",
        "Pre-training itself",
        (
            "Whether pre-training learned: what it earned in each game, next to a fresh learner after the same "
            "frames of that game.",
        ),
        (),
        (sheets.pretraining,),
    )
    yield Section(
        "multitask",
        "Specialist against generalist",
        (
            "One set of weights for all games, next to the same architecture trained on each game alone for "
            "the same frames of it.",
        ),
        [multitask_by_game(scores)] if many else (),
        (sheets.multitask,),
    )
    yield Section(
        "learning",
        "Learning curves",
        (
            "Points per 1,000 agent steps while training, over the frames of the game; lines are means over "
            "seeds, bands their range.",
        ),
        learning_drawings(outcomes),
        (),
    )


def _head_sections(store: Store, outcomes: Outcomes) -> Iterable[Section]:
    """The use of the heads in each generalist run that has notes on it; nothing where none has."""
    drawings, lines = [], []
    for record in outcomes.records:
        folder = store.folder / record.run_id.partition("/")[2]
        if "/generalist/" not in record.run_id or not is_there(folder / NOTES / HEAD_USE):
            continue
        try:
            drawings.append(head_use_drawing(record.run_id, read_head_use(folder)))
        except StoreError as error:  # notes are a learner's own, and no rule says what they hold
            lines.append(f"Not shown, of {record.run_id}: {error}")
    if drawings or lines:
        text = "The weights that the gate of the learner gave to each of its heads. It was not told the game."
        yield Section("heads", "Head use", (text, *lines), drawings)


def _next_to_published(
    division: Division, scores: Scores, published: Mapping[str, Scores]
) -> tuple[Sheet, ...]:
    """This learner's figures over all games next to the baselines', a table per division; (): no baselines."""
    if not published:
        return ()
    rows: dict[Division, list[Row]] = {one: [] for one in DIVISIONS}
    rows[division].append(comparison_row("this learner", scores))
    for name, other in published.items():
        folder = published_folder(name, scores.edition)
        rows[division_of(folder)].append(comparison_row(name, other))
    sheets = {one: overview_sheet(scores.edition, own) for one, own in rows.items() if own}
    return tuple(titled(one, sheet) for one, sheet in sheets.items())


def _runs_sheet(records: Sequence[RunRecord]) -> Sheet:
    machines = {record.run_id: _distinct(part.cpu for part in parts_of(record)) for record in records}
    columns = (
        Column("run", "run", "label"),
        Column("device", "device", "words"),
        *((Column("machine", "machine", "words"),) if len({*chain(*machines.values())}) > 1 else ()),
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
            "machine": "; ".join(machines[record.run_id]),
            "frames": f"{record.budget_frames:,}",
            "speed": f"{record.training_steps_per_second:,.0f}",
            "seconds": f"{wall_seconds(record):,.0f}",
            "started": record.started_at,
            "ledger": short_digest(record.ledger_sha256),
        }
        for record in records
    )
    return Sheet(f"{len(records)} runs", columns, rows)
