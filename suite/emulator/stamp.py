"""The stamp of a conformance check, which identifies the checked files, so that they need not be checked again.

A stamp proves that the emulator's library, the ROMs, this project's code and the versions of Python, numpy and
OpenCV are those with which every vector agreed. It says nothing about the CPU. Only playing can check that, and
each run plays the vectors of its games on the machine that it runs on.
"""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from protocol import Protocol, RomError, canonical_digest
from suite.digests import file_digest

STAMPED_PACKAGES = ("ale_py", "protocol", "suite")
"""The packages whose files are all part of a stamp."""


def stamp_of(protocol: Protocol) -> str:
    """The stamp of this installation: a digest in hexadecimal; raises RomError without an emulator."""
    packages = {name: source_digest(_package_folder(name)) for name in STAMPED_PACKAGES}
    versions = {name: version(name) for name in ("numpy", "opencv-python-headless")}  # opencv draws pictures
    versions["python"] = platform.python_version()
    return canonical_digest(packages | versions | dict(protocol.edition_digests))


def source_digest(folder: Path) -> str:
    """SHA-256, in hexadecimal, over names and contents of all files below a folder, except Python's caches."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return canonical_digest({path.relative_to(folder).as_posix(): file_digest(path) for path in paths})


def is_stamped(path: Path, protocol: Protocol) -> bool:
    """True if the file contains the stamp of this installation; False also if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8") == stamp_of(protocol)
    except (OSError, UnicodeDecodeError):
        return False


def write_stamp(path: Path, protocol: Protocol) -> None:
    """Stamp this installation, after its vectors agreed; a file that cannot be written is left unchanged.

    This happens in a read-only container: the next check there plays again.
    """
    with suppress(OSError):
        path.write_text(stamp_of(protocol), encoding="utf-8")


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise RomError(f"{name} is not installed, so nothing can be checked; run `make setup`")
    return Path(spec.origin).parent
