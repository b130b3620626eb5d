"""Conformance vectors: whether this machine's emulator plays and draws as the emulator of the baselines did.

A game has two vectors, each a SHA-256 over one fixed random play: one of the reward (int32, little-endian) and
RAM of every step, and one of every picture that a learner would see, including each episode's first (uint8,
84x84, rows first). Actions are uniform, from a Philox generator. Sticky draws and episode starts are as in any
run. The seeds are derived from the game's name. ``python -m suite.emulator.conformance`` prints the file of the
vectors.
"""

from __future__ import annotations

import hashlib
import itertools
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context

import numpy as np

from protocol import (
    ConformanceError,
    GameVectors,
    Protocol,
    conformance_seed,
    current_protocol,
    load,
    load_vectors,
)
from suite.emulator.console import RAM_BYTES, Console
from suite.emulator.roms import checked_cartridge
from suite.machine import available_cores

PLAYED_STEPS = 1000
X86_64 = ("x86_64", "AMD64")
"""The names in ``platform.machine`` of processors that draw the pictures of the vectors (docs/image.md)."""


def play_vector(protocol: Protocol, game: str, steps: int) -> GameVectors:
    """Play one game's conformance play on this machine; raises RomError for a wrong ROM."""
    console = Console(checked_cartridge(protocol, game), protocol.environment)
    generator = np.random.Generator(np.random.Philox(key=conformance_seed(game, "actions", 0)))
    actions = generator.integers(0, protocol.environment.actions, steps).tolist()
    ram = np.empty(RAM_BYTES, np.uint8)
    picture = np.empty((protocol.environment.screen_size_pixels,) * 2, np.uint8)
    played, shown, episodes = hashlib.sha256(), hashlib.sha256(), itertools.count()

    def begin() -> None:
        console.begin(conformance_seed(game, "episode", next(episodes)))
        console.first_picture(picture)
        shown.update(picture.tobytes())

    begin()
    for action in actions:
        played.update(console.step_and_show(action, picture).to_bytes(4, "little", signed=True))
        console.ram(ram)
        played.update(ram.tobytes())
        shown.update(picture.tobytes())
        if console.game_over:
            begin()
    return GameVectors(conformance=played.hexdigest(), pictures=shown.hexdigest())


def play_vectors(
    protocol: Protocol, games: Sequence[str], steps: int, listener: Callable[[str], None]
) -> dict[str, GameVectors]:
    """Play the vectors of these games on all cores; ``listener`` is called for each game.

    Raises:
        RomError: a ROM is missing or wrong.
        ConformanceError: the emulator ended a process.
    """
    vectors = {}
    with ProcessPoolExecutor(available_cores(), mp_context=get_context("spawn")) as pool:
        try:
            for game, vector in zip(
                games, pool.map(partial(_play, protocol.version, steps), games), strict=True
            ):
                vectors[game] = vector
                listener(game)
        except BrokenProcessPool as error:
            raise ConformanceError(
                f"the emulator ended the process that played {games[len(vectors)]} or a game after it; "
                f"reinstall {protocol.emulator.package}=={protocol.emulator.version}"
            ) from error
    return vectors


def _play(version: str, steps: int, game: str) -> GameVectors:
    return play_vector(load(version), game, steps)


def checked_vectors(protocol: Protocol, games: Sequence[str]) -> dict[str, GameVectors]:
    """The vectors of these games, played in this process; raises ConformanceError if one deviates."""
    published = load_vectors(protocol.version)
    vectors = {game: play_vector(protocol, game, published.steps) for game in games}
    expected = {game: published.games[game] for game in games}
    if deviating := deviating_games(expected, vectors):
        raise deviation(protocol, deviating, len(games))
    return vectors


def deviation(protocol: Protocol, deviating: Sequence[str], played: int) -> ConformanceError:
    """The error that names the games in which the emulator deviates, and how to fix it."""
    way_out = (
        f"reinstall {protocol.emulator.package}=={protocol.emulator.version} and the OpenCV that "
        "requirements.txt pins"
        if platform.machine() in X86_64
        else f"play on x86-64, since OpenCV rounds some pixels differently on {platform.machine()}"
    )
    return ConformanceError(
        f"the emulator or its pictures deviate in {len(deviating)} of {played} games "
        f"({', '.join(deviating)}); {way_out}"
    )


def deviating_games(expected: Mapping[str, GameVectors], found: Mapping[str, GameVectors]) -> list[str]:
    """The games, sorted, that have a vector other than the expected one."""
    return sorted(game for game in expected if found.get(game) != expected[game])


def _main() -> None:
    protocol = current_protocol()
    vectors = play_vectors(protocol, protocol.played_games, PLAYED_STEPS, lambda game: None)
    owner = "suite/emulator/conformance.py"
    print(f"# Conformance vectors of protocol {protocol.version}; {owner} defines them.")
    played_on = f"{protocol.emulator.package} {protocol.emulator.version}"
    print(f"# Played on {played_on}. Not part of any edition's digest.\n")
    print(f"steps = {PLAYED_STEPS}  # agent steps of each play; own")
    for game, vector in vectors.items():
        print(f'\n[games.{game}]\nconformance = "{vector.conformance}"\npictures = "{vector.pictures}"')


if __name__ == "__main__":
    _main()
