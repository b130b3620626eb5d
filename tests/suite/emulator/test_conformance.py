"""Conformance vectors: this machine's emulator plays and draws as the emulator of the baselines did."""

import platform
import re

import cv2
import pytest

from protocol import ConformanceError, GameVectors, RomError, load_vectors
from suite.emulator.conformance import (
    checked_vectors,
    deviating_games,
    deviation,
    play_vector,
    play_vectors,
)
from suite.emulator.console import Console
from tests.suite.helpers import V1

PLAYED = ["adventure", "breakout", "pitfall", "skiing", "zaxxon"]


def test_vectors_agree():
    """Every game has two vectors, and this machine plays these five; ``protocol check`` plays them all."""
    published = load_vectors("v1")
    heard: list[str] = []
    found = play_vectors(V1, PLAYED, published.steps, heard.append)
    assert heard == PLAYED
    assert deviating_games({game: published.games[game] for game in PLAYED}, found) == []
    assert tuple(published.games) == V1.played_games
    vectors = {digest for game in published.games.values() for digest in (game.conformance, game.pictures)}
    assert len(vectors) == 2 * len(V1.played_games)


def test_a_deviation_is_named():
    """A game that plays or draws differently, or was not played, is reported by name."""
    one, otherwise = "1" * 64, "2" * 64
    right = GameVectors(conformance=one, pictures=one)
    plays, shows = (right.model_copy(update={name: otherwise}) for name in ("conformance", "pictures"))
    found = {"a": right, "b": plays, "c": shows}
    assert deviating_games(dict.fromkeys("abcd", right), found) == ["b", "c", "d"]


def test_another_resize_is_another_vector_of_pictures(monkeypatch):
    """Pictures that are reduced differently change the vector of pictures, but not that of rewards and RAM."""
    published = play_vector(V1, "pong", 50)

    def nearest(self, screen, out):
        cv2.resize(screen, self._size, dst=out, interpolation=cv2.INTER_NEAREST)

    monkeypatch.setattr(Console, "_shrink", nearest)
    found = play_vector(V1, "pong", 50)
    assert found.conformance == published.conformance
    assert found.pictures != published.pictures


def test_another_play_is_another_vector():
    """The vector covers every step that is played."""
    assert play_vector(V1, "pong", 100) == play_vector(V1, "pong", 100)
    assert play_vector(V1, "pong", 100) != play_vector(V1, "pong", 101)


def test_a_wrong_rom_is_named(tmp_path, monkeypatch):
    """A ROM that is not the pinned one is reported with both hashes before the emulator reads it."""
    (tmp_path / "pong.bin").write_bytes(b"not a game")
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    with pytest.raises(RomError, match=r"pong.*pins"):
        play_vector(V1, "pong", 1)
    with pytest.raises(RomError, match=r"breakout.*cannot be read"):
        play_vector(V1, "breakout", 1)


def test_a_run_checks_the_vectors_of_its_games():
    """A run's games get their published vectors; under other rules the same emulator deviates, by name."""
    games = ["pong", "breakout"]
    published = load_vectors("v1").games
    assert checked_vectors(V1, games) == {game: published[game] for game in games}
    unsticky = V1.environment.model_copy(update={"sticky_action_probability": 0.0})
    with pytest.raises(ConformanceError, match=r"deviate in 2 of 2 games \(breakout, pong\)"):
        checked_vectors(V1.model_copy(update={"environment": unsticky}), games)


@pytest.mark.parametrize(
    ("machine", "way_out"),
    [("x86_64", r"reinstall ale-py==0\.12\.1"), ("aarch64", "play on x86-64, since OpenCV rounds")],
)
def test_the_way_out_fits_the_processor(monkeypatch, machine, way_out):
    """On x86-64 another emulator or OpenCV is at fault; elsewhere the processor is."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert re.search(f"pong\\); {way_out}", str(deviation(V1, ["pong"], 1)))
