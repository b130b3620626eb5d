"""Writing into folders that others may have made: whole files or none, and nothing through a link."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from protocol import StoreError

_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""Of exFAT, and of some file systems over a network or in user space."""
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


def lock(descriptor: int, operation: int, name: str) -> None:
    """``flock`` an open file or folder.

    Args:
        descriptor: of it.
        operation: of ``fcntl``.
        name: for the error.

    Raises:
        BlockingIOError: another process holds it, and LOCK_NB asks not to wait.
        StoreError: its disk has no such locks.
    """
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise StoreError(
            f"the disk of {name} locks no files ({error}); mount it with locks, such as -o flock of Lustre, or "
            "choose a folder on another disk with --out"
        ) from error


def write_file(path: Path, data: bytes | str) -> None:
    """Write a file whole or not at all; a link of its name is replaced, never followed.

    Args:
        path: in a folder that exists.
        data: its contents; text becomes UTF-8.

    Raises:
        StoreError: it cannot be written; what was there before is still there.
    """
    contents = data.encode() if isinstance(data, str) else data
    try:
        with new_file(path) as new:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
            with open(descriptor, "wb") as file:
                file.write(contents)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); choose another folder") from error


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file to write, which is on the disk and has its name once the block is through, or never.

    What had the name before is replaced; a link is never followed.

    Args:
        path: in a folder that exists; the name that is written to ends as this one does.
    """
    new = path.with_name(f".{path.stem[:64]}-{secrets.token_hex(8)}{path.suffix}")
    try:
        yield new
        _sync_file(new)
        new.replace(path)
        sync_names(path.parent)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def write_once(path: Path, text: str) -> None:
    """Write a file unless there is one: of several processes, here or on other machines, one writes it.

    It appears whole; on a disk that has no hard links, it is empty for a moment.

    Raises:
        StoreError: it cannot be written.
    """
    new = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        new.write_text(text, encoding="utf-8")
        _sync_file(new)
        _link(new, path)
        sync_names(path.parent)
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); choose another folder") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _link(new: Path, path: Path) -> None:
    """Give a file a second name that nothing has; on a disk without hard links, a copy gets it."""
    try:
        os.link(new, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        with path.open("xb") as file:
            file.write(new.read_bytes())
        _sync_file(path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which has its name once the block is through, or never.

    Raises:
        StoreError: there is something of that name, or it cannot be written.
    """
    if os.path.lexists(path):
        raise StoreError(f"{path} exists already; name a new folder, or delete it")
    new = path.with_name(f".{path.name[:64]}-{secrets.token_hex(8)}")
    try:
        new.mkdir(parents=True)
        yield new
        new.rename(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); choose another folder") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def own_folder(path: Path) -> Path:
    """A folder to write into, made where it is missing; raises StoreError where it is a link or cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {path} cannot be written to ({error}); choose another folder") from error
    if path.is_symlink():
        raise StoreError(
            f"{path} is a link to {path.readlink()}; nothing is written through links: name a folder"
        )
    return path


def sync_files(folder: Path) -> None:
    """Wait until everything in a folder is on the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            _sync_file(path)
        else:
            sync_names(path)
    sync_names(folder)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_names(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, such as that of a file just renamed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def empty(folder: Path, kept: Collection[str] = ()) -> None:
    """Remove everything in a folder but what has one of these names."""
    for left in folder.iterdir():
        if left.name in kept:
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
