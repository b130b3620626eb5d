"""The command that plays all runs of an edition."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol import Edition, LearnerError, Run, UnknownName, current_protocol, plan
from suite.cli.box_options import BoxOptions
from suite.cli.grouped import grouped
from suite.cli.options import DEFAULT_EDITION, PLAY, EditionOption, JsonOption, fail
from suite.cli.play_options import PlayOptions, check_playable, check_scheduler, warn_of_untracked
from suite.cli.results import score_and_print
from suite.cli.stopping import Terminated
from suite.untrusted.text import counted, listed

if TYPE_CHECKING:
    from rich.console import Console

    from suite.benchmark.cost import Pace
    from suite.benchmark.settings import Settings
    from suite.results.store import Store

app = typer.Typer()


@app.command(rich_help_panel=PLAY)
@grouped
def benchmark(
    *,
    edition: EditionOption = DEFAULT_EDITION,
    how: PlayOptions,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Runs side by side.", show_default="as many as cores allow"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            help="Play on the workers of this dask scheduler, tcp://host:port (docs/clusters.md).",
        ),
    ] = None,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", help="Leave the runs playing on the --scheduler; the same command fetches them."
        ),
    ] = False,
    boxed: BoxOptions,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List the runs and estimate what the missing ones cost; play none."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Play all runs of an edition that are not complete yet, then score them."""
    protocol = current_protocol()
    chosen = protocol.edition(edition)
    runs = plan(protocol, chosen)
    from suite.benchmark.edition import check_hyperparameters, missing_runs
    from suite.cli.printing import output_console

    check_scheduler(scheduler, jobs, detach)
    settings = how.settings(boxed.spec(how.device), jobs, scheduler, detach=detach)
    store = how.store(edition)
    missing, _ = missing_runs(runs, store, settings.learner, settings.box)
    check_hyperparameters(runs, store, settings)
    if dry_run:
        if scheduler is not None:
            settings = replace(settings, jobs=_threads_of(scheduler))
        _print_plan(chosen, runs, missing, store, settings, as_json)
        return
    if missing:
        check_playable(settings)
    console = output_console(stderr=as_json)
    console.print(
        f"{len(runs) - len(missing)} of {len(runs)} runs of {edition} are complete in {store.folder}",
        highlight=False,
        soft_wrap=True,
    )
    warn_of_left_behind(runs, missing)
    _play(console, runs, missing, store, settings)
    if detach and missing:
        left = f"left to {scheduler}: {counted(len(missing), 'run')}"
        console.print(f"{left}; the same command without --detach fetches them")
        return
    score_and_print(store, chosen, "json" if as_json else "tables")


def warn_of_left_behind(runs: Sequence[Run], missing: Sequence[Run]) -> None:
    """Name complete runs that start from a missing one: that is played after them now, which rule F3 finds."""
    again = {run.run_id for run in missing}
    left = [str(run.run_id) for run in runs if run.run_id not in again and run.starts_from in again]
    if left:
        print(
            f"warning: {listed(left, 2)} started from runs that are missing now; delete them, too, so that "
            "they are played again after those",
            file=sys.stderr,
        )


def _threads_of(scheduler: str) -> int:
    """The number of runs that the workers of a scheduler play at the same time."""
    from suite.benchmark.scheduler import cluster_client, threads_of

    with cluster_client(scheduler) as client:
        return threads_of(client, scheduler)


def _play(
    console: Console, runs: Sequence[Run], missing: Sequence[Run], store: Store, settings: Settings
) -> None:
    """Play what is missing; exit where it is not complete then."""
    from suite.benchmark.edition import play_all
    from suite.cli.progress import ProgressDisplay

    try:
        with ProgressDisplay(console, runs, missing) as display:
            ends = play_all(runs, store, settings, display.show)
    except (KeyboardInterrupt, Terminated):
        console.print("stopped; the same command goes on with what is missing")
        raise
    except BrokenPipeError:
        fail("stopped: nobody reads its output any more; the same command goes on with what is missing", 1)
    if settings.detach:
        return
    warn_of_untracked(ends, store.folder)
    if bad := [end for end in ends if end.status != "complete"]:
        fail(f"{len(bad)} of {len(runs)} runs are not complete; the same command tries them again", 1)


def _print_plan(
    edition: Edition,
    runs: Sequence[Run],
    missing: Sequence[Run],
    store: Store,
    settings: Settings,
    as_json: bool,
) -> None:
    """Every run, then what the missing ones cost; where none is missing, nothing is measured."""
    from suite.benchmark.cost import estimate, volume
    from suite.cli.printing import output_console, print_cost, print_plan

    console = output_console()
    if not as_json:
        print_plan(console, edition, runs)
    pace, source = _pace(edition, runs, missing, store, settings) if missing else (None, "no run is missing")
    amount = volume(missing)
    cost = (
        None if pace is None else estimate(missing, store.protocol, pace, settings.jobs, settings.workers or 1)
    )
    if as_json:
        print(
            json.dumps(
                _plan_rows(runs)
                | {
                    "missing": [str(run.run_id) for run in missing],
                    "volume": amount.model_dump(),
                    "pace": None if pace is None else pace.model_dump(),
                    "pace_source": source,
                    "estimate": None if cost is None else cost.model_dump(),
                },
                indent=2,
            )
        )
        return
    print_cost(console, amount, pace, source, cost)


def _pace(
    edition: Edition, runs: Sequence[Run], missing: Sequence[Run], store: Store, settings: Settings
) -> tuple[Pace | None, str]:
    """The learner's pace on this machine if it can be known; where it is from, or why it is not known."""
    from suite.benchmark.pace import TRAINING_STEPS, measure, measured_games, pace_of_runs

    complete = [run for run in runs if run not in missing]
    if known := pace_of_runs(store, complete, settings.device, settings.workers):
        return known[0], f"{known[1]} complete runs in {store.folder}"
    if settings.box is not None or settings.workers:
        where = "in a box" if settings.box is not None else f"on lanes in {settings.workers} processes"
        return None, f"a learner {where} is not measured before it has complete runs on this type of CPU"
    games = measured_games(edition)
    print(f"measuring {settings.learner} on this machine: {TRAINING_STEPS:,} agent steps ...", file=sys.stderr)
    try:
        pace = measure(settings.learner, games, settings.device, settings.hyperparameters)
        return pace, f"a short play of {' and '.join(games)}"
    except (LearnerError, UnknownName) as error:
        return None, str(error)


def _plan_rows(runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "runs": [
            {
                "run_id": str(run.run_id),
                "games": list(run.games),
                "training_frames": run.total_budget_frames,
                "evaluation_episodes": run.evaluation_episodes * len(run.games),
                "starts_from": str(run.starts_from) if run.starts_from else None,
            }
            for run in runs
        ]
    }
