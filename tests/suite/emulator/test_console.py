"""One console: sticky draws, pictures, and episodes that do not depend on what was played before."""

import cv2
import numpy as np
import pytest
from ale_py import ALEInterface
from hypothesis import given
from hypothesis import strategies as st

from suite.emulator.console import RAM_BYTES, Console
from suite.emulator.roms import checked_cartridge
from tests.suite.helpers import V1


def make(game: str) -> Console:
    return Console(checked_cartridge(V1, game), V1.environment)


def play(console: Console, seed: int, actions: list[int], *, show: bool = True):
    """Rewards, pictures and RAMs of an episode's first steps."""
    console.begin(seed)
    rewards, pictures, rams = [], [], []
    picture, ram = np.empty((84, 84), np.uint8), np.empty(RAM_BYTES, np.uint8)
    for action in actions:
        rewards.append(console.step_and_show(action, picture) if show else console.step(action))
        pictures.append(picture.tobytes() if show else b"")
        console.ram(ram)
        rams.append(ram.tobytes())
    return rewards, pictures, rams


ACTIONS = np.random.Generator(np.random.Philox(key=1)).integers(0, 18, 150).tolist()


@pytest.mark.parametrize("game", ["breakout", "pitfall", "skiing", "qbert", "pooyan", "tennis", "air_raid"])
def test_an_episode_does_not_depend_on_what_was_played_before(game):
    """Rewards, RAM and pictures are the same in a new console and in one that has already played."""
    used = make(game)
    play(used, 7, ACTIONS[::-1] * 3)
    assert play(used, 5, ACTIONS) == play(make(game), 5, ACTIONS)


def test_showing_changes_nothing():
    """Stepping without pictures gives the same rewards and RAM."""
    shown, bare = play(make("seaquest"), 3, ACTIONS), play(make("seaquest"), 3, ACTIONS, show=False)
    assert (shown[0], shown[2]) == (bare[0], bare[2])


def test_seed_decides_the_sticky_draws():
    """The same seed plays the same; another seed plays differently."""
    console = make("breakout")
    assert play(console, 1, ACTIONS) == play(console, 1, ACTIONS)
    assert play(console, 1, ACTIONS)[2] != play(console, 2, ACTIONS)[2]


def play_naively(game: str, seed: int, actions: list[int]):
    """The expected result of ``play``, by one uniform draw per frame, with every screen fetched and stored."""
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.setInt("random_seed", 0)
    ale.loadROM(checked_cartridge(V1, game).rom)
    snapshot = ale.cloneState(include_rng=True)
    ale.reset_game()
    ale.restoreState(snapshot)
    draws = np.random.Generator(np.random.Philox(key=seed))
    taken, rewards, pictures, rams = 0, [], [], []
    for action in actions:
        reward, screens = 0, []
        for _ in range(4):
            if draws.random() >= 0.25:
                taken = action
            reward += ale.act(taken)
            screens.append(ale.getScreenGrayscale())
        largest = np.maximum(screens[2], screens[3])
        rewards.append(reward)
        pictures.append(cv2.resize(largest, (84, 84), interpolation=cv2.INTER_AREA).tobytes())
        rams.append(ale.getRAM().tobytes())
    return rewards, pictures, rams


@pytest.mark.parametrize("game", ["breakout", "pong", "air_raid"])
def test_a_step_is_the_specified_one(game):
    """Sticky draws, the maximum of the last two frames, area average: a naive console plays the same.

    There are more steps than sticky draws in one block.
    """
    assert play(make(game), 11, ACTIONS * 8) == play_naively(game, 11, ACTIONS * 8)


def test_first_picture_is_that_of_the_loaded_game():
    """The first picture is not empty, and it is the same before every episode."""
    console, first, later = make("breakout"), np.zeros((84, 84), np.uint8), np.zeros((84, 84), np.uint8)
    console.begin(1)
    console.first_picture(first)
    play(console, 2, ACTIONS)
    console.begin(3)
    console.first_picture(later)
    assert first.any()
    assert np.array_equal(first, later)


def test_frames_after_the_end_do_nothing():
    """Once the game is over, steps give no reward and change no RAM."""
    console, ram = make("breakout"), np.empty(RAM_BYTES, np.uint8)
    console.begin(0)
    for _ in range(3000):
        console.step(1)
        if console.game_over:
            break
    assert console.game_over
    console.ram(ram)
    before = ram.tobytes()
    assert [console.step(action) for action in range(18)] == [0] * 18
    console.ram(ram)
    assert ram.tobytes() == before


CONSOLES = make("breakout"), make("breakout")


@given(st.lists(st.integers(0, 17), max_size=60), st.integers(0, 60), st.integers(0, 2**64 - 1))
def test_many_steps_are_one_after_another(actions, cut, seed):
    """``play`` gives the same as single steps, wherever it is split into two calls, and leaves the same RAM."""
    one, many = CONSOLES
    rams = np.zeros((2, 128), np.uint8)
    one.begin(seed)
    rewards = {step: reward for step, action in enumerate(actions) if (reward := one.step(action))}
    many.begin(seed)
    first, second = (many.play(np.array(part, np.uint8))[0] for part in (actions[:cut], actions[cut:]))
    one.ram(rams[0])
    many.ram(rams[1])
    assert rewards == first | {step + min(cut, len(actions)): reward for step, reward in second.items()}
    assert (rams[0] == rams[1]).all()
