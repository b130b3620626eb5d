"""Pictures in a file that moves: MP4, GIF or WebP, written as they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt

from protocol import StoreError, UnknownName
from suite.results.writing import new_file

UInt8 = npt.NDArray[np.uint8]
_MOST_COLOURS = 255


class _Format(NamedTuple):
    """The encoding of a kind of file.

    Attributes:
        codec, pixels, options: of its stream.
        container: options of the file.
        most_rate: pictures per second at most; where more would be needed, some are left out.
    """

    codec: str
    pixels: str
    options: dict[str, str]
    container: dict[str, str]
    most_rate: int


FORMATS = {
    ".mp4": _Format("libx264", "yuv420p", {"crf": "18"}, {"movflags": "+faststart"}, 60),
    ".gif": _Format("gif", "pal8", {}, {}, 50),  # its clock counts hundredths, and players refuse less than two
    ".webp": _Format("libwebp_anim", "bgra", {"lossless": "1"}, {"loop": "0"}, 60),
}
"""By the end of a file's name. GIF and WebP keep every pixel; MP4 is smaller for long episodes."""


def check_name(path: Path) -> None:
    """Raise UnknownName unless the file's name ends as one of the formats."""
    if path.suffix.lower() not in FORMATS:
        raise UnknownName(f"{path} cannot be written: the name must end in {', '.join(FORMATS)}")


def write_video(path: Path, play: Callable[[], Iterator[UInt8]], rate: Fraction) -> int:
    """Write pictures as a video that appears under its name once it is whole.

    Args:
        path: ends in .mp4, .gif or .webp.
        play: yields the pictures from the first on, as often as it is called (twice for a GIF, whose colours
            must be known first): uint8 (height, width, 3), all of one shape, even in height and width.
        rate: pictures per second; above what the format shows, only every second, third ... is kept.

    Returns:
        the file's size in bytes.

    Raises:
        UnknownName: the name ends in something else.
        StoreError: the file cannot be written; or whatever ``play`` raises, with no file left behind.
    """
    check_name(path)
    form = FORMATS[path.suffix.lower()]
    kept = math.ceil(rate / form.most_rate)
    try:
        with new_file(path) as new:
            framed = _Palette(play()).frame if form.pixels == "pal8" else _rgb_frame
            _encode(new, form, map(framed, _every(kept, play())), rate / kept)
        return path.stat().st_size
    except (OSError, av.FFmpegError) as error:
        raise StoreError(f"{path} cannot be written ({error}); choose another --out") from error


def _every(kept: int, pictures: Iterator[UInt8]) -> Iterator[UInt8]:
    """Every so many pictures; all are taken, so that what is left out is proven, too."""
    for place, picture in enumerate(pictures):
        if place % kept == 0:
            yield picture


def _encode(path: Path, form: _Format, frames: Iterator[av.VideoFrame], rate: Fraction) -> None:
    first = next(frames)
    with av.open(path, "w", container_options=form.container) as file:
        stream = file.add_stream(form.codec, rate=rate, options=form.options)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt, stream.height, stream.width = form.pixels, first.height, first.width
        for frame in chain([first], frames):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _rgb_frame(picture: UInt8) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="rgb24")


class _Palette:
    """One palette for all pictures: with a single one, a GIF stores only what changes from picture to picture.

    Its last place is left transparent, which the encoder needs for that. No episode has been seen to show more
    colours than fit; the lowest bits of each part would be dropped until they do.
    """

    def __init__(self, pictures: Iterator[UInt8]) -> None:
        seen = np.zeros(1 << 24, np.bool_)
        for picture in pictures:
            seen[_packed(picture)] = True
        colours, self._mask = np.flatnonzero(seen).astype(np.uint32), np.uint32(0xFFFFFF)
        while len(colours) > _MOST_COLOURS:
            self._mask = np.uint32(int(self._mask) << 1 & 0xFEFEFE & int(self._mask))
            colours = np.unique(colours & self._mask)
        self._places = np.zeros(1 << 24, np.uint8)
        self._places[colours] = np.arange(len(colours))
        self._palette = np.zeros((256, 4), np.uint8)
        self._palette[: len(colours), 0] = 255
        for part in (1, 2, 3):
            self._palette[: len(colours), part] = colours >> 8 * (3 - part) & 255

    def frame(self, picture: UInt8) -> av.VideoFrame:
        """The picture in the colours of the palette."""
        places = self._places[_packed(picture) & self._mask]
        return av.VideoFrame.from_ndarray((places, self._palette), format="pal8")  # type: ignore[arg-type]  # a pair, by its docstring


def _packed(picture: UInt8) -> npt.NDArray[np.uint32]:
    """Each pixel's colour as one number."""
    red, green, blue = np.moveaxis(picture.astype(np.uint32), -1, 0)
    packed: npt.NDArray[np.uint32] = np.bitwise_or(red << np.uint32(16), green << np.uint32(8)) | blue
    return packed
