"""Snapshots of a run in its middle, from which it goes on after a stop to the same bytes as an unbroken run.

    <run>.partial/journal.arrows        of which a snapshot names the size at its moment
    <run>.partial/snapshot-N/           the newest; the one before goes once this one stands
        snapshot.json                   ``Snapshot``
        learner/                        what the learner's ``save_state`` wrote
    <run>.partial/unused/               the last snapshot that could not be used, with all that it needs

Consoles are not kept: on resumption every open episode is played again from its actions.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from protocol import StoreError
from suite.contained.wire import LackedRoom
from suite.digests import folder_digest
from suite.results.store import CHECKPOINT, JOURNAL, NOTES
from suite.results.writing import sync_files, sync_names
from suite.run.copies import Copies
from suite.run.resumption import LEARNER, STATE, Maker, Resumed, Snapshot, why_unusable

STOP_SECONDS = 4.5
"""The most seconds that a run that is to stop may take to its next safe point, before it is killed after
``suite.run.reaper.GRACE_SECONDS``: longer than a rollout in 95 % of PPO's runs of lite (median 3.3 s)."""
TRAINED = (CHECKPOINT, NOTES)
"""The parts that a training leaves in the run's partial folder, and that a snapshot in evaluation needs."""
_PREFIX = "snapshot-"
_FAILED = "failed"
UNUSED = "unused"
"""The folder for a snapshot that was not used, until the run is complete."""
_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Snapshots:
    """Takes snapshots of a run into its partial folder, and finds the newest one there.

    Args:
        folder: the run's partial folder.
        scratch: a folder whose path names no run, for the learner to write into.
        minutes: between snapshots; 0: none is taken.
        copies: of the snapshots elsewhere; None: there are none.
    """

    def __init__(self, folder: Path, scratch: Path, minutes: float, copies: Copies | None = None) -> None:
        self._folder, self._scratch, self._copies = folder, scratch, copies
        self._seconds = 60 * minutes
        self._next = time.monotonic() + self._seconds
        self._number = max((_number(path) for path in _folders(folder)), default=0)
        self._asked = self._stopping = self._taking = False

    @property
    def wanted(self) -> bool:
        """False if none is to be taken."""
        return self._seconds > 0

    def due(self) -> bool:
        """True if a snapshot is due: its time has come, or the run is to stop; False if none is wanted."""
        self._asked = self.wanted
        return self._asked and (self._stopping or time.monotonic() >= self._next)

    @contextmanager
    def before_stopping(self) -> Iterator[None]:
        """While the block lasts, SIGINT and SIGTERM wait for the next snapshot, STOP_SECONDS at most.

        Batch systems send either to every process, so several of them are one request. A run that was never
        asked for a snapshot, since its learner takes none or none is wanted, stops at once.
        """

        def stop(number: int, frame: object) -> None:
            if number == signal.SIGALRM or not self._asked:
                raise KeyboardInterrupt
            if not self._stopping:
                self._stopping = True
                if not self._taking:  # what is begun is finished
                    signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)

        before = {number: signal.signal(number, stop) for number in _STOPPING}
        alarm = signal.signal(signal.SIGALRM, stop)
        try:
            yield
        finally:
            # In this order: a signal that comes meanwhile would set an alarm that nobody takes.
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm)

    def take(self, describe: Callable[[str], Snapshot], save: Callable[[Path], None]) -> None:
        """Take a snapshot: it stands whole, by one rename, before the one before it goes.

        Where a disk has no room for it, the run goes on without it, and its log says so.

        Args:
            describe: the harness's part, given the digest of the learner's.
            save: writes the learner's part into an empty folder.

        Raises:
            KeyboardInterrupt: the run is to stop, and the snapshot stands if it could be taken.
        """
        self._taking = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        new, state = self._folder / "snapshot.new", self._scratch / "state"
        try:
            snapshot = self._take(describe, save, new, state)
        except (OSError, LackedRoom) as error:
            _print(f"no snapshot could be taken ({error}); the run goes on without it")
        else:
            self._copy(snapshot)
        finally:
            for path in (new, state):
                shutil.rmtree(path, ignore_errors=True)
        self._taking = False
        self._next = time.monotonic() + self._seconds
        if self._stopping:
            raise KeyboardInterrupt

    def _take(
        self, describe: Callable[[str], Snapshot], save: Callable[[Path], None], new: Path, state: Path
    ) -> Snapshot:
        for path in (new, state):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)  # the machine may have cleaned its temporary folder
        save(state)
        digest = folder_digest(state)
        shutil.move(state, new / LEARNER)
        snapshot = describe(digest)
        (new / STATE).write_text(snapshot.model_dump_json(indent=2) + "\n", encoding="utf-8")
        sync_files(self._folder)
        before = _folders(self._folder)
        self._number += 1
        new.rename(self._folder / f"{_PREFIX}{self._number}")
        sync_names(self._folder)
        for path in before:
            shutil.rmtree(path)
        return snapshot

    def _copy(self, snapshot: Snapshot) -> None:
        """Copy the newest snapshot, which is the run's own business to do without."""
        if self._copies is None:
            return
        name = f"{_PREFIX}{self._number}"
        trained = [part for part in TRAINED if (self._folder / part).is_dir()]
        names = [*(trained if snapshot.phase == "evaluation" else ()), name]
        try:
            self._copies.put(self._folder, self._number, names, snapshot.journal_bytes)
        except OSError as error:
            _print(f"{name} could not be copied ({error}); the run goes on")

    def could_not_resume(self, resumed: Resumed) -> None:
        """A run could not go on from a snapshot: once may be the machine's fault, twice is the snapshot's.

        After the second time it is set aside, so that the next call starts the run over.
        """
        path = resumed.learner.parent
        if not (path / _FAILED).exists():
            (path / _FAILED).touch()
            _print(f"the run could not go on from {path.name}; if that fails once more, it starts over")
            return
        self.set_aside()
        self.drop_copies()
        _print(f"the run could not go on from {path.name} twice; the next call starts the run over")

    def set_aside(self) -> None:
        """Put the newest snapshot, and what the run would need to go on from it, where nothing uses it.

        Its code may come back: a run of days is not lost because git was away for a moment.
        """
        if not (newest := max(_folders(self._folder), key=_number, default=None)):
            return
        aside = self._folder / UNUSED
        if _steps(max(_folders(aside), key=_number, default=None)) > _steps(newest):
            shutil.rmtree(newest)  # more play lies there already
            return
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for path in (newest, *(self._folder / name for name in (JOURNAL, *TRAINED))):
            if path.exists():
                path.rename(aside / path.name)
        _print(
            f"{newest.name} lies in {UNUSED}/ until the run is complete, with the journal that belongs to it"
        )

    def _put_back(self, run_id: str, maker: Maker) -> Resumed | None:
        """A snapshot that was set aside, where this maker can go on from it: its code may have come back.

        What stands in its place is set aside instead.
        """
        aside, swapped = self._folder / UNUSED, self._folder / f"{UNUSED}.new"
        found = max(_folders(aside), key=_number, default=None)
        if found is None or (found / _FAILED).exists():
            return None
        try:
            snapshot = Snapshot.model_validate_json((found / STATE).read_bytes())
        except (OSError, ValidationError):
            return None
        if why_unusable(snapshot, found, run_id, maker, aside / JOURNAL) is not None:
            return None
        shutil.rmtree(swapped, ignore_errors=True)
        swapped.mkdir()
        parts = [self._folder / name for name in (JOURNAL, *TRAINED)]
        for path in (*_folders(self._folder), *parts):
            if path.exists():
                path.rename(swapped / path.name)
        for path in (*(aside / part.name for part in parts), found):  # the snapshot last: it needs the others
            if path.exists():
                path.rename(self._folder / path.name)
        shutil.rmtree(aside)
        swapped.rename(aside)
        self._number = max(map(_number, (*_folders(self._folder), *_folders(aside))))
        _print(f"{found.name}, which lay in {UNUSED}/, fits again: the run goes on from it")
        return Resumed(snapshot, self._folder / found.name / LEARNER)

    def drop(self) -> None:
        """Remove all snapshots from the run's folder: the run is over."""
        for path in _folders(self._folder):
            shutil.rmtree(path)
        shutil.rmtree(self._folder / UNUSED, ignore_errors=True)

    def drop_copies(self) -> None:
        """Remove the copies of the snapshots, of which the run has no more need."""
        if self._copies is not None:
            self._copies.drop()

    def newest(self, run_id: str, maker: Maker, journal: Path) -> Resumed | None:
        """The newest snapshot, here or copied, from which this maker can go on.

        Why others cannot be used is printed into the run's log.

        Raises:
            StoreError: a snapshot here, or copies that there may be elsewhere, cannot be read now.
        """
        here = self._usable(run_id, maker, journal) or self._put_back(run_id, maker)
        number = 0 if here is None else _number(here.learner.parent)
        if self._copies is None or not self._copies.fetch(self._folder, number):
            return here
        self._number = max(_number(path) for path in _folders(self._folder))
        return self._usable(run_id, maker, journal)

    def _usable(self, run_id: str, maker: Maker, journal: Path) -> Resumed | None:
        """The newest snapshot in the folder from which this maker can go on."""
        for path in sorted(_folders(self._folder), key=_number, reverse=True):
            try:
                snapshot = Snapshot.model_validate_json((path / STATE).read_bytes())
            except (FileNotFoundError, ValidationError) as error:
                _log(path, f"cannot be read ({type(error).__name__})")
                continue
            except OSError as error:
                raise StoreError(f"the snapshot {path} cannot be read ({error}); try again") from error
            if (reason := why_unusable(snapshot, path, run_id, maker, journal)) is None:
                return Resumed(snapshot, path / LEARNER)
            _log(path, reason)
        return None


def _log(path: Path, reason: str) -> None:
    _print(f"the snapshot {path.name} {reason}; it is not used")


def _print(line: str) -> None:
    """Into the run's log, unless its disk is full."""
    with suppress(OSError):
        print(line, file=sys.stderr)


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"{_PREFIX}*") if path.name.removeprefix(_PREFIX).isdecimal()]


def _steps(path: Path | None) -> int:
    """The steps that a snapshot holds; -1: there is none that can be read."""
    try:
        return -1 if path is None else Snapshot.model_validate_json((path / STATE).read_bytes()).played_steps
    except (OSError, ValidationError):
        return -1


def _number(path: Path) -> int:
    return int(path.name.removeprefix(_PREFIX))
