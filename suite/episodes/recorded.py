"""A recorded run, found by its path or by a baseline's name, and its ledger: all that is read of a run here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from protocol import (
    ARMS,
    PHASES,
    EpisodeRecord,
    ForeignProtocol,
    Phase,
    Protocol,
    Run,
    RunRecord,
    StoreError,
    UnknownName,
    describe,
    parse_run_id,
)
from suite.results.ledger import episodes_of
from suite.results.published import ARTIFACTS, source_folder
from suite.results.reading import checked_ledger_file, ledger_limits, read_record
from suite.results.store import LEDGER, RECORD, check_edition
from suite.untrusted.files import Unreadable
from suite.untrusted.processes import Failure, within_bounds
from suite.untrusted.text import printable

LOOKS_LIKE = "results/smoke/baselines.ppo/fresh/breakout/seed0, or ppo/fresh/breakout/seed0 for a published one"


@dataclass(frozen=True)
class Recorded:
    """A complete run and its episodes.

    Attributes:
        name: the run as it was asked for.
        owner: whose run it is: the name of its results folder or of the baseline.
        run: what the protocol says of it.
        ledger_sha256: the digest of its ledger, in hexadecimal; it is the one that its record names.
        table: the ledger (see LEDGER_SCHEMA), a row per episode.
    """

    name: str
    owner: str
    run: Run
    ledger_sha256: str
    table: pa.Table

    @property
    def title(self) -> str:
        """Whose run, and which one."""
        return f"{self.owner} {self.run.run_id.path}"

    def rows(self, phase: Phase | None, game: str | None) -> list[int]:
        """The rows of the ledger with episodes of a phase and a game; None: of any.

        Raises:
            UnknownName: there is no such phase, the run does not play the game, or no episode is of both.
        """
        if phase not in (None, *PHASES):
            raise UnknownName(f"phase {phase!r} does not exist; choose one of: {', '.join(PHASES)}")
        if game not in (None, *self.run.games):
            raise UnknownName(f"{self.name} does not play {game!r}; it plays {', '.join(self.run.games)}")
        wanted = [
            pc.equal(self.table[name], value) for name, value in (("phase", phase), ("game", game)) if value
        ]
        mask = pa.chunked_array([pa.array([True] * self.table.num_rows)])
        for one in wanted:
            mask = pc.and_(mask, one)
        rows: list[int] = pc.indices_nonzero(mask).to_pylist()
        if not rows:
            raise UnknownName(f"{self.name} has no {phase or ''} episode of {game or 'any game'}")
        return rows

    def episode(self, row: int) -> EpisodeRecord:
        """The episode of a row of the ledger.

        Raises:
            UnknownName: there is no such row.
        """
        if not 0 <= row < self.table.num_rows:
            raise UnknownName(f"{self.name} has no episode {row}; its rows are 0 to {self.table.num_rows - 1}")
        return next(episodes_of(self.table.slice(row, 1)))


def find_recorded(name: str, protocol: Protocol, edition: str) -> Recorded:
    """Read a run of a results folder, of a submission or of a published baseline.

    Args:
        name: the run's folder or, where no folder of the first part exists, a published baseline's name and the
            run's path in it.
        protocol: the rules.
        edition: of a published baseline.

    Raises:
        UnknownName: the text names no run.
        StoreError: the run is not complete, or its record or ledger cannot be read, or do not belong together.
        ForeignProtocol: it was played under other rules.
    """
    folder, path = _place(name, edition)
    file = RECORD
    try:
        record = read_record(folder, f"{path}/{RECORD}")
        run = _run_of(name, path, record, protocol)
        file = LEDGER
        task = _Ledger(folder, f"{path}/{LEDGER}", run, protocol, record.ledger_sha256)
        ours = folder.resolve().is_relative_to(ARTIFACTS)
        table = _table(task) if ours else within_bounds(_table, task, ledger_limits([run]))
        if isinstance(table, Failure):
            raise Unreadable(f"cannot be read within bounds: {table.reason}")
        return Recorded(name, printable(folder.resolve().name), run, record.ledger_sha256, table)
    except Unreadable as error:
        raise StoreError(f"{name} is no complete run that can be read: its {file} {error}") from error


class _Ledger(NamedTuple):
    """The arguments of ``checked_ledger_file``."""

    folder: Path
    file: str
    run: Run
    protocol: Protocol
    sha256: str


def _table(ledger: _Ledger) -> pa.Table:
    return checked_ledger_file(*ledger).table


def _place(name: str, edition: str) -> tuple[Path, str]:
    """The results folder, and the run's path in it."""
    parts = Path(name).parts
    begins = [place for place, part in enumerate(parts) if part in ARMS]
    if not begins:
        raise UnknownName(f"{name!r} names no run; a run looks like {LOOKS_LIKE}")
    source, path = Path(*parts[: begins[-1]]), "/".join(parts[begins[-1] :])
    return source_folder(source, edition), path


def _run_of(name: str, path: str, record: RunRecord, protocol: Protocol) -> Run:
    run_id = parse_run_id(record.run_id, protocol)
    if run_id.path != path:
        raise ForeignProtocol(
            f"{name} holds the record of {run_id}; name the folder that the run was played in"
        )
    check_edition(record, protocol, name, "read it with the release that wrote it")
    return describe(run_id, protocol)
