"""A complete run as bytes: packed where it was played, checked and put into the folder of who asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from protocol import Run, RunBusy, RunId, RunRecord, StoreError
from suite.digests import folder_digest
from suite.results.owner import Owner, claim
from suite.results.reading import checked_ledger_file
from suite.results.store import CHECKPOINT, LEDGER, NOTES, RECORD, Store, notes_digest
from suite.results.writing import empty, write_file
from suite.untrusted.files import Unreadable

Files = Mapping[str, bytes]
"""The files below a folder by their path in it, with slashes."""


class PackedRun(NamedTuple):
    """A complete run.

    Attributes:
        run_id: the run.
        record: the bytes of its record.
        checkpoint: what its learner saved.
        ledger: the bytes of its ledger; empty where only the checkpoint is handed on.
        notes: what its learner noted.
        log: what it printed.
        untracked: what could not be tracked, and why; empty: nothing.
    """

    run_id: str
    record: bytes
    checkpoint: Files
    ledger: bytes
    notes: Files
    log: bytes = b""
    untracked: str = ""


def read_files(folder: Path) -> dict[str, bytes]:
    """All files below a folder; none where there is no such folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_files(folder: Path, files: Files) -> None:
    """Write files below a folder, which is made.

    Raises:
        StoreError: a path leads out of the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise StoreError(f"the file {name!r} would not lie in {folder}; nothing is written outside of it")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def packed(store: Store, run_id: RunId, log: bytes, untracked: str) -> PackedRun:
    """A complete run of a folder."""
    ledger, notes = store.ledger_path(run_id).read_bytes(), read_files(store.run_folder(run_id) / NOTES)
    return packed_start(store, run_id)._replace(ledger=ledger, notes=notes, log=log, untracked=untracked)


def packed_start(store: Store, run_id: RunId) -> PackedRun:
    """The parts of the complete run that a run starts from: its record and checkpoint."""
    record = (store.run_folder(run_id) / RECORD).read_bytes()
    return PackedRun(str(run_id), record, read_files(store.checkpoint_path(run_id)), b"", {})


def put_start(store: Store, run_id: RunId, packed_run: PackedRun) -> None:
    """Lay out what a run needs of the one that it starts from, in a folder that nobody else plays into."""
    folder = store.run_folder(run_id)
    write_files(folder / CHECKPOINT, packed_run.checkpoint)
    write_file(folder / RECORD, packed_run.record)


def receive(store: Store, run: Run, learner: str, packed_run: PackedRun) -> bool:
    """Put a complete run into a results folder, once it has proved to be that run, whole.

    Args:
        store: the results folder; another command may be playing the same run there.
        run: which run.
        learner: whose run it must be.
        packed_run: the run.

    Returns:
        whether the run is complete now; False: another process is playing it there.

    Raises:
        StoreError: it is another run, is not whole, or breaks a rule; what a try that was broken off has left
            in the folder is still there.
        ForeignProtocol: the folder holds, or another command plays there, runs of another configuration.
    """
    if store.is_complete(run.run_id):
        return True
    try:
        with (
            store.new_run(run.run_id) as folder,
            TemporaryDirectory(dir=store.folder, prefix=".arrived-") as scratch,
        ):
            arrived = Store(Path(scratch), store.protocol)
            came = arrived.run_folder(run.run_id)
            write_files(came / CHECKPOINT, packed_run.checkpoint)
            if packed_run.notes:
                write_files(came / NOTES, packed_run.notes)
            (came / LEDGER).write_bytes(packed_run.ledger)
            (came / RECORD).write_bytes(packed_run.record)
            claim(store, run.run_id, Owner.of(_checked(store, arrived, run, learner)))
            empty(folder)
            for path in came.iterdir():
                path.rename(folder / path.name)
    except RunBusy:
        return False
    return True


def _checked(store: Store, arrived: Store, run: Run, learner: str) -> RunRecord:
    """The record of a run whose files are those that it names, and its budget's; raises StoreError otherwise.

    Args:
        store: has the run that it starts from.
        arrived: a folder that has the files of the run alone.
        run: which run.
        learner: whose run it must be.
    """
    folder = arrived.run_folder(run.run_id)
    try:
        record = arrived.record(run.run_id)
        ledger = checked_ledger_file(folder, LEDGER, run, store.protocol)
    except Unreadable as error:
        raise StoreError(f"what came of run {run.run_id} {error}; play it again") from error
    start = run.starts_from
    facts = {
        "learner": (record.learner, learner),
        "ledger": (record.ledger_sha256, ledger.sha256),
        "checkpoint": (record.checkpoint_out, folder_digest(folder / CHECKPOINT)),
        "notes": (record.notes_sha256, notes_digest(folder)),
    }
    if start is not None and store.is_complete(start):
        facts["start"] = record.checkpoint_in, store.record(start).checkpoint_out
    for name, (claimed, found) in facts.items():
        if claimed != found:
            raise StoreError(
                f"what came of run {run.run_id} has {name} {found}, its record names {claimed}; play it again"
            )
    return record
