"""The commands that read results: scores, comparisons, reports, leaderboards."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from protocol import Edition, StoreError, UnknownName, current_protocol
from suite.cli.options import READ, JsonOption, OfEditionOption
from suite.untrusted.files import is_folder
from suite.untrusted.text import printable

if TYPE_CHECKING:
    from suite.results.store import Store
    from suite.scoring.comparison import Comparison

app = typer.Typer()
Form = Literal["tables", "json", "markdown"]

OneResult = Annotated[
    str,
    typer.Argument(
        metavar="RESULTS",
        help="A results folder with all runs of an edition, or a published baseline by name, such as ppo.",
    ),
]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")]


@app.command(rich_help_panel=READ)
def scores(
    results: OneResult,
    edition: OfEditionOption = None,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
) -> None:
    """Score results: transfer contrast and ratio, multitask vector; write scores.json into a results folder."""
    if as_json and as_markdown:
        raise UnknownName("choose one of --json and --markdown")
    from suite.results.results import open_results
    from suite.submission.packing import is_submission

    opened = open_results(results, edition)
    form: Form = "json" if as_json else "markdown" if as_markdown else "tables"
    keep = is_folder(results) and not is_submission(opened.folder)  # whose sums name the file as it is
    score_and_print(opened.store, opened.edition, form, keep=keep)


@app.command(rich_help_panel=READ)
def compare(
    results: Annotated[
        list[str],
        typer.Argument(
            help="Results folders, or published baselines by name, such as ppo; with --from also other "
            "learners, as module:function."
        ),
    ],
    edition: OfEditionOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Read the named learners from this MongoDB, mongodb://..., or AMTLB_MONGO_URL's.",
            show_default=False,
            metavar="URL|AMTLB_MONGO_URL",
        ),
    ] = None,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV: one row per figure, with its interval and null.")
    ] = False,
) -> None:
    """Compare results: figures over all games with intervals and nulls, figures by game, and who beats whom."""
    if as_json + as_markdown + as_csv > 1:
        raise UnknownName("choose one of --json, --markdown and --csv")
    from suite.cli.printing import output_console
    from suite.report.comparison_tables import comparison_sheets
    from suite.report.sheets import csv_text, markdown_table
    from suite.report.terminal import print_sheet
    from suite.report.tidy import tidy_sheet

    comparison = _compared(results, edition, source)
    if as_json:
        print(comparison.model_dump_json(indent=2))
    elif as_csv:
        print(csv_text(tidy_sheet(comparison)), end="")
    elif as_markdown:
        print("\n".join(map(markdown_table, comparison_sheets(comparison))), end="")
    else:
        console = output_console()
        for sheet in comparison_sheets(comparison):
            print_sheet(console, sheet)


def _compared(results: list[str], edition: str | None, source: str | None) -> Comparison:
    """Compare folders with each other and with published baselines, or with what a database holds."""
    from suite.scoring.comparison import compare

    if source is None:
        return compare(results, edition)
    from suite.tracking.mongo_url import VARIABLE, MongoUrl
    from suite.tracking.reader import learner_of, read_published

    url = MongoUrl(os.environ.get(VARIABLE, ""), VARIABLE) if source == VARIABLE else MongoUrl(source, "--from")
    with TemporaryDirectory(prefix="amtlb-") as scratch, url.database() as database:

        def find(name: str, edition: Edition) -> Path:
            folder = Path(scratch) / learner_of(name).replace("/", "-")
            read_published(database, name, current_protocol(), edition, folder)
            return folder

        return compare(results, edition, find=find)


@app.command(rich_help_panel=READ)
def report(
    results: OneResult,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The report's folder.", show_default="report/ in the results, or here"),
    ] = None,
    edition: OfEditionOption = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch/--no-watch", help="Play the best episode of each game again, to be watched in the page."
        ),
    ] = True,
) -> None:
    """Write a report: one HTML file, and its figures as SVG and PNG."""
    from suite.report.page import write_report

    page = write_report(results, out or _report_folder(results), edition, watch=watch)
    print(f"written to {printable(str(page))}")


def _report_folder(results: str) -> Path:
    """The default folder of a report: inside results, but not inside a submission, in which it has no place."""
    from suite.submission.packing import is_submission

    if not is_folder(results):
        return Path("report")
    folder = Path(results)
    return Path(f"{folder.resolve().name}-report") if is_submission(folder) else folder / "report"


@app.command(rich_help_panel=READ)
def leaderboard(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS",
            help="Results folders, submissions, or published baselines by name; all of one edition.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The leaderboard's folder.")] = Path("leaderboard"),
    edition: OfEditionOption = None,
) -> None:
    """Write a leaderboard: one HTML file with every learner's figures, cost and verdict of the audit."""
    from rich.text import Text

    from suite.cli.printing import output_console
    from suite.leaderboard.entries import read_board
    from suite.leaderboard.page import write_leaderboard

    with output_console(stderr=True).status("reading", spinner="line") as status:
        board = read_board(results, edition, lambda step: status.update(Text(step)))
        page = write_leaderboard(board, out)
    for label, entry in board.entries.items():
        print(f"{label}: audit {entry.verdict}")
    print(f"written to {printable(str(page))}")


def score_and_print(store: Store, edition: Edition, form: Form, *, keep: bool = True) -> None:
    """Score complete results, print the scores and, if asked, keep them there if that can be written to."""
    from suite.cli.printing import markdown_scores, output_console, print_scores
    from suite.results.mixture import mixtures
    from suite.scoring.claims import claims
    from suite.scoring.outcomes import read_outcomes
    from suite.scoring.published import published_scores
    from suite.scoring.score import score_outcomes, write_scores

    outcomes = read_outcomes(store, edition)
    result = score_outcomes(outcomes)
    for line in mixtures(outcomes.records):
        print(f"note: {line}", file=sys.stderr)
    claim = claims([result], published_scores(store.protocol, edition.name))[0]
    if form == "json":
        print(result.model_dump_json(indent=2))
    elif form == "markdown":
        print(markdown_scores(result, claim), end="")
    else:
        print_scores(output_console(), result, claim)
    if not keep:
        return
    try:
        path = write_scores(result, store.folder)
    except StoreError as error:
        print(f"warning: {error}; they are only printed", file=sys.stderr)
        return
    if form == "tables":
        print(f"written to {printable(str(path))}")
