"""The command line ``amtlb``: reads options, calls the suite, prints what comes back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from protocol import (
    AmtlbError,
    Edition,
    UnknownName,
    load,
    parse_run_id,
    plan,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Atari Multitask & Transfer Learning Benchmark. "
    "Exit status: 0 done, 1 failed, 2 wrong use, 130 stopped.",
)
protocol_app = typer.Typer(
    no_args_is_help=True, help="The frozen protocol: show it, name it, check this machine."
)
app.add_typer(protocol_app, name="protocol")

DEFAULT_EDITION, DEFAULT_LEARNER = "smoke", "baselines.ppo:make"
_DEVICES = ("cpu", "cuda")

EditionOption = Annotated[str, typer.Option("--edition", help="smoke, lite or full.")]
LearnerOption = Annotated[str, typer.Option("--learner", help="The learner, as module:function.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="The results folder.  [default: results/EDITION/LEARNER]", show_default=False),
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu or cuda; learners read it as AMTLB_DEVICE.")]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Processes a run that play its lanes; 0: the run's own.  [default: 0; on cuda one a core]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def results_folder(out: Path | None, edition: str, learner: str) -> Path:
    """The folder that was asked for, or ``results/EDITION/LEARNER``."""
    return out or Path("results") / edition / learner.removesuffix(":make").replace(":", ".")


@app.command()
def benchmark(
    edition: EditionOption = DEFAULT_EDITION,
    learner: LearnerOption = DEFAULT_LEARNER,
    out: OutOption = None,
    device: DeviceOption = "cpu",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", min=1, help="Runs side by side.  [default: as many as cores allow]", show_default=False
        ),
    ] = None,
    workers: WorkersOption = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", help="A dask scheduler, tcp://host:port, whose workers see the same folders."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and their budgets; play nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Play every run of an edition that is not complete yet, then score it."""
    protocol = load("v1")
    chosen = protocol.edition(edition)
    runs = plan(protocol, chosen)
    if dry_run:
        _print_plan(chosen, runs, as_json)
        return
    _check_device(device)
    from suite.benchmark import Settings, missing_runs, play_all
    from suite.display import ProgressDisplay, output_console
    from suite.learner import find_learner
    from suite.machine import runs_and_workers
    from suite.store import Store

    store = Store(results_folder(out, edition, learner), protocol)
    jobs, workers = runs_and_workers(device, protocol.lanes, jobs, workers)
    settings = Settings(learner, device, jobs, workers, scheduler)
    missing, _ = missing_runs(runs, store, learner)
    if missing:
        find_learner(learner)  # now, rather than in every run
    console = output_console(stderr=as_json)
    console.print(
        f"{len(runs) - len(missing)} of {len(runs)} runs of {edition} are complete in {store.folder}",
        highlight=False,
        soft_wrap=True,
    )
    try:
        with ProgressDisplay(console, protocol, runs, missing) as display:
            outcomes = play_all(runs, store, protocol, settings, display.hear)
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on with what is missing")
        raise typer.Exit(130) from None
    if bad := [outcome for outcome in outcomes if outcome.status != "complete"]:
        _fail(f"{len(bad)} of {len(runs)} runs are not complete; the same command tries them again", 1)
    _score(store, chosen, as_json)


@app.command()
def run(
    run_id: Annotated[str, typer.Argument(help="Such as smoke/fresh/breakout/seed0.")],
    learner: LearnerOption = DEFAULT_LEARNER,
    out: OutOption = None,
    device: DeviceOption = "cpu",
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play one run, unless it is complete; print its record."""
    protocol = load("v1")
    parsed = parse_run_id(run_id, protocol)
    _check_device(device)
    from suite.benchmark import Settings, play_one
    from suite.learner import find_learner
    from suite.machine import runs_and_workers
    from suite.store import Store

    find_learner(learner)
    store = Store(results_folder(out, parsed.edition, learner), protocol)
    _, workers = runs_and_workers(device, protocol.lanes, 1, workers)
    outcome = play_one(parsed, store, protocol, Settings(learner, device, 1, workers, None))
    if outcome.status == "stopped":
        raise typer.Exit(130)
    if outcome.status != "complete":
        _fail(f"run {run_id} {outcome.status}: {outcome.error} (log: {outcome.log})", 1)
    record = store.record(parsed)
    if as_json:
        print(record.model_dump_json(indent=2))
        return
    print(f"{run_id} is complete in {store.run_folder(parsed)}")
    for game in record.games:
        print(
            f"  {game.game}: {game.training_frames:,} frames in {game.training_episodes} training episodes, "
            f"{game.evaluation_episodes} evaluation episodes"
        )
    print(f"  {record.training_steps_per_second:,.0f} training steps/s, ledger {record.ledger_sha256}")


@app.command()
def scores(
    folder: Annotated[Path, typer.Argument(help="A results folder with all runs of an edition.")],
    as_json: JsonOption = False,
) -> None:
    """Score a results folder: transfer ratio and contrast, multitask vector; write scores.json into it."""
    from suite.scores import edition_of
    from suite.store import Store

    protocol = load("v1")
    _score(Store(folder, protocol), edition_of(folder, protocol), as_json)


@app.command()
def heads(
    run_folder: Annotated[Path, typer.Argument(help="A complete run of a learner with heads.")],
    out: Annotated[Path, typer.Option("--out", help="The figure to write; .svg or .png.")] = Path("heads.svg"),
) -> None:
    """Draw how a learner's heads shared the games of a run."""
    from suite.head_use import draw_head_use, read_head_use

    use = read_head_use(run_folder)
    draw_head_use(use, out)
    print(f"written to {out}; game and head share {use.specialisation_nats:.3f} nats in the last part")


@protocol_app.command("show")
def protocol_show(as_json: JsonOption = False) -> None:
    """Print the protocol's rules and editions."""
    protocol = load("v1")
    if as_json:
        print(json.dumps({"digest": protocol.digest, "protocol": protocol.model_dump(mode="json")}, indent=2))
        return
    print(f"protocol {protocol.version}, digest {protocol.digest}")
    print(
        f"{protocol.emulator.package} {protocol.emulator.version}, "
        f"{len(protocol.games)} games, {protocol.lanes} lanes"
    )
    for name, value in protocol.environment.model_dump().items():
        print(f"  {name}: {value}")
    for edition in protocol.editions:
        print(
            f"edition {edition.name}: {len(edition.games)} games, {len(edition.folds)} folds, "
            f"{edition.budget_frames:,} frames a game, {edition.seeds} seeds, "
            f"{edition.evaluation_episodes} evaluation episodes up to {edition.evaluation_max_frames:,} frames"
        )


@protocol_app.command("digest")
def protocol_digest() -> None:
    """Print the protocol's digest."""
    print(load("v1").digest)


@protocol_app.command("check")
def protocol_check(as_json: JsonOption = False) -> None:
    """Check every ROM's hash and, by playing them, every conformance vector on this machine."""
    from suite.conformance import deviating_games, deviation, load_vectors, play_vectors
    from suite.display import output_console

    protocol = load("v1")
    published = load_vectors(protocol.version)
    names = [game.name for game in protocol.games]
    progress = output_console(stderr=True)
    with progress.status("checking ROMs and playing conformance vectors", spinner="line"):
        found = play_vectors(protocol, names, published.steps, lambda game: None)
    deviating = deviating_games(published.vectors, found)
    if as_json:
        answer = {"protocol_digest": protocol.digest, "games": len(names), "deviating_games": deviating}
        print(json.dumps(answer, indent=2))
    elif not deviating:
        print(f"{len(names)} ROMs and {len(found)} conformance vectors agree with protocol {protocol.version}")
    if deviating:
        raise deviation(protocol, deviating, len(names))


def main() -> NoReturn:
    """Run the command line; errors that are meant for a user become one line and exit status 1 or 2."""
    sys.path.insert(0, str(Path.cwd()))  # a learner may lie where the user stands
    try:
        app(standalone_mode=True)
    except UnknownName as error:
        _fail(str(error), 2)
    except AmtlbError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0)


def _fail(message: str, status: int) -> NoReturn:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(status)


def _check_device(device: str) -> None:
    if device not in _DEVICES:
        raise UnknownName(f"device {device!r} does not exist; choose one of: {', '.join(_DEVICES)}")


def _print_plan(edition: Edition, runs: tuple[Any, ...], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "run_id": str(run.run_id),
                "games": list(run.games),
                "training_frames": run.total_budget_frames,
                "evaluation_episodes": run.evaluation_episodes * len(run.games),
                "starts_from": str(run.starts_from) if run.starts_from else None,
            }
            for run in runs
        ]
        print(json.dumps(rows, indent=2))
        return
    from suite.display import output_console, print_plan

    print_plan(output_console(), edition, runs)


def _score(store: Any, edition: Edition, as_json: bool) -> None:
    from suite.display import output_console, print_scores
    from suite.outcomes import read_outcomes
    from suite.scores import score, write_scores

    result = score(read_outcomes(store, edition))
    path = write_scores(result, store.folder)
    if as_json:
        print(result.model_dump_json(indent=2))
        return
    print_scores(output_console(), result)
    print(f"written to {path}")
