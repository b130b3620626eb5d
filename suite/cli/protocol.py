"""The commands about the frozen protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from protocol import Protocol, current_protocol, load_vectors
from suite.cli.options import JsonOption

app = typer.Typer(no_args_is_help=True, help="The frozen protocol: show it, name it, check this machine.")


@app.command("show")
def protocol_show(as_json: JsonOption = False) -> None:
    """Print the protocol's rules and editions."""
    protocol = current_protocol()
    if as_json:
        shown = {
            "edition_digests": dict(protocol.edition_digests),
            "protocol": protocol.model_dump(mode="json"),
        }
        print(json.dumps(shown, indent=2))
        return
    print(f"protocol {protocol.version}")
    print(
        f"{protocol.emulator.package} {protocol.emulator.version}, "
        f"{len(protocol.games)} games, {protocol.lanes} lanes"
    )
    for name, value in protocol.environment.model_dump().items():
        print(f"  {name}: {value}")
    for edition in protocol.editions:
        print(
            f"edition {edition.name}: {len(edition.games)} games, {len(edition.folds)} folds, "
            f"{edition.budget_frames:,} frames per game, {edition.seeds} seeds, "
            f"{edition.evaluation_episodes} evaluation episodes up to {edition.evaluation_max_frames:,} frames"
        )
        print(f"  games: {', '.join(edition.games)}")
        print(f"  digest: {protocol.edition_digests[edition.name]}")


@app.command("digest")
def protocol_digest(
    edition: Annotated[
        str | None, typer.Argument(help="Print the digest of this edition alone.", show_default=False)
    ] = None,
) -> None:
    """Print the digest of each edition: it names the edition's rules and is part of all its seeds."""
    protocol = current_protocol()
    if edition:
        print(protocol.edition_digests[protocol.edition(edition).name])
        return
    for name, digest in protocol.edition_digests.items():
        print(f"{name} {digest}")


@app.command("check")
def protocol_check(
    stamp: Annotated[
        Path | None,
        typer.Option(
            "--stamp",
            help="A file that records the installation on which this check last passed: only where that has "
            "changed are the vectors played again, and the file is written anew.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check every ROM's hash and, by playing them, every conformance vector on this machine."""
    from suite.emulator.roms import checked_cartridge
    from suite.emulator.stamp import is_stamped, write_stamp

    protocol = current_protocol()
    names = protocol.played_games
    for name in names:
        checked_cartridge(protocol, name)
    if stamp and is_stamped(stamp, protocol):
        _print_check(protocol, [], played=False, as_json=as_json)
        return
    deviating = _play_all_vectors(protocol, names)
    _print_check(protocol, deviating, played=True, as_json=as_json)
    if deviating:
        from suite.emulator.conformance import deviation

        raise deviation(protocol, deviating, len(names))
    if stamp:
        write_stamp(stamp, protocol)


def _play_all_vectors(protocol: Protocol, names: Sequence[str]) -> list[str]:
    """The games whose vector deviates on this machine."""
    from suite.cli.printing import output_console
    from suite.cli.progress import CountDisplay
    from suite.emulator.conformance import deviating_games, play_vectors

    published = load_vectors(protocol.version)
    with CountDisplay(output_console(stderr=True), "games played and compared", len(names)) as display:
        found = play_vectors(protocol, names, published.steps, lambda game: display.count())
    return deviating_games(published.games, found)


def _print_check(protocol: Protocol, deviating: list[str], *, played: bool, as_json: bool) -> None:
    roms, games = len(protocol.games), len(protocol.played_games)
    if as_json:
        answer = {
            "edition_digests": dict(protocol.edition_digests),
            "games": games,
            "vectors_played": played,
            "deviating_games": deviating,
        }
        print(json.dumps(answer, indent=2))
    elif not deviating:
        when = "" if played else " (played when this installation was stamped)"
        print(
            f"{roms} ROMs and the {2 * games} conformance vectors of rewards, RAM and pictures agree with "
            f"protocol {protocol.version}{when}"
        )
