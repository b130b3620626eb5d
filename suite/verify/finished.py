"""The finished part of a replay, kept outside of the submission, so that a second call goes on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from protocol import Frozen, RunId, Sha256, StoreError, UnknownName
from suite.results.writing import lock, own_folder
from suite.verify.findings import Finding
from suite.verify.run_audit import AuditedLedger
from suite.verify.shards import Shard

FILE = "replayed.jsonl"


class FinishedShard(Frozen):
    """Episodes that were played again, and what was found; a line of the file.

    Attributes:
        ledger_sha256: of the ledger that they are of; another ledger has another digest, and starts over.
    """

    version: str
    run_id: str
    ledger_sha256: Sha256
    rows: tuple[int, ...]
    findings: tuple[Finding, ...]


class Finished:
    """The finished shards of a folder.

    Args:
        version: of the protocol.
        descriptor: of the file, open for appending; None: nothing is kept.
        shards: what it holds.
    """

    def __init__(
        self, version: str, descriptor: int | None = None, shards: Sequence[FinishedShard] = ()
    ) -> None:
        self._version, self._descriptor = version, descriptor
        self._shards: dict[tuple[str, str], list[FinishedShard]] = {}
        for shard in shards:
            if shard.version == version:
                self._shards.setdefault((shard.run_id, shard.ledger_sha256), []).append(shard)

    def left(self, run_id: RunId, ledger_sha256: str, rows: Sequence[int]) -> list[int]:
        """Those of a ledger's rows that were not played again yet."""
        done = {row for shard in self._of(run_id, ledger_sha256) for row in shard.rows}
        return [row for row in rows if row not in done]

    def findings(
        self, chosen: Mapping[RunId, Sequence[int]], ledgers: Mapping[RunId, AuditedLedger]
    ) -> Iterator[Finding]:
        """The findings in the chosen rows, from when they were played."""
        for run_id, rows in chosen.items():
            asked = {*rows}
            for shard in self._of(run_id, ledgers[run_id].sha256):
                yield from (one for one in shard.findings if one.row in asked)

    def _of(self, run_id: RunId, ledger_sha256: str) -> Sequence[FinishedShard]:
        return self._shards.get((str(run_id), ledger_sha256), ())

    def add(self, shard: Shard, found: Sequence[Finding]) -> None:
        """Keep a shard, if it could be played; raises StoreError where it cannot be written."""
        if self._descriptor is None or any(one.severity == "unchecked" for one in found):
            return
        line = FinishedShard(
            version=self._version,
            run_id=shard.run_id,
            ledger_sha256=shard.ledger_sha256,
            rows=shard.rows,
            findings=tuple(found),
        )
        try:
            os.write(self._descriptor, line.model_dump_json().encode() + b"\n")
            os.fsync(self._descriptor)
        except OSError as error:
            raise StoreError(f"the finished part of the replay cannot be kept ({error})") from error


@contextmanager
def finished_in(folder: Path | None, submission: Path, version: str) -> Iterator[Finished]:
    """The finished shards that a folder keeps, for this process alone; None: nothing is kept.

    Raises:
        UnknownName: the folder lies in the submission.
        StoreError: it cannot be read or written, or another process replays with it.
    """
    if folder is None:
        yield Finished(version)
        return
    if folder.resolve().is_relative_to(submission.resolve()):
        raise UnknownName(f"{folder} lies in the submission, which is not written to; name a folder elsewhere")
    path = own_folder(folder) / FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened ({error.strerror}); name another folder") from error
    try:
        try:
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, str(path))
        except BlockingIOError as error:
            raise StoreError(f"another process replays with {folder}; wait for it or name another") from error
        yield Finished(version, descriptor, list(_read(descriptor)))
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> Iterator[FinishedShard]:
    """The lines of the file; one that a kill cut off is ended, and left out."""
    with open(os.dup(descriptor), "rb") as file:
        last = b"\n"
        for last in file:
            try:
                yield FinishedShard.model_validate_json(last)
            except ValidationError:
                continue  # its episodes are played again
    if not last.endswith(b"\n"):
        os.write(descriptor, b"\n")
