"""A console in colour: the same play, with pictures for people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from protocol import Environment
from suite.emulator.console import Console
from suite.emulator.roms import Cartridge

UInt8 = npt.NDArray[np.uint8]
FRAMES_PER_SECOND = 60
"""Of a console on a television (NTSC)."""


class ColourConsole(Console):
    """A console that also shows its own picture, in its own size and colours.

    Args:
        cartridge: the game, whose ROM has been checked.
        environment: the protocol's rules.

    Attributes:
        picture_shape: of its pictures, (height, width, 3): 210 x 160 in most games, up to 250 high in others.
    """

    def __init__(self, cartridge: Cartridge, environment: Environment) -> None:
        super().__init__(cartridge, environment)
        self.picture_shape = (*self._ale.getScreenDims(), 3)
        self._colours = np.empty((2, *self.picture_shape), np.uint8)
        # As in any console: a restored state does not bring its picture along.
        self._first_in_colour = np.empty(self.picture_shape, np.uint8)
        self._ale.getScreenRGB(self._first_in_colour)

    def first_picture_in_colour(self, out: UInt8) -> None:
        """Write the picture that every episode starts with; ``out``: uint8 ``picture_shape``, contiguous."""
        out[...] = self._first_in_colour

    def step_in_colour(self, action: int, out: UInt8) -> int:
        """Play one agent step as ``step`` does, and write its picture to ``out``.

        Each pixel is the brighter one of the last two frames, as in the learner's picture, so that what the
        game draws in every other frame does not flicker; ``out``: uint8 ``picture_shape``, contiguous.
        """
        first, second, third, fourth = self._frames(action)
        older, newer = self._colours
        reward = self._act(first) + self._act(second) + self._act(third)
        self._ale.getScreenRGB(older)
        self._screen(self._screens[0])
        reward += self._act(fourth)
        self._ale.getScreenRGB(newer)
        self._screen(self._screens[1])
        is_older = self._screens[0] > self._screens[1]
        out[...] = np.where(is_older[..., None], older, newer)
        return reward
