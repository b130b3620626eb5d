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
from suite.cli.options import (
    DEFAULT_BOX_USER,
    DEFAULT_LEARNER,
    PLAY,
    BoxUserOption,
    ContainedOption,
    DeviceOption,
    ImageOption,
    JsonOption,
    LearnerOption,
    LimitOption,
    OutOption,
    SetFromOption,
    SetOption,
    SnapshotOption,
    StallOption,
    WorkersOption,
    box_spec,
    check_device,
    fail,
    hyperparameters,
    results_folder,
    warn_of_no_commit,
    warn_of_untracked,
)
from suite.cli.stopping import interrupts_left_to_the_run
from suite.run.job import SNAPSHOT_MINUTES, STALL_MINUTES

if TYPE_CHECKING:
    from suite.benchmark.process import Outcome
    from suite.benchmark.settings import Settings
    from suite.results.store import Store
    from suite.run.messages import Played

app = typer.Typer()


@app.command(rich_help_panel=PLAY)
def run(
    run_id: Annotated[str, typer.Argument(help="Such as smoke/fresh/breakout/seed0.")],
    learner: LearnerOption = DEFAULT_LEARNER,
    out: OutOption = None,
    device: DeviceOption = "cpu",
    workers: WorkersOption = None,
    image: ImageOption = None,
    contained: ContainedOption = None,
    box_user: BoxUserOption = DEFAULT_BOX_USER,
    limit: LimitOption = None,
    snapshot_minutes: SnapshotOption = SNAPSHOT_MINUTES,
    stall_minutes: StallOption = STALL_MINUTES,
    foreground: Annotated[
        bool,
        typer.Option("--foreground", help="Give the learner this terminal, so that it can call breakpoint()."),
    ] = False,
    chosen_values: SetOption = None,
    chosen_file: SetFromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play one run, unless it is complete; print its record."""
    protocol = current_protocol()
    parsed = parse_run_id(run_id, protocol)
    check_device(device)
    from suite.benchmark.edition import check_hyperparameters
    from suite.benchmark.process import check_importable
    from suite.benchmark.settings import Settings, runs_and_workers
    from suite.results.store import Store
    from suite.tracking.mongo_url import url_of_environment

    box = box_spec(image, contained, box_user, limit, device)
    if foreground and box is not None:
        raise UnknownName("--foreground hands out this terminal, which no box has; leave one of them out")
    url_of_environment()
    warn_of_no_commit()
    given = hyperparameters(chosen_values, chosen_file)
    if box is None:
        check_importable(learner, stall_minutes, given)
    store = Store(results_folder(out, parsed.edition, learner), protocol)
    _, workers = runs_and_workers(device, protocol.lanes, 1, workers)
    settings = Settings(
        learner,
        device,
        1,
        workers,
        None,
        box,
        tracked=True,
        snapshot_minutes=snapshot_minutes,
        stall_minutes=stall_minutes,
        foreground=foreground,
        hyperparameters=given,
    )
    check_hyperparameters(plan(protocol, protocol.edition(parsed.edition)), store, settings)
    outcome = _play(parsed, store, protocol, settings)
    warn_of_untracked([outcome], store.folder)
    _check_complete(outcome, foreground)
    _print_record(store.record(parsed), store.run_folder(parsed), as_json)


def _play(run_id: RunId, store: Store, protocol: Protocol, settings: Settings) -> Outcome:
    """Play the run with this terminal, or show its progress."""
    from suite.benchmark.edition import play_one
    from suite.benchmark.scheduler import Progress
    from suite.cli.printing import output_console
    from suite.cli.progress import ProgressDisplay

    if settings.foreground:
        with interrupts_left_to_the_run():
            return play_one(run_id, store, protocol, settings)
    described = [describe(run_id, protocol)]
    with ProgressDisplay(output_console(stderr=True), protocol, described, described) as display:

        def show(played: Played) -> None:
            display.hear(Progress(str(run_id), played.steps, played.resumed_steps))

        return play_one(run_id, store, protocol, settings, show)


def _check_complete(outcome: Outcome, foreground: bool) -> None:
    """Exit where the run is not complete."""
    if outcome.status == "stopped":
        raise typer.Exit(130)
    if outcome.status == "elsewhere":
        fail(f"run {outcome.run_id} is being played by another process; wait for it or end it", 1)
    if outcome.status != "complete":
        log = "" if foreground else f" (log: {outcome.log})"
        fail(f"run {outcome.run_id} {outcome.status}: {outcome.error}{log}", 1)


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
