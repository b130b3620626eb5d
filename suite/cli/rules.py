"""The commands about the frozen protocol."""

from __future__ import annotations

import json

import typer

from protocol import load, load_vectors
from suite.cli.options import JsonOption

app = typer.Typer(no_args_is_help=True, help="The frozen protocol: show it, name it, check this machine.")


@app.command("show")
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


@app.command("digest")
def protocol_digest() -> None:
    """Print the protocol's digest."""
    print(load("v1").digest)


@app.command("check")
def protocol_check(as_json: JsonOption = False) -> None:
    """Check every ROM's hash and, by playing them, every conformance vector on this machine."""
    from suite.conformance import deviating_games, deviation, play_vectors
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
