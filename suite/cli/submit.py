"""The command that packs a submission."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocol import UnknownName, current_protocol
from suite.cli.grouped import grouped
from suite.cli.options import SHARE, fail
from suite.untrusted.text import counted, printable

if TYPE_CHECKING:
    from suite.submission.description import Submission

app = typer.Typer()


@dataclass(frozen=True, kw_only=True)
class DescriptionOptions:
    """The description of a submission."""

    name: Annotated[str, typer.Option("--name", help="Name of the learner in tables.")]
    authors: Annotated[list[str], typer.Option("--author", help="An author; repeatable.")]
    code: Annotated[str, typer.Option("--code", help="Where the code is: a URL with a commit, or a DOI.")]
    division: Annotated[
        str, typer.Option("--division", help="standard, or open: with weights or data from elsewhere.")
    ] = "standard"
    brings: Annotated[
        str | None,
        typer.Option(
            "--brings",
            help="In the division open: which weights or data come from elsewhere, and from where.",
            show_default=False,
        ),
    ] = None
    deterministic: Annotated[
        bool,
        typer.Option("--deterministic", help="Declare that the learner, trained again, repeats to the bit."),
    ] = False
    image_sha256: Annotated[
        str | None,
        typer.Option(
            "--image-id",
            help="Id of the image that it was played in, 64 hexadecimal digits.",
            show_default="that of the runs",
        ),
    ] = None

    def submission(self, held_in: str | None) -> Submission:
        """The description, of runs that an image held or none; raises UnknownName where it cannot be right."""
        from pydantic import ValidationError

        from suite.submission.description import VERSION, Submission
        from suite.untrusted.text import first_complaint

        fields = asdict(self) | {
            "schema_version": VERSION,
            "authors": tuple(self.authors),
            "contained": held_in is not None,
            "image_sha256": self.image_sha256 or held_in,
        }
        try:
            return Submission.model_validate(fields)
        except ValidationError as error:
            raise UnknownName(first_complaint(error)) from error


@app.command(rich_help_panel=SHARE)
@grouped
def submit(
    *,
    folder: Annotated[Path, typer.Argument(help="A results folder with all runs of an edition.")],
    out: Annotated[Path, typer.Argument(help="The submission to write; a new folder.")],
    described: DescriptionOptions,
) -> None:
    """Pack results into a submission and audit it."""
    from suite.cli.printing import output_console, print_verification
    from suite.results.editions import complete_runs, edition_of
    from suite.results.mixture import mixtures
    from suite.results.store import Store
    from suite.scoring.score import score_folder
    from suite.submission.packing import image_of, pack
    from suite.verify.verification import verify

    protocol = current_protocol()
    store = Store(folder, protocol)
    submission = described.submission(image_of(store))
    score_folder(store, edition_of(folder, protocol))
    pack(store, submission, out)
    found = verify(out)
    if found.exit_status:
        print_verification(output_console(), found)
        fail(f"{out} is written, but its own audit fails; fix the results and pack them again", 1)
    for warning in found.findings:
        print(f"for the reviewer, rule {warning.rule}: {warning.found}")
    for line in mixtures([store.record(run.run_id) for run in complete_runs(store)]):
        print(f"for the reviewer: {line}")
    division, runs = described.division, counted(found.runs, "run")
    print(f"written to {printable(str(out))}, division {division}; its audit passes ({runs})")
