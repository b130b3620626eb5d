"""Digests and sizes of files and folders; runs and submissions identify their contents by digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from protocol import StoreError, canonical_digest

_SHORT = 12


def short_digest(digest: str | None) -> str:
    """As much of a digest or a commit as a person compares, with the mark of changes that no commit has."""
    if digest is None:
        return "unknown"
    return digest[:_SHORT] + ("-dirty" if digest.endswith("-dirty") else "")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_bytes(folder: Path) -> int:
    """The size of all files below a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def folder_digest(folder: Path) -> str:
    """SHA-256, in hexadecimal, over the names and digests of all files below a folder.

    Raises:
        StoreError: the folder contains something that is neither a file nor a folder.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise StoreError(f"{path.name} in {folder.name}/ is neither a file nor a folder; save plain files")
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = file_digest(path)
    return canonical_digest(files)
