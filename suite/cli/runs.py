"""The command that plays one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocol import (
    Protocol,
    RunId,
    RunRecord,
    UnknownName,
    current_protocol,
    describe,
    parse_run_id,
    plan,
)
from suite.cli.box_options import BoxOptions
from suite.cli.grouped import grouped
from suite.cli.options import PLAY, JsonOption, fail
from suite.cli.play_options import PlayOptions, check_playable, warn_of_untracked
from suite.cli.stopping import Terminated, interrupts_left_to_the_run

if TYPE_CHECKING:
    from suite.benchmark.process import RunEnd
    from suite.benchmark.settings import Settings
    from suite.results.store import Store
    from suite.run.messages import Played

app = typer.Typer()


@app.command(rich_help_panel=PLAY)
@grouped
def run(
    *,
    run_id: Annotated[str, typer.Argument(help="Such as smoke/fresh/breakout/seed0.")],
    how: PlayOptions,
    boxed: BoxOptions,
    foreground: Annotated[
        bool,
        typer.Option("--foreground", help="Give the learner this terminal, so that it can call breakpoint()."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Play one run, unless it is complete; print its record."""
    protocol = current_protocol()
    parsed = parse_run_id(run_id, protocol)
    from suite.benchmark.edition import check_hyperparameters

    settings = how.settings(boxed.spec(how.device), jobs=1, foreground=foreground)
    if foreground and settings.box is not None:
        raise UnknownName("--foreground hands out this terminal, which no box has; leave one of them out")
    check_playable(settings)
    store = how.store(parsed.edition)
    check_hyperparameters(plan(protocol, protocol.edition(parsed.edition)), store, settings)
    end = _play(parsed, store, protocol, settings)
    warn_of_untracked([end], store.folder)
    _check_complete(end, foreground)
    _print_record(store.record(parsed), store.run_folder(parsed), as_json)


def _play(run_id: RunId, store: Store, protocol: Protocol, settings: Settings) -> RunEnd:
    """Play the run with this terminal, or show its progress."""
    from suite.benchmark.edition import play_one
    from suite.benchmark.scheduler import Progress
    from suite.cli.printing import output_console
    from suite.cli.progress import ProgressDisplay

    if settings.foreground:
        with interrupts_left_to_the_run():
            return play_one(run_id, store, settings)
    described = [describe(run_id, protocol)]
    console = output_console(stderr=True)
    with ProgressDisplay(console, described, described) as display:

        def show(played: Played) -> None:
            display.show(Progress(str(run_id), played.steps, played.resumed_steps))

        try:
            return play_one(run_id, store, settings, show)
        except (KeyboardInterrupt, Terminated):
            console.print("stopped; the same command goes on from where it can")
            raise


def _check_complete(end: RunEnd, foreground: bool) -> None:
    """Exit where the run is not complete."""
    if end.status == "stopped":
        raise typer.Exit(130)
    if end.status == "elsewhere":
        fail(f"run {end.run_id} is being played by another process; wait for it or end it", 1)
    if end.status != "complete":
        log = "" if foreground else f" (log: {end.log})"
        fail(f"run {end.run_id} {end.status}: {end.error}{log}", 1)


def _print_record(record: RunRecord, folder: Path, as_json: bool) -> None:
    if as_json:
        print(record.model_dump_json(indent=2))
        return
    print(f"{record.run_id} is complete in {folder}")
    for game in record.games:
        print(
            f"  {game.game}: {game.training_frames:,} frames in {game.training_episodes} training episodes, "
            f"{game.evaluation_episodes} evaluation episodes"
        )
    print(f"  {record.training_steps_per_second:,.0f} training steps/s, ledger {record.ledger_sha256}")
