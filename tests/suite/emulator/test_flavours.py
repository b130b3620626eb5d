"""Flavours: the mode and the difficulty that a name says are played, and episodes replay alone in them, too."""

import json
from pathlib import Path

import numpy as np
import pytest

from protocol import UnknownName
from suite.emulator.colour import ColourConsole
from suite.emulator.conformance import play_vector
from suite.emulator.console import RAM_BYTES, Console
from suite.emulator.roms import checked_cartridge
from tests.suite.helpers import V1

LOOKS = Path(__file__).resolve().parents[3] / "docs/flavours_looks.jsonl"
MEASURED = sorted({json.loads(line)["flavour"] for line in LOOKS.read_text().splitlines()})
ACTIONS = np.random.Generator(np.random.Philox(key=1)).integers(0, 18, 60).tolist()


def make(game: str) -> Console:
    return Console(checked_cartridge(V1, game), V1.environment)


def play(console: Console, seed: int, actions: list[int]) -> list[tuple[int, bytes, bytes]]:
    """Reward, picture and RAM of each of an episode's first steps."""
    console.begin(seed)
    picture, ram = np.empty((84, 84), np.uint8), np.empty(RAM_BYTES, np.uint8)
    played = []
    for action in actions:
        reward = console.step_and_show(action, picture)
        console.ram(ram)
        played.append((reward, picture.tobytes(), ram.tobytes()))
    return played


@pytest.mark.parametrize(
    "flavour",
    [pytest.param(one, marks=[pytest.mark.slow] if place % 8 else []) for place, one in enumerate(MEASURED)],
)
def test_an_episode_of_a_flavour_does_not_depend_on_what_was_played_before(flavour):
    """In every flavour that the choice looked at, a console that has played plays as a new one."""
    used = make(flavour)
    play(used, 7, ACTIONS[::-1] * 2)
    assert play(used, 5, ACTIONS) == play(make(flavour), 5, ACTIONS)


def test_mode_and_difficulty_are_played():
    """Another mode, another difficulty and the game as it is loaded each play otherwise, with equal actions."""
    names = (
        "space_invaders",
        *(f"space_invaders_mode{mode}_difficulty{level}" for mode in (5, 6) for level in (0, 1)),
    )
    plays = [play(make(name), 3, ACTIONS * 4) for name in names]
    assert len({repr(one) for one in plays}) == len(names)


def test_a_flavour_begins_with_its_own_picture():
    """The first picture is that of the flavour, in grey and in colour: an invisible wall is not shown."""
    first = np.empty((2, 84, 84), np.uint8)
    for picture, game in zip(first, ("breakout", "breakout_mode28_difficulty0"), strict=True):
        make(game).first_picture(picture)
    assert (first[0] != first[1]).any()
    colour = ColourConsole(checked_cartridge(V1, "breakout_mode28_difficulty0"), V1.environment)
    shown = np.empty(colour.picture_shape, np.uint8)
    colour.first_picture_in_colour(shown)
    default = ColourConsole(checked_cartridge(V1, "breakout"), V1.environment)
    other = np.empty(default.picture_shape, np.uint8)
    default.first_picture_in_colour(other)
    assert (shown != other).any()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("breakout_mode5_difficulty0", "breakout has no mode 5; choose one of: 0, 4, 8"),
        ("hero_mode1_difficulty3", "hero has no difficulty 3; choose one of: 0"),
    ],
)
def test_a_flavour_that_the_emulator_lacks_is_named(name, told):
    """A mode or difficulty that the game does not have is an UnknownName that lists those that it has."""
    with pytest.raises(UnknownName, match=told):
        make(name)


def test_flavours_have_conformance_vectors_of_their_own():
    """A flavour's vectors are repeatable, and not those of its game."""
    vectors = play_vector(V1, "breakout_mode28_difficulty0", 50)
    assert vectors == play_vector(V1, "breakout_mode28_difficulty0", 50)
    default = play_vector(V1, "breakout", 50)
    assert vectors.conformance != default.conformance
    assert vectors.pictures != default.pictures
