"""Copies of snapshots where the user says, for machines whose disks do not stay.

    URL/KEY/N.tar           the newest; the one before goes once this one stands
        journal.arrows      of the size that the snapshot names
        checkpoint/, notes/ if the training is over
        snapshot-N/         all as in the run's partial folder (``suite.run.snapshots``)

The key is a digest of the run and of who plays it, so runs that could not resume each other never meet. The URL
is any of fsspec (https://filesystem-spec.readthedocs.io), such as ``s3://bucket/path``, for which s3fs must be
installed. What it needs to be let in comes from the environment, as each of these libraries documents.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from protocol import StoreError, UnknownName
from suite.results.store import JOURNAL

_SUFFIX = ".tar"


def checked_url(text: str) -> str:
    """A URL as workers on other machines understand it; a folder's name becomes one.

    Raises:
        UnknownName: it names no file system that can be used here, or holds a password.
    """
    import fsspec

    url = text if "://" in text else f"file://{Path(text).expanduser().resolve()}"
    try:
        password = any(urlsplit(part).password for part in url.split("::"))
    except ValueError as error:
        raise UnknownName(f"--snapshot-url {url!r} is no URL ({error}); name a folder or a URL") from error
    if password:
        raise UnknownName(
            "--snapshot-url holds a password, which would be seen in logs; leave it out, and let the "
            "environment hold it as the library of that file system documents"
        )
    scheme = url.partition("://")[0]
    try:
        fsspec.get_filesystem_class(scheme.rpartition("::")[2])
    except (ValueError, ImportError) as error:
        raise UnknownName(f"--snapshot-url {url!r}: {error}") from error
    return url


class Copies:
    """The copies of the snapshots of one run.

    Args:
        url: where, as ``checked_url`` returns it.
        key: names the run and who plays it.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url.rstrip('/')}/{key}"

    def put(self, folder: Path, number: int, names: Sequence[str], journal_bytes: int) -> None:
        """Copy a snapshot and what it needs.

        Args:
            folder: the run's partial folder.
            number: of the snapshot.
            names: of the folders that are copied; the snapshot's is the last.
            journal_bytes: the size of the journal at the snapshot's moment.

        Raises:
            OSError: it could not be copied; the copy before it still stands.
        """
        try:
            system, place = self._place()
            before = self._numbers(system, place)
            system.makedirs(place, exist_ok=True)
            new = f"{place}/{number}.new"
            with system.open(new, "wb") as target, tarfile.open(fileobj=target, mode="w|") as tar:
                with (folder / JOURNAL).open("rb") as journal:
                    about = tar.gettarinfo(arcname=JOURNAL, fileobj=journal)
                    about.size = journal_bytes
                    tar.addfile(about, journal)
                for name in names:
                    tar.add(folder / name, arcname=name)
            system.mv(new, f"{place}/{number}{_SUFFIX}")
            for old in before:
                if old != number:
                    system.rm(f"{place}/{old}{_SUFFIX}")
        except Exception as error:  # of whatever kind the file system's library raises
            raise OSError(f"{self._url}: {type(error).__name__}: {error}") from error

    def fetch(self, folder: Path, newer_than: int) -> bool:
        """Bring the newest copy into the run's partial folder, if it is newer than what is of use there.

        Args:
            folder: the run's partial folder.
            newer_than: the number of the newest snapshot in it that the run can go on from; 0: there is none.

        Returns:
            Whether there is one, which now stands in place of any of its number.

        Raises:
            StoreError: the URL cannot be read.
        """
        new = folder / "fetched.new"
        shutil.rmtree(new, ignore_errors=True)
        try:
            system, place = self._place()
            newest = max(self._numbers(system, place), default=0)
            if newest <= newer_than:
                return False
            with (
                system.open(f"{place}/{newest}{_SUFFIX}", "rb") as source,
                tarfile.open(fileobj=io.BufferedReader(source), mode="r|") as tar,
            ):
                tar.extractall(new, filter="data")
            for path in sorted(new.iterdir()):  # the snapshot is the last by name, too
                _replace(path, folder / path.name)
        except Exception as error:  # of whatever kind the file system's library raises
            raise StoreError(
                f"snapshots cannot be read from {self._url} ({type(error).__name__}: {error}); see to it that "
                "this machine may, or play without --snapshot-url"
            ) from error
        finally:
            shutil.rmtree(new, ignore_errors=True)
        print(f"snapshot {newest} was fetched from {self._url}", file=sys.stderr)
        return True

    def drop(self) -> None:
        """Remove the copies: the run is over. Where that fails, its log says so."""
        try:
            system, place = self._place()
            if system.exists(place):
                system.rm(place, recursive=True)
        except Exception as error:  # of whatever kind the file system's library raises
            print(f"{self._url} could not be removed ({type(error).__name__}: {error})", file=sys.stderr)

    def _place(self) -> tuple[Any, str]:
        import fsspec

        system, place = fsspec.url_to_fs(self._url, use_listings_cache=False)
        return system, place

    def _numbers(self, system: Any, place: str) -> list[int]:
        """The numbers of the snapshots that have a copy."""
        if not system.exists(place):
            return []
        stems = (os.path.splitext(os.path.basename(path)) for path in system.ls(place, detail=False))
        return [int(stem) for stem, suffix in stems if suffix == _SUFFIX and stem.isdecimal()]


def _replace(path: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    path.replace(target)
