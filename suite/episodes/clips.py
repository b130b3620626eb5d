"""A small moving picture of one episode, and a still one, made while the whole episode is proven."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocol import Protocol
from suite.emulator.colour import FRAMES_PER_SECOND
from suite.episodes.choice import BEST, choose_row
from suite.episodes.proven import Claims
from suite.episodes.recorded import Recorded
from suite.episodes.strips import Shown, show
from suite.episodes.video import write_video

UInt8 = npt.NDArray[np.uint8]
MOST_PICTURES = 240
"""Of a clip: at 15 pictures per second, 16 seconds."""
MOST_SPEED = 4
"""Times the console's own, at most: above it, nobody can follow. A longer episode shows its end only."""


class Clip(NamedTuple):
    """One episode in pictures of the console's own size, below a line with the score and the frame.

    Attributes:
        row: of the ledger.
        game: that is played.
        episode_return: in game points.
        length_frames: of the whole episode.
        shown_frames: of its end, which the clip shows; all of them unless it is long.
        speed: times the console's own.
        moving: WebP that moves.
        still: WebP, its last picture.
        width_pixels, height_pixels: of both.
    """

    row: int
    game: str
    episode_return: int
    length_frames: int
    shown_frames: int
    speed: int
    moving: bytes
    still: bytes
    width_pixels: int
    height_pixels: int


def best_clip(protocol: Protocol, recorded: Recorded, game: str) -> Clip:
    """The run's best evaluation episode of a game, played again to its end and proven.

    Raises:
        UnknownName: the run has no evaluation episode of the game.
        RomError: the game's ROM is missing or wrong.
        StoreError: the episode is not the one that its ledger claims, or the pictures cannot be written.
    """
    claims = Claims(protocol, recorded, choose_row(recorded, BEST, "evaluation", game))
    skip = protocol.environment.frame_skip
    last = claims.episode.length_steps
    speed = min(math.ceil((last + 1) / MOST_PICTURES), MOST_SPEED)
    first = max(0, last - speed * (MOST_PICTURES - 1))
    pictures = _Pictures(partial(show, protocol, [Shown("", claims)], 1), first, last, speed)
    with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
        moving, still = Path(scratch) / "moving.webp", Path(scratch) / "still.webp"
        write_video(moving, pictures.kept, Fraction(FRAMES_PER_SECOND, skip))
        write_video(still, lambda: iter([pictures.last]), Fraction(1))
        return Clip(
            row=claims.row,
            game=game,
            episode_return=claims.episode.episode_return,
            length_frames=last * skip,
            shown_frames=(last - first) * skip,
            speed=speed,
            moving=moving.read_bytes(),
            still=still.read_bytes(),
            width_pixels=pictures.last.shape[1],
            height_pixels=pictures.last.shape[0],
        )


class _Pictures:
    """Those pictures of an episode that a clip shows; all are drawn, so that all of it is proven.

    Args:
        play: yields the pictures, from step 0 on.
        first, last_step: the steps between which pictures are kept; the last one always is.
        every: so many steps.

    Attributes:
        last: the last picture that was kept, uint8 (height, width, 3).
    """

    last: UInt8

    def __init__(self, play: Callable[[], Iterator[UInt8]], first: int, last_step: int, every: int) -> None:
        self._play, self._first, self._last_step, self._every = play, first, last_step, every

    def kept(self) -> Iterator[UInt8]:
        """The pictures that are kept, in their order."""
        for step, picture in enumerate(self._play()):
            if step >= self._first and (self._last_step - step) % self._every == 0:
                self.last = picture
                yield picture
