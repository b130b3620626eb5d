"""The commands that read results: scores, comparisons, reports."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from protocol import Edition, UnknownName, current_protocol
from suite.cli.options import JsonOption
from suite.untrusted.text import printable

if TYPE_CHECKING:
    from suite.results.store import Store
    from suite.scoring.comparison import Comparison

app = typer.Typer()


@app.command()
def scores(
    folder: Annotated[Path, typer.Argument(help="A results folder with all runs of an edition.")],
    as_json: JsonOption = False,
) -> None:
    """Score a results folder: transfer ratio and contrast, multitask vector; write scores.json into it."""
    from suite.results.store import Store, edition_of

    protocol = current_protocol()
    score_and_print(Store(folder, protocol), edition_of(folder, protocol), as_json)


@app.command()
def compare(
    results: Annotated[
        list[str],
        typer.Argument(
            help="Results folders, and published baselines by name (uniform, ppo, dqn, multihead_a2c); with "
            "--from, other learners by module:function, too."
        ),
    ],
    edition: Annotated[
        str | None,
        typer.Option(
            "--edition", help="smoke, lite or full.  [default: that of the folders]", show_default=False
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Read the named from this MongoDB, mongodb://...",
            show_default=False,
            metavar="URL",
        ),
    ] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV: a row a figure, with its interval and null.")
    ] = False,
) -> None:
    """Set results side by side: every figure, with its interval and null, and who beats whom."""
    if as_json + as_markdown + as_csv > 1:
        raise UnknownName("choose one of --json, --markdown and --csv")
    from suite.cli.printing import output_console
    from suite.report.comparison_tables import comparison_sheets, tidy_sheet
    from suite.report.sheets import csv_text, markdown_table, rich_table

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
            console.print(rich_table(sheet))


def _compared(results: list[str], edition: str | None, source: str | None) -> Comparison:
    """Compare folders with each other and with published baselines, or with what a database holds."""
    from suite.scoring.comparison import compare

    if source is None:
        return compare(results, edition)
    from suite.tracking.mongo_url import MongoUrl
    from suite.tracking.reader import read_published

    url = MongoUrl(source, "--from")
    with TemporaryDirectory(prefix="amtlb-") as scratch, url.database() as database:

        def find(name: str, edition: Edition) -> Path:
            folder = Path(scratch) / name.replace("/", "-")
            read_published(database, name, current_protocol(), edition, folder)
            return folder

        return compare(results, edition, find=find)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A results folder with all runs of an edition.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The report's folder.  [default: report/ in the results]", show_default=False
        ),
    ] = None,
) -> None:
    """Write a page about the results: one HTML file, and its figures as SVG and PNG."""
    from suite.report.page import write_report
    from suite.results.store import edition_of

    edition = edition_of(folder, current_protocol())  # a folder, never the name of a baseline
    page = write_report(folder, out or folder / "report", edition.name)
    print(f"written to {printable(str(page))}")


@app.command()
def heads(
    run_folder: Annotated[Path, typer.Argument(help="A complete run of a learner with heads.")],
    out: Annotated[Path, typer.Option("--out", help="The figure to write; .svg or .png.")] = Path("heads.svg"),
) -> None:
    """Draw how a learner's heads shared the games of a run."""
    from suite.report.figures import draw_head_use
    from suite.report.style import save
    from suite.results.head_use import read_head_use

    use = read_head_use(run_folder)
    save(draw_head_use(use), out)
    nats = use.specialisation_nats
    print(f"written to {printable(str(out))}; game and head share {nats:.3f} nats in the last part")


def score_and_print(store: Store, edition: Edition, as_json: bool) -> None:
    """Score a complete results folder, keep the scores in it and print them."""
    from suite.cli.printing import output_console, print_scores
    from suite.results.store import SCORES
    from suite.scoring.claims import claims
    from suite.scoring.published import published_scores
    from suite.scoring.score import score_folder

    result = score_folder(store, edition)
    if as_json:
        print(result.model_dump_json(indent=2))
        return
    claim = claims([result], published_scores(store.protocol, edition.name))[0]
    print_scores(output_console(), result, claim)
    print(f"written to {printable(str(store.folder / SCORES))}")
