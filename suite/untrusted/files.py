"""Reading files that nobody vouches for: bounded, without following links, each byte once.

A file is opened part by part below the submission's folder, so that no link leads out of it, and read whole
into memory up to a limit; digest and contents are taken from the same bytes, so a file that changes meanwhile
cannot show two faces.
"""

from __future__ import annotations

import codecs
import errno
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from protocol import StoreError
from suite.untrusted.text import printable

PASSED_OVER, NOT_LISTED = "a folder that is passed over", "a folder that cannot be listed"
_PASSED_FOLDERS = (".git", "__MACOSX")
"""The folders that version control and archivers add; they may hold any number of files."""
MAX_POINTER_BYTES = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\r?\n(?:ext-[^\n]+\n)*"
    rb"oid sha256:[0-9a-f]{64}\r?\nsize \d+\s*"
)
"""The whole of a pointer of Git LFS (its docs/spec.md); whatever else begins like one is contents."""
_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
MAX_FILES = 20_000
MAX_DEPTH = 8
MAX_JSON_BYTES = 16 * 2**20
MAX_DEPTH_OF_VALUES = 64
MAX_VALUES = 200_000
"""Of JSON; what is in a document takes hundreds of times its bytes, and more where each value is wrong."""
MAX_DOTS_PER_LINE = 1_000
"""Of TOML, whose parser's time and memory grow with the square of a key's dots."""


class Unreadable(Exception):
    """A file cannot be read as what it should be; the text says why.

    Attributes:
        lost: whether what it should hold is missing or damaged, so that it must be made again; otherwise it may
            well be there, and the text says what helps.
    """

    lost = True


class TooLarge(Unreadable):
    """A file is, or unpacks to, more than it can be."""


class Pointer(Unreadable):
    """A file's contents are elsewhere: it was checked out without Git LFS."""

    lost = False


class Changed(Unreadable):
    """A file changed while it was read: what it holds could not be checked."""

    lost = False


class Closed(Unreadable):
    """A file could not be opened, or lies behind a link: what it holds is not known."""

    lost = False


def is_folder(path: str | Path) -> bool:
    """True if a path leads to a folder; raises StoreError if the path cannot be read."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def is_there(path: str | Path) -> bool:
    """True if a path leads to anything; raises StoreError if the path cannot be read."""
    return _mode(path) is not None


def _mode(path: str | Path) -> int | None:
    try:
        return os.stat(path).st_mode
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return None
        raise StoreError(
            f"{printable(str(path))} cannot be read ({error.strerror}); choose another one"
        ) from error
    except ValueError:  # no path has a null in it
        return None


def severity_of(error: Exception) -> Literal["error", "unchecked"]:
    """Of a finding that a file cannot be read: what changed meanwhile, or is not here, could not be checked."""
    return "unchecked" if isinstance(error, Changed | Pointer) else "error"


def list_files(folder: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """All plain files below a folder, and what is neither a file nor a folder.

    Returns:
        the relative paths of the files, sorted; and (relative path, what is wrong) of everything else, a folder
        that cannot be listed and all that is beyond MAX_FILES among them.

    Raises:
        Unreadable: the folder itself cannot be listed.
    """
    files: list[str] = []
    odd: list[tuple[str, str]] = []
    for count, (path, entry, depth) in enumerate(_walk(folder)):
        if count >= MAX_FILES:
            odd.append((".", f"a folder of more than {MAX_FILES:,} files and folders"))
            break
        if entry is None:
            odd.append((ascii(path)[1:-1], NOT_LISTED))
        elif entry.name == "Icon\r":  # of a folder on macOS
            odd.append((ascii(path)[1:-1], PASSED_OVER))
        elif not path.isprintable():
            odd.append((ascii(path), "a name that cannot be printed"))
        elif entry.is_symlink():
            odd.append((path, "a symlink"))
        elif entry.is_dir(follow_symlinks=False) and entry.name in _PASSED_FOLDERS:
            odd.append((path, PASSED_OVER))
        elif entry.is_dir(follow_symlinks=False):
            if depth >= MAX_DEPTH:
                odd.append((path, f"a folder more than {MAX_DEPTH} deep"))
        elif entry.is_file(follow_symlinks=False):
            files.append(path)
        else:
            odd.append((path, "neither a file nor a folder"))
    return sorted(files), sorted(odd)


def _walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str] | None, int]]:
    """Path, entry and depth of all that is in a folder; no entry: it is one that cannot be listed."""
    waiting = [("", 0)]
    while waiting:
        place, depth = waiting.pop()
        try:
            with os.scandir(folder / place) as entries:
                for entry in entries:
                    path = f"{place}/{entry.name}" if place else entry.name
                    yield path, entry, depth
                    is_folder = entry.is_dir(follow_symlinks=False) and entry.name not in _PASSED_FOLDERS
                    if is_folder and depth < MAX_DEPTH:
                        waiting.append((path, depth + 1))
        except OSError as error:
            if not place:
                raise Unreadable(f"{folder.name} cannot be listed ({error.strerror})") from error
            yield place, None, depth


def read_bytes(folder: Path, path: str, max_bytes: int) -> bytes:
    """The contents of a plain file below a folder.

    Raises:
        Unreadable: it is missing, larger than ``max_bytes``, or no plain file.
        Closed: it lies behind a link, or could not be opened for another reason.
        Pointer: it is a pointer of Git LFS.
        Changed: it changed while it was read.
    """
    descriptors: list[int] = []
    try:
        descriptors.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
        *parents, name = path.split("/")
        for parent in parents:
            descriptors.append(_open(parent, os.O_DIRECTORY, descriptors[-1]))
        descriptors.append(_open(name, os.O_NONBLOCK, descriptors[-1]))
        return _read(descriptors[-1], max_bytes)
    except FileNotFoundError as error:
        raise Unreadable("is missing") from error
    except OSError as error:
        raise Closed(f"cannot be opened ({error.strerror})") from error
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _open(name: str, flags: int, folder: int) -> int:
    """Open what a folder holds by a name; raises Closed where that is a link."""
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=folder)
    except OSError:
        if stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
            raise Closed(f"lies behind a link, {name!r}, and none is followed; put its target there") from None
        raise


def _read(descriptor: int, max_bytes: int) -> bytes:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise Unreadable("is no plain file")
    if before.st_size > max_bytes:
        raise TooLarge(f"has {before.st_size:,} bytes, at most {max_bytes:,} can be right")
    parts, left = [], before.st_size + 1
    while left > 0 and (part := os.read(descriptor, min(left, 2**24))):
        parts.append(part)
        left -= len(part)
    after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or left != 1:
        raise Changed("changed while it was read")
    data = b"".join(parts)
    if len(data) <= MAX_POINTER_BYTES and _POINTER.fullmatch(data):
        raise Pointer("is a pointer of Git LFS; `git lfs pull` fetches the file")
    return data


def parse_json(data: bytes) -> Any:
    """JSON that is what it seems: UTF-8, each key once, no number without end, not nested without end.

    Raises:
        Unreadable: it is not.
        TooLarge: it has more values than anything right.
    """
    if (values := data.count(b",") + 1) > MAX_VALUES:
        raise TooLarge(f"has {values:,} values, at most {MAX_VALUES:,} can be right")
    try:
        found = json.loads(
            _decoded(data), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except RecursionError as error:
        raise Unreadable("is nested without end") from error
    except ValueError as error:
        raise Unreadable(f"is not JSON ({str(error)[:200]})") from error
    _check_depth(found)
    return found


def parse_toml(data: bytes) -> dict[str, Any]:
    """TOML that is what it seems: UTF-8, not nested without end, no key of thousands of parts.

    Raises:
        Unreadable: it is not.
    """
    text = _decoded(data.removeprefix(codecs.BOM_UTF8))  # which some editors write
    if (dots := max(line.count(".") for line in text.split("\n"))) > MAX_DOTS_PER_LINE:
        raise Unreadable(f"has a line with {dots:,} dots, at most {MAX_DOTS_PER_LINE:,} can be right")
    try:
        found = tomllib.loads(text)
    except RecursionError as error:
        raise Unreadable("is nested without end") from error
    except ValueError as error:
        raise Unreadable(f"is not TOML ({str(error)[:200]})") from error
    _check_depth(found)
    return found


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 (byte {error.start})") from error


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while holders := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH_OF_VALUES:
            raise Unreadable(f"is nested more than {MAX_DEPTH_OF_VALUES} deep")
        level = [part for one in holders for part in (one.values() if isinstance(one, dict) else one)]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:40]!r} stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:40]} is no finite number")
    return value
