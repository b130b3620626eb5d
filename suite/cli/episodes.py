"""The commands that take recorded episodes along: to watch, as curves, as data to train on."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from protocol import Phase, Protocol, current_protocol
from suite.cli.options import DEFAULT_EDITION, READ, OfEditionOption, finite
from suite.untrusted.text import bytes_text, counted

if TYPE_CHECKING:
    from suite.episodes.proven import Claims
    from suite.episodes.recorded import Recorded

app = typer.Typer()

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A complete run: its folder in results or in a submission, such as "
        "results/smoke/baselines.ppo/fresh/breakout/seed0, or of a published baseline, such as "
        "ppo/fresh/breakout/seed0.",
    ),
]
PublishedOption = Annotated[
    str, typer.Option("--edition", help="Of a published baseline: smoke, lite or full.")
]
PhaseOption = Annotated[str | None, typer.Option("--phase", help="training or evaluation.", show_default=False)]
GameOption = Annotated[
    str | None, typer.Option("--game", help="The game, if the run has several.", show_default=False)
]


@app.command(rich_help_panel=READ)
def watch(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", help="The file; .mp4, .gif or .webp.")] = Path("episode.mp4"),
    episode: Annotated[
        str, typer.Option("--episode", help="best, last, or a row of the ledger, from 0.")
    ] = "best",
    phase: Annotated[
        str | None,
        typer.Option(
            "--phase",
            help="training or evaluation.",
            show_default="evaluation, where the run has one",
        ),
    ] = None,
    game: GameOption = None,
    beside: Annotated[
        str | None,
        typer.Option(
            "--beside",
            help="Another run, to the right: its evaluation episode, chosen by the same rule, or the training "
            "episode that began after the most similar number of frames of that game.",
            metavar="RUN",
            show_default=False,
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            "--speed", min=0.1, max=64, callback=finite, help="Speed, as a multiple of the console's."
        ),
    ] = 1.0,
    scale: Annotated[int, typer.Option("--scale", min=1, max=8, help="Pixels per pixel of the console.")] = 3,
    edition: PublishedOption = DEFAULT_EDITION,
) -> None:
    """Play a recorded episode again, check it against its ledger, and write it as a video in colour."""
    protocol = current_protocol()
    from suite.emulator.colour import FRAMES_PER_SECOND
    from suite.episodes.choice import choose_beside, choose_row
    from suite.episodes.proven import Claims
    from suite.episodes.recorded import find_recorded
    from suite.episodes.strips import Shown, show
    from suite.episodes.video import check_name, write_video

    check_name(out)
    recorded = find_recorded(run, protocol, edition)
    row = choose_row(recorded, episode, cast("Phase | None", phase), game)
    chosen = [(recorded, row)]
    if beside is not None:
        other = find_recorded(beside, protocol, edition)
        chosen.append((other, choose_beside(recorded, row, other, episode)))
    claimed = [(one, Claims(protocol, one, place)) for one, place in chosen]
    steps_per_second = Fraction(FRAMES_PER_SECOND, protocol.environment.frame_skip)
    shows = [Shown(one.title, claims) for one, claims in claimed]
    rate = steps_per_second * Fraction(speed).limit_denominator(100)
    size = write_video(out, partial(show, protocol, shows, scale), rate)
    for one, claims in claimed:
        print(_told(protocol, one, claims))
    print(f"written to {out}, {size / 1e6:.1f} MB; every reward and the end are those of the ledger")


@app.command(rich_help_panel=READ)
def curves(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS",
            help="Results folders, complete or not, and published baselines by name, such as ppo.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The table; .csv or .parquet.")] = Path("curves.csv"),
    tensorboard: Annotated[
        Path | None,
        typer.Option("--tensorboard", help="A new folder for TensorBoard's event files.", show_default=False),
    ] = None,
    edition: OfEditionOption = None,
) -> None:
    """Write learning curves as a tidy table: learner, arm, game, seed, frames, return, run_id."""
    from suite.episodes.event_files import write_events
    from suite.episodes.tidy import check_name, curve_table, find_results, write_table

    check_name(out)
    table = curve_table(find_results(results, edition))
    write_table(table, out)
    print(f"{table.num_rows:,} points written to {out}")
    if tensorboard is not None:
        runs = write_events(table, tensorboard)
        print(f"{counted(runs, 'run')} written to {tensorboard}; `tensorboard --logdir` shows them")


@app.command(rich_help_panel=READ)
def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", help="The folder that gets a folder for this run.")] = Path(
        "export"
    ),
    form: Annotated[str, typer.Option("--format", help="minari, npz or parquet.")] = "minari",
    phase: PhaseOption = None,
    game: GameOption = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Processes that play the episodes.", show_default="one per core"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how large it will be; write nothing.")
    ] = False,
    edition: PublishedOption = DEFAULT_EDITION,
) -> None:
    """Write a run's observations, actions, rewards and ends as data for offline training."""
    protocol = current_protocol()
    from suite.cli.printing import output_console
    from suite.cli.progress import CountDisplay
    from suite.episodes.export import Export, check_room, write_export
    from suite.episodes.recorded import find_recorded
    from suite.machine import available_cores

    recorded = find_recorded(run, protocol, edition)
    chosen = Export(protocol, recorded, edition, form, cast("Phase | None", phase), game, out)
    size = chosen.size()
    print(
        f"{size.steps:,} steps in {size.episodes:,} episodes: about {bytes_text(size.disk_bytes)} on disk, "
        f"{bytes_text(size.observation_bytes)} of observations in memory"
    )
    if dry_run:
        return
    check_room(chosen, size)
    with CountDisplay(output_console(), "shards", len(chosen.shards())) as display:
        write_export(chosen, workers or available_cores(), display.show)
    print(f"written to {chosen.folder}; every reward and every end are those of the ledger")


def _told(protocol: Protocol, recorded: Recorded, claims: Claims) -> str:
    episode = claims.episode
    frames = episode.length_steps * protocol.environment.frame_skip
    return (
        f"row {claims.row} of {recorded.name}: {episode.game}, {episode.phase}, "
        f"{episode.episode_return:,} points in {frames:,} frames, end: {episode.end_reason}"
    )
