"""The command that brings results into MongoDB."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol import Protocol, StoreError, UnknownName, current_protocol
from suite.cli.options import DEFAULT_EDITION, SHARE, JsonOption

if TYPE_CHECKING:
    from suite.results.store import Store

app = typer.Typer()


@app.command(rich_help_panel=SHARE)
def publish(
    results: Annotated[
        list[str], typer.Argument(help="Results folders, and published baselines by name, such as ppo.")
    ],
    edition: Annotated[
        str, typer.Option("--edition", help="Edition of the published baselines: smoke, lite or full.")
    ] = DEFAULT_EDITION,
    as_json: JsonOption = False,
) -> None:
    """Copy complete runs into the MongoDB at AMTLB_MONGO_URL, each once; it can be stopped and called again."""
    from suite.cli.printing import output_console
    from suite.cli.progress import CountDisplay
    from suite.results.editions import complete_runs
    from suite.tracking.mongo_url import VARIABLE, url_of_environment
    from suite.tracking.publish import PATIENCE_SECONDS, Publisher

    url = url_of_environment()
    if url is None:
        raise UnknownName(f"{VARIABLE} is not set; set it to mongodb://user:password@host:27017/sacred")
    protocol = current_protocol()
    stores = [_store(name, protocol, edition) for name in results]
    runs = [complete_runs(store) for store in stores]
    console = output_console(stderr=as_json)
    answers: list[dict[str, Any]] = []
    with url.database() as database, CountDisplay(console, "runs", sum(map(len, runs))) as display:
        publisher = Publisher(database, PATIENCE_SECONDS)
        for store, complete in zip(stores, runs, strict=True):
            endings = publisher.publish(store, complete, lambda run_id, ending: display.count())
            answers.append({"folder": str(store.folder), "runs": len(complete), **_named(endings)})
    if as_json:
        print(json.dumps({"server": url.redacted, "folders": answers}, indent=2))
        return
    for answer in answers:
        said = "{folder}: {runs} runs, {published} published, {completed} completed, {present} there already"
        console.print(said.format(**answer), markup=False, highlight=False, soft_wrap=True)
    console.print(f"MongoDB at {url.redacted} has them all", markup=False, highlight=False, soft_wrap=True)


def _store(name: str, protocol: Protocol, edition: str) -> Store:
    """A results folder, or a published baseline by name, that the database may keep."""
    from suite.results.published import source_folder
    from suite.results.store import Store
    from suite.submission.description import division_of

    folder = source_folder(name, edition)
    if division_of(folder) == "open":
        raise StoreError(
            f"{folder} is of division open, which the database does not keep: it would be ranked "
            "with the others; compare the folder itself"
        )
    return Store(folder, protocol)


def _named(endings: Counter[Any]) -> dict[str, int]:
    from suite.tracking.publish import Ending

    return {ending.value: endings[ending] for ending in Ending}
