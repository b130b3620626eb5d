"""Pictures of episodes as a person watches them: enlarged, with a strip of text, one next to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from protocol import Protocol
from suite.emulator.colour import ColourConsole
from suite.emulator.roms import checked_cartridge
from suite.episodes.proven import Claims

UInt8 = npt.NDArray[np.uint8]
LINE_PIXELS = 16
"""The height of a line of text where a picture is as wide as the console's own."""
_GAP_PIXELS = 4
_FONT, _INK = cv2.FONT_HERSHEY_SIMPLEX, (230, 230, 230)


class Shown(NamedTuple):
    """One episode to show.

    Attributes:
        title: the first line of its strip; empty: there is none.
        claims: the episode, which is proven while it is shown.
    """

    title: str
    claims: Claims


def show(protocol: Protocol, shows: Sequence[Shown], scale: int) -> Iterator[UInt8]:
    """Play episodes again next to each other, step by step; one that has ended keeps its last picture.

    Args:
        protocol: the rules.
        shows: the episodes, from left to right.
        scale: pixels per pixel of the console.

    Yields:
        uint8 (height, width, 3), even in height and width as video wants it: the first pictures, then one an
        agent step; above each episode its title, its score and its frames.

    Raises:
        RomError: a game's ROM is missing or wrong.
        StoreError: an episode is not the one that its ledger claims; raised where that shows, or at the end.
    """
    plays = [_pictures(protocol, shown, scale) for shown in shows]
    last = [next(play) for play in plays]
    going = list(range(len(plays)))
    while going:
        yield _row(last)
        for place in tuple(going):
            picture = next(plays[place], None)
            if picture is None:
                going.remove(place)
            else:
                last[place] = picture


def _pictures(protocol: Protocol, shown: Shown, scale: int) -> Iterator[UInt8]:
    """An episode's pictures, the one before its first step included, each with its strip."""
    console = ColourConsole(checked_cartridge(protocol, shown.claims.episode.game), protocol.environment)
    screen = np.empty(console.picture_shape, np.uint8)
    console.first_picture_in_colour(screen)
    skip = protocol.environment.frame_skip
    title = (shown.title,) if shown.title else ()
    yield _framed(screen, scale, (*title, _counts(0, 0)))
    played = shown.claims.play(console, lambda action: console.step_in_colour(action, screen))
    for step, score in enumerate(played, 1):
        yield _framed(screen, scale, (*title, _counts(score, step * skip)))


def _counts(score: int, frames: int) -> str:
    return f"score {score:,}  frame {frames:,}"


def _row(parts: Sequence[UInt8]) -> UInt8:
    """Pictures of one height in a row, with a gap between them."""
    gap = np.zeros((parts[0].shape[0], _GAP_PIXELS, 3), np.uint8)
    row = np.concatenate([column for part in parts for column in (gap, part)][1:], axis=1)
    return np.pad(row, ((0, row.shape[0] % 2), (0, row.shape[1] % 2), (0, 0)))


def _framed(screen: UInt8, scale: int, lines: Sequence[str]) -> UInt8:
    enlarged = screen.repeat(scale, axis=0).repeat(scale, axis=1)
    line_pixels = max(LINE_PIXELS, LINE_PIXELS * scale // 2)
    strip = np.zeros((line_pixels * len(lines), enlarged.shape[1], 3), np.uint8)
    for place, line in enumerate(lines):
        _write(strip[place * line_pixels : (place + 1) * line_pixels], line)
    return np.concatenate([strip, enlarged])


def _write(strip: UInt8, line: str) -> None:
    """Write a line as large as fits into the strip's height and width."""
    height, width = strip.shape[:2]
    (full, _), _ = cv2.getTextSize(line, _FONT, 1.0, 1)
    size = min(height / 34, (width - 8) / max(full, 1))
    cv2.putText(strip, line, (4, height - height // 3), _FONT, size, _INK, 1, cv2.LINE_8)
