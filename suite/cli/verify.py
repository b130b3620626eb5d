"""The commands for submissions: pack one, verify one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol import UnknownName, current_protocol
from suite.cli.grouped import grouped
from suite.cli.options import SHARE, BoxOptions, JsonOption, fail
from suite.untrusted.text import printable

if TYPE_CHECKING:
    from suite.contained.spec import BoxSpec
    from suite.submission.description import Submission
    from suite.verify.verification import Levels

app = typer.Typer()


@app.command(rich_help_panel=SHARE)
def submit(
    folder: Annotated[Path, typer.Argument(help="A results folder with all runs of an edition.")],
    out: Annotated[Path, typer.Argument(help="The submission to write; a new folder.")],
    name: Annotated[str, typer.Option("--name", prompt=True, help="Name of the learner in tables.")],
    author: Annotated[list[str], typer.Option("--author", help="An author; repeatable.")],
    code: Annotated[
        str, typer.Option("--code", prompt=True, help="Where the code is: a URL with a commit, or a DOI.")
    ],
    division: Annotated[
        str, typer.Option("--division", help="standard, or open: with weights or data from elsewhere.")
    ] = "standard",
    brings: Annotated[
        str | None,
        typer.Option(
            "--brings",
            help="In the division open: which weights or data come from elsewhere, and from where.",
            show_default=False,
        ),
    ] = None,
    deterministic: Annotated[
        bool,
        typer.Option("--deterministic", help="Declare that the learner, trained again, repeats to the bit."),
    ] = False,
    image_sha256: Annotated[
        str | None,
        typer.Option(
            "--image-id",
            help="Id of the image that it was played in, 64 hexadecimal digits.",
            show_default="that of the runs",
        ),
    ] = None,
) -> None:
    """Pack results into a submission and audit it."""
    from suite.results.mixture import mixtures
    from suite.results.store import Store, complete_runs, edition_of
    from suite.scoring.score import score_folder
    from suite.submission.packing import image_of, pack
    from suite.verify.verification import verify

    protocol = current_protocol()
    store = Store(folder, protocol)
    held_in = image_of(store)
    submission = _said(
        name=name,
        authors=tuple(author),
        code=code,
        division=division,
        brings=brings,
        contained=held_in is not None,
        image_sha256=image_sha256 or held_in,
        deterministic=deterministic,
    )
    score_folder(store, edition_of(folder, protocol))
    pack(store, submission, out)
    found = verify(out)
    if found.exit_status:
        _print(found)
        fail(f"{out} is written, but its own audit fails; mend the results and pack them anew", 1)
    for warning in found.findings:
        print(f"for the reviewer, rule {warning.rule}: {warning.found}")
    for line in mixtures([store.record(run.run_id) for run in complete_runs(store)]):
        print(f"for the reviewer: {line}")
    print(f"written to {printable(str(out))}, division {division}; its audit passes ({found.runs} runs)")


def _said(**fields: Any) -> Submission:
    """What the options say of the runs; raises UnknownName where they cannot be right."""
    from pydantic import ValidationError

    from suite.submission.description import VERSION, Submission
    from suite.untrusted.text import first_complaint

    try:
        return Submission.model_validate({"schema_version": VERSION, **fields})
    except ValidationError as error:
        raise UnknownName(first_complaint(error)) from error


@app.command(rich_help_panel=SHARE)
@grouped
def verify(
    *,
    folder: Annotated[Path, typer.Argument(help="A submission, such as `amtlb submit` writes.")],
    replay: Annotated[
        bool, typer.Option("--replay", help="Play every episode again from its actions.")
    ] = False,
    sample: Annotated[
        float | None,
        typer.Option(
            "--sample",
            min=0.0,
            max=1.0,
            help="Play this share of each run's episodes only.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Draws sample and runs.", show_default="a new one, printed"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", help="Replay on this dask scheduler, such as tcp://host:8786.", show_default=False
        ),
    ] = None,
    finished: Annotated[
        Path | None,
        typer.Option(
            "--finished",
            help="Keep what is replayed in this folder, outside the submission; a second call goes on.",
            show_default=False,
        ),
    ] = None,
    retrain: Annotated[
        list[str] | None,
        typer.Option(
            "--retrain",
            help="A run that its learner plays again, in a box, or, installed and trusted, here; repeatable. "
            "A number: so many, drawn by --seed.",
        ),
    ] = None,
    boxed: BoxOptions,
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
    box = boxed.spec()
    levels = _levels(replay, sample, seed, retrain or [], box)._replace(scheduler=scheduler, finished=finished)
    if not levels.replay and (scheduler is not None or finished is not None):
        raise UnknownName("--scheduler and --finished are of a replay; give --replay or --sample, too")
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


def _levels(
    replay: bool, sample: float | None, seed: int | None, retrain: list[str], box: BoxSpec | None
) -> Levels:
    """What is checked beyond the audit; raises UnknownName where the options do not go together."""
    import secrets

    from suite.verify.verification import Levels

    runs = [text for text in retrain if not text.isdecimal()]
    counts = [int(text) for text in retrain if text.isdecimal()]
    if seed is not None and sample is None and not counts:
        raise UnknownName("--seed draws a sample or runs; give --sample or --retrain NUMBER, too")
    if len(counts) > 1:
        raise UnknownName(f"--retrain was given {len(counts)} numbers of runs to draw; give one")
    if box is not None and not retrain:
        raise UnknownName("a box is for training again; give --retrain, too")
    drawn_by = secrets.randbits(32) if seed is None else seed
    drawn = None if sample is None else (sample, drawn_by)
    draw = (counts[0], drawn_by) if counts else None
    return Levels(replay or sample is not None, drawn, runs, box, draw)


def _print(found: object) -> None:
    from suite.cli.printing import output_console, print_verification

    print_verification(output_console(), found)  # type: ignore[arg-type]
