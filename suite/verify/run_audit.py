"""One run of a submission: its record and its ledger, read in a process that may not harm the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from protocol import (
    Protocol,
    Run,
    RunId,
    RunRecord,
    canonical_digest,
    describe,
    load,
    load_vectors,
    parse_run_id,
)
from suite.results.columns import Columns
from suite.results.reading import read_ledger_file, read_record
from suite.results.run_parts import parts_of, wall_seconds
from suite.results.shared_plays import COLUMNS, SharedPlays, shared_plays
from suite.results.store import LEDGER, RECORD
from suite.scoring.ledger_outcomes import GameOutcome, game_outcomes
from suite.untrusted.files import Unreadable
from suite.verify.findings import Finding, Place, finding, unreadable_file
from suite.verify.ledger_rules import LEDGER_RULES, check_ledger
from suite.verify.lineage_rules import CLOCKS_APART, began_at

_ROOM_BYTES = 2**16
"""In a ledger, besides twice what its rows take: other releases of Parquet's library write more or less."""
_SLACK = 1.05
"""Of a training's time in that of its run: both are measured, and rounded."""
_RECORD_RULES = frozenset({"B2", "D4", "F2", "F3", "F4", "P1", "P2", "P3", "P5"})
RUN_RULES = LEDGER_RULES | _RECORD_RULES
"""The rules that a run's record and ledger are held to."""
_NOT_OF_THE_LEDGER = {"B2", "D2", "D3"}
"""Rules that a ledger can break and still be one that figures are computed from."""


class RunTask(NamedTuple):
    """A run of a submission.

    Attributes:
        published: learner, configuration digest and folder of published results, whose ledgers it is compared
            with; a learner of the same name and configuration may well have the same ones.
    """

    folder: str
    version: str
    run_id: str
    published: tuple[tuple[str, str, str], ...] = ()


class AuditedLedger(NamedTuple):
    """A ledger that was read.

    Attributes:
        steps: how many actions each episode has, int32 (E,).
        sha256: the digest of its bytes.
        best: the rows of the highest return of each game and phase.
        shared: by published learner, the episodes that the run shares with that one's.
    """

    steps: npt.NDArray[np.int32]
    sha256: str
    best: tuple[int, ...]
    shared: Mapping[str, SharedPlays]


class RunAudit(NamedTuple):
    """The audit of one run's files.

    Attributes:
        findings: what is not right about them.
        record: None: it could not be read.
        outcomes: by game, what the ledger says was earned; None: it is no ledger that figures come from.
        ledger: None: it could not be read.
        skipped: the rules that the run was not held to, since a file of it could not be read or is wrong.
    """

    findings: tuple[Finding, ...]
    record: RunRecord | None
    outcomes: dict[str, GameOutcome] | None
    ledger: AuditedLedger | None
    skipped: frozenset[str]


def audit_record(task: RunTask) -> RunAudit:
    """Look at one run's record alone."""
    protocol = load(task.version)
    run = describe(parse_run_id(task.run_id, protocol), protocol)
    try:
        record = read_record(Path(task.folder), f"{run.run_id.path}/{RECORD}")
    except Unreadable as error:
        found = unreadable_file(Place.of_run(run.run_id, RECORD), error)
        return RunAudit(tuple(found), None, None, None, RUN_RULES)
    return RunAudit(tuple(_record_findings(protocol, run, record)), record, None, None, LEDGER_RULES)


def audit_run(task: RunTask) -> RunAudit:
    """Look at one run's record and ledger."""
    protocol = load(task.version)
    run = describe(parse_run_id(task.run_id, protocol), protocol)
    of_record = audit_record(task)
    findings, record = list(of_record.findings), of_record.record
    in_record, in_ledger = Place.of_run(run.run_id, RECORD), Place.of_run(run.run_id, LEDGER)
    try:
        ledger = read_ledger_file(Path(task.folder), f"{run.run_id.path}/{LEDGER}", run)
    except Unreadable as error:
        return of_record._replace(findings=(*findings, *unreadable_file(in_ledger, error)))
    if record is not None and record.ledger_sha256 != ledger.sha256:
        findings.append(finding("S4", in_record, f"ledger_sha256 {ledger.sha256}", record.ledger_sha256))
    if ledger.size_bytes > (most := 2 * ledger.rows_bytes + _ROOM_BYTES):
        right = f"at most {most:,} bytes for its rows"
        findings.append(finding("S3", in_ledger, right, f"{ledger.size_bytes:,}"))
    checked = check_ledger(protocol, run, ledger.columns, record)
    outcomes, shared = None, dict[str, SharedPlays]()
    if {one.rule for one in checked.findings} <= _NOT_OF_THE_LEDGER:
        outcomes = game_outcomes(ledger.columns, run)
        shared |= _shared(task, run.run_id, ledger.table, record)
    steps = np.diff(ledger.columns.action_ends, prepend=0).astype(np.int32)
    audited = AuditedLedger(steps, ledger.sha256, _best(ledger.columns), shared)
    skipped = checked.skipped | (_RECORD_RULES if record is None else frozenset())
    return RunAudit((*findings, *checked.findings), record, outcomes, audited, skipped)


def _best(columns: Columns) -> tuple[int, ...]:
    order = np.argsort(-columns.claimed_return, kind="stable")
    kinds = np.stack([columns.phase, columns.game], axis=1)[order]
    _, places = np.unique(kinds, axis=0, return_index=True)
    return tuple(sorted(order[places].tolist()))


def _shared(
    task: RunTask, run_id: RunId, table: pa.Table, record: RunRecord | None
) -> Iterator[tuple[str, SharedPlays]]:
    for learner, configuration, folder in task.published:
        path = Path(folder, run_id.path, LEDGER)
        if record is None or (learner, configuration) == (record.learner, record.configuration_digest):
            continue
        if path.is_file():
            with pq.ParquetFile(path) as file:  # threads would need more memory than a limit allows
                yield learner, shared_plays(table, file.read(columns=list(COLUMNS), use_threads=False))


def _record_findings(protocol: Protocol, run: Run, record: RunRecord) -> Iterator[Finding]:
    place = Place.of_run(run.run_id, RECORD)
    run_id, seeded = str(run.run_id), bool(run.evaluation_episodes)
    evaluation_seed = run.learner_seed("evaluation") if seeded else None
    expected = (
        ("S2", "run_id", run_id, record.run_id),
        ("P1", "edition_digest", run.edition_digest, record.edition_digest),
        ("P1", "protocol_version", protocol.version, record.protocol_version),
        ("D4", "training_seed", run.learner_seed("training"), record.training_seed),
        ("D4", "evaluation_seed", evaluation_seed, record.evaluation_seed),
        ("S4", "configuration_digest", _digest(record), record.configuration_digest),
    )
    for rule, name, right, found in expected:
        if found != right:
            yield finding(rule, place, f"{name} {right}", str(found)[:200])
    package = protocol.emulator.package
    for version in sorted({str(played.versions.get(package)) for played in parts_of(record)}):
        if version != protocol.emulator.version:
            yield finding("P3", place, f"{package} {protocol.emulator.version}", version[:200])
    ends = [0, *(stretch.until_steps for stretch in record.resumed_from)]
    most = 2 * run.most_steps  # lanes that have finished count on
    if ends != sorted(ends) or ends[-1] > most:
        right = f"parts that end one after another, after {most:,} steps at most"
        yield finding("B2", place, right, ", ".join(map(str, ends[1:]))[:200])
    vectors = load_vectors(protocol.version).games
    for spending in record.games:
        if spending.game not in protocol.played_games:
            continue  # rule B2 says which games there should be
        known = protocol.game(spending.game)
        if spending.rom_sha256 != known.rom_sha256:
            yield finding("P2", place, f"ROM {known.rom_sha256} of {spending.game}", spending.rom_sha256)
        vector = vectors[spending.game]
        for name in ("conformance", "pictures"):
            right, found = getattr(vector, name), getattr(spending, f"{name}_sha256")
            if found != right:
                yield finding("P3", place, f"{name} {right} of {spending.game}", found)
    yield from _time_findings(place, run, record)
    if run.run_id.arm != "transfer" and record.checkpoint_in is not None:
        yield finding("F4", place, "no checkpoint to start from", record.checkpoint_in)


def _time_findings(place: Place, run: Run, record: RunRecord) -> Iterator[Finding]:
    """The times that a run claims are possible: pages show when and how fast it was played."""
    begun = began_at(record.started_at)
    if begun is None:
        yield finding("S1", place, "started_at as an ISO 8601 time with its zone", record.started_at)
    elif begun > datetime.now(UTC) + CLOCKS_APART:
        yield finding("S1", place, "started_at in the past", record.started_at)
    speed, seconds = record.training_steps_per_second, wall_seconds(record)
    if not run.total_budget_steps <= speed * _SLACK * seconds < math.inf:
        right = f"time for {run.total_budget_steps:,} steps, at {speed:,.1f} steps per second"
        yield finding("S1", place, right, f"{seconds:,.1f} seconds", "warning")


def _digest(record: RunRecord) -> str:
    try:
        return canonical_digest(record.configuration)
    except (ValueError, RecursionError):
        return "of a configuration that canonical JSON can hold"
