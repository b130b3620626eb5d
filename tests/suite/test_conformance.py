"""Conformance vectors: this machine's emulator plays as the baselines' did."""

import pytest

from protocol import ConformanceError, RomError, load_vectors
from suite.conformance import checked_vectors, deviating_games, play_vector, play_vectors
from tests.suite.helpers import V1

PLAYED = ["adventure", "breakout", "pitfall", "skiing", "zaxxon"]


def test_vectors_agree():
    """Every game has a vector, and this machine plays these five; ``amtlb protocol check`` plays them all."""
    published = load_vectors("v1")
    heard: list[str] = []
    found = play_vectors(V1, PLAYED, published.steps, heard.append)
    assert heard == PLAYED
    assert deviating_games({game: published.vectors[game] for game in PLAYED}, found) == []
    assert list(published.vectors) == [game.name for game in V1.games]
    assert len(set(published.vectors.values())) == len(V1.games)


def test_a_deviation_is_named():
    """A game that plays otherwise, or was not played, is told by name."""
    assert deviating_games({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "0"}) == ["b", "c"]


def test_another_play_is_another_vector():
    """The vector covers every step that is played."""
    assert play_vector(V1, "pong", 100) == play_vector(V1, "pong", 100)
    assert play_vector(V1, "pong", 100) != play_vector(V1, "pong", 101)


def test_a_wrong_rom_is_named(tmp_path, monkeypatch):
    """A ROM that is not the pinned one is told with both hashes before the emulator sees it."""
    (tmp_path / "pong.bin").write_bytes(b"not a game")
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    with pytest.raises(RomError, match=r"pong.*pins"):
        play_vector(V1, "pong", 1)
    with pytest.raises(RomError, match=r"breakout.*cannot be read"):
        play_vector(V1, "breakout", 1)


def test_a_run_checks_the_vectors_of_its_games():
    """A run's games get their published vectors; under other rules the same emulator deviates, by name."""
    games = ["pong", "breakout"]
    published = load_vectors("v1").vectors
    assert checked_vectors(V1, games) == {game: published[game] for game in games}
    unsticky = V1.environment.model_copy(update={"sticky_action_probability": 0.0})
    with pytest.raises(ConformanceError, match=r"deviates in 2 of 2 games \(breakout, pong\)"):
        checked_vectors(V1.model_copy(update={"environment": unsticky}), games)
