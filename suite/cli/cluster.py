"""The command that asks the workers of a cluster whether they can play."""

from __future__ import annotations

from typing import Annotated

import typer

from protocol import ServerError, current_protocol
from suite.cli.grouped import grouped
from suite.cli.options import fail
from suite.cli.play_options import MakingOptions

app = typer.Typer(help="Ask the workers of a dask cluster.", no_args_is_help=True)


@app.callback()
def _about() -> None:
    pass  # so that ``check`` has to be named


@app.command()
@grouped
def check(
    *,
    scheduler: Annotated[str, typer.Option("--scheduler", help="The dask scheduler, tcp://host:port.")],
    learner: Annotated[
        str | None, typer.Option("--learner", help="Also make this learner there, module:function.")
    ] = None,
    making: MakingOptions,
) -> None:
    """Ask each worker for its software, its learner and its disk; exit with 1 if one could not play."""
    from suite.benchmark.cluster.batch import batch_of
    from suite.benchmark.cluster.worker_list import WorkerList
    from suite.benchmark.scheduler import SchedulerLost, cluster_client
    from suite.benchmark.settings import Settings
    from suite.cli.printing import output_console, print_hellos

    settings = Settings(
        learner or "",
        scheduler=scheduler,
        stall_minutes=making.stall_minutes,
        hyperparameters=making.hyperparameters,
    )
    batch = batch_of(None, current_protocol(), learner, settings)
    try:
        with cluster_client(scheduler) as client:
            workers = WorkerList(client, scheduler, batch.greeting, batch.here, 0, lambda text: None)
            workers.look()
            workers.clear()
    except SchedulerLost as error:
        raise ServerError(f"the dask scheduler at {scheduler} has gone; start it again") from error
    if not workers.hellos and not workers.out:
        fail(f"the dask scheduler at {scheduler} has no worker; start some", 1)
    print_hellos(output_console(), list(workers.hellos.values()), workers.out)
    if workers.out:
        fail(f"{len(workers.out)} of {len(workers.hellos.keys() | workers.out.keys())} workers cannot play", 1)
