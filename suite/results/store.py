"""The results folder of one learner on one edition: where runs lie, when they are complete, what they hold.

    <folder>/<arm>/.../seedN/           a complete run
        record.json                     protocol.RunRecord
        ledger.parquet                  suite.results.ledger
        checkpoint/                     what the learner saved
        notes/                          what it noted about itself, if it did
    <folder>/<arm>/.../seedN.partial/   a run that is being played or was broken off
    <folder>/<arm>/.../seedN.player     who plays it (suite.results.player)
    <folder>/logs/                      one text file per run
    <folder>/.token                     names the folder on a cluster (suite.benchmark.cluster)
    <folder>/.arrived-.../              a run that has come from there and is not checked yet
    <folder>/scores.json                suite.scoring.score
    <folder>/sacred/N/                  the same runs as Sacred keeps them (suite.tracking), the broken-off ones
                                        included; nothing reads them here, and they are never published

A run becomes complete by one atomic rename, so whatever has a record is whole.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol import (
    ARMS,
    ForeignProtocol,
    Protocol,
    RunBusy,
    RunId,
    RunRecord,
    StoreError,
    parse_run_id,
)
from suite.digests import file_digest, folder_digest, short_digest
from suite.results.player import check_held, held, is_held
from suite.results.reading import read_record
from suite.results.writing import empty, sync_files, sync_names, write_once
from suite.untrusted.files import Unreadable, is_there

RECORD, LEDGER, JOURNAL = "record.json", "ledger.parquet", "journal.arrows"
CHECKPOINT, NOTES, SACRED = "checkpoint", "notes", "sacred"
TOKEN = ".token"
_RUN_DEPTH = 4  # arm, fold, game, seed
SUBMISSION, SCORES, SUMS = "submission.toml", "scores.json", "SHA256SUMS"
"""Next to the arms of a submission: whose runs these are (suite.submission.description), scores, digests."""


def notes_digest(run_folder: Path) -> str | None:
    """The digest of what a learner noted in a run, as ``folder_digest``; None: it noted nothing.

    Raises:
        StoreError: the notes hold something that is neither a file nor a folder.
    """
    notes = run_folder / NOTES
    noted = any(path.is_symlink() or not path.is_dir() for path in notes.rglob("*"))
    return folder_digest(notes) if noted else None


def _check_whole(folder: Path, run_id: RunId) -> None:
    """Raise StoreError where a folder does not hold all that a run leaves."""
    try:
        record = read_record(folder, RECORD)
        found = file_digest(folder / LEDGER), folder_digest(folder / CHECKPOINT), notes_digest(folder)
    except (Unreadable, OSError) as error:
        raise StoreError(f"run {run_id} was broken off: {error}") from error
    named = record.ledger_sha256, record.checkpoint_out, record.notes_sha256
    if record.run_id != str(run_id) or found != named:
        raise StoreError(f"run {run_id} was broken off")


def record_paths(folder: Path) -> list[Path]:
    """The records of the complete runs of a results folder, sorted: what lies below the folder of an arm.

    Neither links are followed nor the folders of runs looked into. A record is a plain file.

    Raises:
        StoreError: a folder cannot be listed.
    """
    found: list[Path] = []
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            raise StoreError(f"the results folder {here} cannot be read ({error.strerror})") from error
        if depth and any(entry.name == RECORD and entry.is_file(follow_symlinks=False) for entry in entries):
            found.append(here / RECORD)
        elif depth < _RUN_DEPTH:
            inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            waiting += [(here / name, depth + 1) for name in inner if depth or name in ARMS]
    return sorted(found)


def check_edition(record: RunRecord, protocol: Protocol, name: str, way_out: str) -> None:
    """Raise ForeignProtocol where a record was made under an edition with another digest than this release has.

    Args:
        record: of a run of an edition of the protocol.
        protocol: of this release.
        name: of the record, for the error.
        way_out: the error's advice.
    """
    edition = parse_run_id(record.run_id, protocol).edition
    ours, theirs = protocol.edition_digests[edition], record.edition_digest
    if theirs != ours:
        raise ForeignProtocol(
            f"{name} was made under edition {edition} with digest {short_digest(theirs)}, "
            f"this release has {short_digest(ours)}; {way_out}"
        )


class Store:
    """A results folder.

    Args:
        folder: made when the first run is written.
        protocol: the rules that its runs must have been played by.
    """

    def __init__(self, folder: Path, protocol: Protocol) -> None:
        self.folder = folder
        self.protocol = protocol

    def run_folder(self, run_id: RunId) -> Path:
        """The folder of a complete run."""
        return self.folder / run_id.path

    def log_path(self, run_id: RunId) -> Path:
        """The file for the text that a run prints."""
        return self.folder / "logs" / (run_id.path.replace("/", "-") + ".log")

    @property
    def sacred_folder(self) -> Path:
        """The folder of Sacred's files."""
        return self.folder / SACRED

    def is_complete(self, run_id: RunId) -> bool:
        """True if the run has been played to its end; raises StoreError if its folder cannot be read."""
        return is_there(self.run_folder(run_id) / RECORD)

    def record(self, run_id: RunId) -> RunRecord:
        """The record of a complete run.

        Raises:
            StoreError: there is none, or it cannot be read.
            ForeignProtocol: it was made under other rules, or is the record of another run.
        """
        path = self.run_folder(run_id) / RECORD
        try:
            record = read_record(self.folder, f"{run_id.path}/{RECORD}")
        except Unreadable as error:
            way_out = "; delete its run and play it again" if error.lost else ""
            raise StoreError(f"the record {path} {error}{way_out}") from error
        if record.run_id != str(run_id):
            raise ForeignProtocol(
                f"{path} is the record of {record.run_id}, not of {run_id}; choose another folder"
            )
        check_edition(record, self.protocol, str(path), "choose another folder")
        return record

    def ledger_path(self, run_id: RunId) -> Path:
        """The ledger of a complete run."""
        return self.run_folder(run_id) / LEDGER

    def checkpoint_path(self, run_id: RunId) -> Path:
        """The checkpoint of a complete run."""
        return self.run_folder(run_id) / CHECKPOINT

    def make_folder(self) -> None:
        """Make the results folder; raises StoreError where it cannot be written to."""
        try:
            (self.folder / "logs").mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise StoreError(
                f"the results folder {self.folder} cannot be written to ({error}); choose another one"
            ) from error

    def token(self) -> str:
        """A name of this folder that no other has, made when it is first asked for."""
        path = self.folder / TOKEN
        if not is_there(path):
            self.make_folder()
            write_once(path, secrets.token_hex(8))
        return path.read_text(encoding="ascii")

    def is_being_played(self, run_id: RunId) -> bool:
        """True if a process is playing the run now, on this machine or another."""
        return is_held(self.player_path(run_id))

    def player_path(self, run_id: RunId) -> Path:
        """The file that says who plays a run (suite.results.player)."""
        final = self.run_folder(run_id)
        return final.with_name(final.name + ".player")

    def _partial(self, run_id: RunId) -> Path:
        final = self.run_folder(run_id)
        return final.with_name(final.name + ".partial")

    @contextmanager
    def new_run(self, run_id: RunId) -> Iterator[Path]:
        """The folder to play a run in; when the block ends well, the run is complete.

        It holds what a try that was broken off left there, for the caller to go on with or to remove.

        Raises:
            RunBusy: another process is playing the same run.
            StoreError: another process has completed it, the folder cannot be written to, or something else is
                in the run's place.
        """
        self.make_folder()
        final = self.run_folder(run_id)
        partial = self._partial(run_id)
        self._check_place(run_id)
        final.parent.mkdir(parents=True, exist_ok=True)
        player = self.player_path(run_id)
        with held(player, str(run_id)):
            if final.exists():
                player.unlink()
                raise StoreError(f"run {run_id} has just been completed by another process")
            partial.mkdir(exist_ok=True)
            yield partial
            sync_files(partial)
            check_held(player, str(run_id))
            partial.rename(final)
            sync_names(final.parent)

    def complete_left(self, run_id: RunId) -> bool:
        """Complete a run that was broken off after all of it had been written; whether it is complete now."""
        if not is_there(self._partial(run_id) / RECORD):
            return False
        try:
            with self.new_run(run_id) as folder:
                _check_whole(folder, run_id)
                empty(folder, {RECORD, LEDGER, CHECKPOINT, NOTES})
        except (StoreError, RunBusy):
            pass  # whoever plays it does so from where it was broken off
        return self.is_complete(run_id)

    def _check_place(self, run_id: RunId) -> None:
        """Raise StoreError where a run is complete, or cannot be put where it belongs, or not be read there."""
        final = self.run_folder(run_id)
        if self.is_complete(run_id):
            raise StoreError(f"run {run_id} is complete already; a complete run is never played again")
        if is_there(final):
            raise StoreError(f"{final} has no {RECORD}: copying it was broken off; copy it again, or delete it")
        for place in final.parents:
            if place == self.folder:
                break
            if place.is_symlink():
                raise StoreError(
                    f"{place} is a link, and results are not read through links; put the folder itself there, "
                    "or name one on the other disk with --out"
                )
