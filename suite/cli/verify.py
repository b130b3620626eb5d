"""The commands for submissions: pack one, verify one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocol import UnknownName, current_protocol
from suite.cli.grouped import grouped
from suite.cli.options import SHARE, BoxOptions, JsonOption, fail, finite
from suite.untrusted.text import printable

if TYPE_CHECKING:
    from suite.submission.description import Submission
    from suite.verify.findings import Verification
    from suite.verify.verification import Levels

app = typer.Typer()


@dataclass(frozen=True, kw_only=True)
class SaidOptions:
    """A submission's account of its runs."""

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
    said: SaidOptions,
) -> None:
    """Pack results into a submission and audit it."""
    from suite.results.mixture import mixtures
    from suite.results.store import Store, complete_runs, edition_of
    from suite.scoring.score import score_folder
    from suite.submission.packing import image_of, pack
    from suite.verify.verification import verify

    protocol = current_protocol()
    store = Store(folder, protocol)
    submission = said.submission(image_of(store))
    score_folder(store, edition_of(folder, protocol))
    pack(store, submission, out)
    found = verify(out)
    if found.exit_status:
        _print(found)
        fail(f"{out} is written, but its own audit fails; fix the results and pack them again", 1)
    for warning in found.findings:
        print(f"for the reviewer, rule {warning.rule}: {warning.found}")
    for line in mixtures([store.record(run.run_id) for run in complete_runs(store)]):
        print(f"for the reviewer: {line}")
    print(f"written to {printable(str(out))}, division {said.division}; its audit passes ({found.runs} runs)")


@dataclass(frozen=True, kw_only=True)
class LevelOptions:
    """The checks beyond the audit."""

    replay: Annotated[bool, typer.Option("--replay", help="Play every episode again from its actions.")] = False
    sample: Annotated[
        float | None,
        typer.Option(
            "--sample",
            min=0.0,
            max=1.0,
            callback=finite,
            help="Play this share of each run's episodes only.",
            show_default=False,
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Draws the sample and the runs.", show_default="a new one, printed"),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", help="Replay on this dask scheduler, such as tcp://host:8786.", show_default=False
        ),
    ] = None
    finished: Annotated[
        Path | None,
        typer.Option(
            "--finished",
            help="Keep what is replayed in this folder, outside the submission; a second call goes on.",
            show_default=False,
        ),
    ] = None
    retrain: Annotated[
        list[str] | None,
        typer.Option(
            "--retrain",
            help="A run to train again, in a box or, if its learner is installed and trusted, here; "
            "repeatable. A number draws so many runs by --seed.",
        ),
    ] = None
    boxed: BoxOptions

    def levels(self) -> Levels:
        """The levels; raises UnknownName where the options do not go together."""
        import secrets

        from suite.verify.verification import Levels

        box, asked = self.boxed.spec(), self.retrain or []
        runs = [text for text in asked if not text.isdecimal()]
        counts = [int(text) for text in asked if text.isdecimal()]
        if self.seed is not None and self.sample is None and not counts:
            raise UnknownName("--seed draws a sample or runs; give --sample or --retrain NUMBER, too")
        if len(counts) > 1:
            raise UnknownName(f"--retrain was given {len(counts)} numbers of runs to draw; give one")
        if box is not None and not asked:
            raise UnknownName("a box is for training again; give --retrain, too")
        drawn_by = secrets.randbits(32) if self.seed is None else self.seed
        drawn = None if self.sample is None else (self.sample, drawn_by)
        draw = (counts[0], drawn_by) if counts else None
        return Levels(self.replay, drawn, runs, box, draw, self.scheduler, self.finished)


@app.command(rich_help_panel=SHARE)
@grouped
def verify(
    *,
    folder: Annotated[Path, typer.Argument(help="A submission, such as `amtlb submit` writes.")],
    deep: LevelOptions,
    as_json: JsonOption = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a comment; nothing foreign acts in it.")
    ] = False,
) -> None:
    """Did a submission honour the protocol? Exit status: 0 yes, 1 no, 2 wrong use, 3 could not check."""
    from suite.cli.printing import output_console
    from suite.verify.findings import COST
    from suite.verify.verification import verify as verify_folder

    if as_json and as_markdown:
        raise UnknownName("choose one of --json and --markdown")
    levels = deep.levels()
    console = output_console(stderr=True)
    with console.status("auditing", spinner="line") as status:

        def tell(step: str) -> None:
            if step.startswith(COST):
                console.print(step, highlight=False, soft_wrap=True)
            status.update(step)

        found = verify_folder(folder, levels, listener=tell)
    if as_json:
        print(found.model_dump_json(indent=2))
    elif as_markdown:
        from suite.verify.markdown import markdown

        print(markdown(found), end="")
    else:
        _print(found)
    raise typer.Exit(found.exit_status)


def _print(found: Verification) -> None:
    from suite.cli.printing import output_console, print_verification

    print_verification(output_console(), found)
