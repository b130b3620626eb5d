"""The command that verifies a submission."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocol import UnknownName
from suite.cli.box_options import BoxOptions
from suite.cli.grouped import grouped
from suite.cli.options import SHARE, JsonOption, finite

if TYPE_CHECKING:
    from suite.verify.verification import Levels

app = typer.Typer()


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
        typer.Option(
            "--seed",
            min=0,
            help="The seed that draws the sample and the runs.",
            show_default="a new one, printed",
        ),
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
            "repeatable. A number draws that many runs, by --seed.",
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
        return Levels(
            replay=self.replay,
            sample=drawn,
            retrain=runs,
            box=box,
            draw=draw,
            scheduler=self.scheduler,
            finished=self.finished,
        )


@app.command(rich_help_panel=SHARE)
@grouped
def verify(
    *,
    folder: Annotated[Path, typer.Argument(help="A submission, such as `amtlb submit` writes.")],
    deep: LevelOptions,
    as_json: JsonOption = False,
    as_markdown: Annotated[
        bool,
        typer.Option(
            "--markdown",
            help="Print Markdown, for a comment; text of the submission is shown as code, without effect.",
        ),
    ] = False,
) -> None:
    """Check a submission against the rules. Exit status: 0 yes, 1 no, 2 wrong use, 3 could not check."""
    from rich.text import Text

    from suite.cli.printing import output_console, print_verification
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
            status.update(Text(step))

        found = verify_folder(folder, levels, listener=tell)
    if as_json:
        print(found.model_dump_json(indent=2))
    elif as_markdown:
        from suite.verify.markdown import markdown

        print(markdown(found), end="")
    else:
        print_verification(output_console(), found)
    raise typer.Exit(found.exit_status)
