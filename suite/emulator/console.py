"""One console: an ALE with one game, each episode of which can be replayed alone, bit for bit.

The emulator itself is deterministic here: its own sticky probability is 0, and each episode starts from the
snapshot taken right after the ROM was loaded. In a flavour, the snapshot is taken after the mode and the
difficulty were set and the console was reset, which makes them take effect. The sticky draws are our own, from
a Philox generator keyed by the episode seed (Salmon et al. 2011; numpy's implementation, one double per frame).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt
from ale_py import ALEInterface, LoggerMode

from protocol import Environment, Flavour, UnknownName
from suite.emulator.roms import Cartridge

RAM_BYTES = 128
"""The size of the console's RAM."""
_DRAWN_STEPS = 1024  # sticky draws are made in blocks of this many steps

cv2.setNumThreads(1)
ALEInterface.setLoggerMode(LoggerMode.Error)

UInt8 = npt.NDArray[np.uint8]


class Console:
    """One ALE with its game loaded, and the snapshot that every episode starts from.

    Args:
        cartridge: the game, whose ROM has been checked.
        environment: the protocol's rules; frame skip 4 with the last two frames pooled.

    Raises:
        UnknownName: the emulator does not have the flavour's mode or difficulty.
    """

    def __init__(self, cartridge: Cartridge, environment: Environment) -> None:
        self._environment = environment
        self._ale = ale = ALEInterface()
        ale.setFloat("repeat_action_probability", 0.0)
        ale.setInt("random_seed", 0)
        ale.loadROM(cartridge.rom)
        if cartridge.flavour is not None:
            _select(ale, cartridge.flavour)
        self._snapshot = ale.cloneState(include_rng=True)
        shape = ale.getScreenDims()
        self._screens = np.empty((2, *shape), np.uint8)
        self._size = (environment.screen_size_pixels,) * 2
        # A restored state does not include its picture, so the first picture is stored here.
        self._first_picture = np.empty(self._size, np.uint8)
        ale.getScreenGrayscale(self._screens[0])
        self._shrink(self._screens[0], self._first_picture)
        self._act = ale.act
        self._screen = ale.getScreenGrayscale
        self._held_frames: Iterator[int] = iter(())
        self._action = 0

    def begin(self, seed: int) -> None:
        """Start an episode whose sticky draws have this 64-bit seed."""
        self._ale.reset_game()
        self._ale.restoreState(self._snapshot)
        self._held_frames = _held_frames(seed, self._environment)
        self._action = 0

    def first_picture(self, out: UInt8) -> None:
        """Write the picture that every episode starts with; ``out``: uint8 (84, 84), contiguous."""
        out[...] = self._first_picture

    def step(self, action: int) -> int:
        """Play one agent step without fetching a picture; return its raw reward in game points.

        ``action`` must be 0 to 17: any other value would end the process. Once the game is over, further frames
        do nothing.
        """
        act = self._act
        first, second, third, fourth = self._frames(action)
        return act(first) + act(second) + act(third) + act(fourth)

    def play(self, actions: UInt8) -> tuple[dict[int, int], int | None]:
        """Play many agent steps as ``step`` does, at little more than the emulator's own cost.

        Args:
            actions: uint8 (N,), each 0 to 17.

        Returns:
            the rewards that were not zero, by step from 0; and the number of steps played when the game ended,
                None if it has not ended.
        """
        act, game_over = self._act, self._ale.game_over
        rewards: dict[int, int] = {}
        over_after = None
        for step, (first, second, third, fourth) in enumerate(self._all_frames(actions)):
            if reward := act(first) + act(second) + act(third) + act(fourth):
                rewards[step] = reward
            if game_over() and over_after is None:
                over_after = step + 1
        return rewards, over_after

    def step_and_show(self, action: int, out: UInt8) -> int:
        """Play one agent step as ``step`` does, and write its picture to ``out``.

        The picture is the maximum of the last two frames' luminance, reduced by area average; ``out``: uint8
        (84, 84), contiguous.
        """
        act = self._act
        first, second, third, fourth = self._frames(action)
        older, newer = self._screens
        reward = act(first) + act(second) + act(third)
        self._screen(older)
        reward += act(fourth)
        self._screen(newer)
        np.maximum(older, newer, out=newer)
        self._shrink(newer, out)
        return reward

    @property
    def game_over(self) -> bool:
        """True if the game has ended since ``begin``."""
        return self._ale.game_over()

    def ram(self, out: UInt8) -> None:
        """Write the RAM to ``out``: uint8 (128,), contiguous."""
        self._ale.getRAM(out)

    def _frames(self, action: int) -> tuple[int, int, int, int]:
        """The four actions that the console executes when the agent's newest one is ``action``.

        Within a step the newest action never changes. The draws therefore decide only for how many frames the
        previous action is repeated.
        """
        held = next(self._held_frames)
        if not held:
            self._action = action
            return action, action, action, action
        kept = self._action
        if held < 4:
            self._action = action
        return (
            kept,
            kept if held > 1 else action,
            kept if held > 2 else action,
            kept if held > 3 else action,
        )

    def _all_frames(self, actions: UInt8) -> Iterable[tuple[int, int, int, int]]:
        """The result of ``_frames`` for each of these actions, one after another."""
        held = np.fromiter(islice(self._held_frames, len(actions)), np.int64, len(actions))
        # The action before a step is the newest one that was executed at all in the steps before it.
        taken = np.maximum.accumulate(np.where(held < 4, np.arange(1, len(actions) + 1), 0))
        kept = np.concatenate([[self._action], actions])[np.concatenate([[0], taken])]
        self._action = int(kept[-1])
        frames = np.where(np.arange(4) < held[:, None], kept[:-1, None], actions[:, None])
        return map(tuple, frames.tolist())

    def _shrink(self, screen: UInt8, out: UInt8) -> None:
        cv2.resize(screen, self._size, dst=out, interpolation=cv2.INTER_AREA)


def _select(ale: ALEInterface, flavour: Flavour) -> None:
    """Set a flavour's mode and difficulty, and reset the console, at which they take effect."""
    for kind, wanted, available in (
        ("mode", flavour.mode, ale.getAvailableModes()),
        ("difficulty", flavour.difficulty, ale.getAvailableDifficulties()),
    ):
        if wanted not in available:
            known = ", ".join(map(str, available))
            raise UnknownName(
                f"game {flavour.name!r}: {flavour.rom} has no {kind} {wanted}; choose one of: {known}"
            )
    ale.setMode(flavour.mode)
    ale.setDifficulty(flavour.difficulty)
    ale.reset_game()


def _held_frames(seed: int, environment: Environment) -> Iterator[int]:
    """For each step of an episode, the number of its frames that still play the previous action (0 to 4).

    Before each frame one uniform u is drawn; the console takes the newest action if u >=
    sticky_action_probability. Draws for the frames after that are made too, but not used.
    """
    generator = np.random.Generator(np.random.Philox(key=seed))
    skip = environment.frame_skip
    while True:
        taken = generator.random((_DRAWN_STEPS, skip)) >= environment.sticky_action_probability
        yield from np.where(taken.any(axis=1), taken.argmax(axis=1), skip).tolist()
