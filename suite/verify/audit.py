"""The audit: everything that a submission's files say by themselves; no emulator, no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from protocol import Edition, Protocol, Run, RunId, RunRecord, UnknownName, plan
from suite.results.published import published_learners
from suite.results.reading import ledger_limits
from suite.results.store import LEDGER, SCORES, SUBMISSION, SUMS
from suite.scoring.ledger_outcomes import GameOutcome
from suite.submission.description import Submission
from suite.untrusted.processes import SMALL, Failure, run_sharded
from suite.verify.digest_rules import DigestTask, check_digests
from suite.verify.figure_rules import check_figures
from suite.verify.findings import (
    REPLAY_RULES,
    RETRAIN_RULES,
    RULES,
    WHOLE,
    Finding,
    Place,
    finding,
    kept,
    out_of_bounds,
)
from suite.verify.identity_rules import check_identity
from suite.verify.intent_rules import check_intent
from suite.verify.lineage_rules import check_lineage, check_plan
from suite.verify.run_audit import RUN_RULES, AuditedLedger, RunAudit, RunTask, audit_record, audit_run
from suite.verify.survey import Survey, survey


class Audit(NamedTuple):
    """An audit: its findings, and the ledgers that a replay goes on with.

    Attributes:
        edition: of the runs; None: unknown.
        learner: of the runs; None: unknown.
        submission: what is declared of them; None: it could not be read.
        ledgers: of every run whose ledger could be read.
        findings: all.
        checked: the rules that all of it was held to.
        is_whole: whether every run that is there has a ledger that could be read.
    """

    edition: str | None
    learner: str | None
    submission: Submission | None
    ledgers: Mapping[RunId, AuditedLedger]
    findings: tuple[Finding, ...]
    checked: frozenset[str]
    is_whole: bool


def audit(folder: Path, protocol: Protocol, workers: int) -> Audit:
    """Hold a submission's files to every rule that needs no emulator.

    Args:
        folder: the submission; nothing in it is trusted.
        protocol: the rules.
        workers: processes to read ledgers in.

    Raises:
        UnknownName: there is no such folder.
        StoreError: it cannot be listed, or holds no run.
    """
    found = survey(folder)
    findings = list(found.findings)
    edition, more = _edition(protocol, found)
    findings += more
    if edition is None:
        findings += check_digests(DigestTask(str(folder), found.files, {}, {}, (), found.passed))
        checked = {"S1", "S3", *(one.rule for one in more)}  # P4 too, if an edition was named
        return Audit(None, None, found.submission, {}, tuple(findings), frozenset(checked), False)
    findings += check_plan(protocol, edition, found.runs, found.closed)
    present = [run for run in plan(protocol, edition) if run.run_id.path in found.runs]
    audits = _audit_runs(folder, protocol, edition, present, workers)
    findings += [one for audited in audits.values() for one in audited.findings]
    read = _Read.of(audits)
    findings += _between_runs(folder, protocol, edition, present, read, found)
    learners = Counter(record.learner for record in read.records.values())
    return Audit(
        edition.name,
        learners.most_common(1)[0][0] if learners else None,
        found.submission,
        read.ledgers,
        tuple(findings),
        frozenset(RULES).difference(
            _NOT_AUDITED, *(audited.skipped for audited in audits.values()), _of_unread(findings, found)
        ),
        len(read.ledgers) == len(present),
    )


_NOT_AUDITED = (*REPLAY_RULES, *RETRAIN_RULES)
_RULE_OF = {SCORES: "C1", SUMS: "S4", SUBMISSION: "P5"}
"""The rule that each file of the submission as a whole is needed for."""
_MOST_SLOW = 3
_NOT_READ = Failure(f"it was not read, as {_MOST_SLOW} others took too long")


def _of_unread(findings: Sequence[Finding], found: Survey) -> set[str]:
    """The rules that were not looked at, since a file of the submission as a whole could not be read."""
    unread = {one.file for one in findings if one.rule in ("S1", "S3")} | {*_RULE_OF} - {*found.files}
    return {rule for file, rule in _RULE_OF.items() if file in unread}


class _Read(NamedTuple):
    """The readable parts of the runs: their records, the rewards of their episodes, and the ledgers."""

    records: Mapping[RunId, RunRecord]
    outcomes: Mapping[RunId, Mapping[str, GameOutcome]]
    ledgers: Mapping[RunId, AuditedLedger]

    @classmethod
    def of(cls, audits: Mapping[RunId, RunAudit]) -> _Read:
        """Of the runs that were looked at, those of which there is something."""
        return cls(
            {run_id: one.record for run_id, one in audits.items() if one.record is not None},
            {run_id: one.outcomes for run_id, one in audits.items() if one.outcomes is not None},
            {run_id: one.ledger for run_id, one in audits.items() if one.ledger is not None},
        )

    @property
    def paid(self) -> set[RunId]:
        """The runs that were paid a reward in training."""
        return {
            run_id
            for run_id, games in self.outcomes.items()
            if any(game.curve.any() for game in games.values())
        }


def _between_runs(
    folder: Path, protocol: Protocol, edition: Edition, present: Sequence[Run], read: _Read, found: Survey
) -> Iterator[Finding]:
    """The rules that hold between runs, and between the runs and what is said of them."""
    digests = {run_id: ledger.sha256 for run_id, ledger in read.ledgers.items()}
    shared = {run_id: ledger.shared for run_id, ledger in read.ledgers.items()}
    yield from kept("P5", check_identity(edition, read.records, shared, found.submission))
    yield from kept("F3", check_lineage(present, read.records, read.paid))
    yield from kept("S1", check_intent(protocol, read.records))
    notes = {run_id: record.notes_sha256 for run_id, record in read.records.items()}
    strays = tuple(one.file for one in found.findings if one.rule == "S3" and one.file is not None)
    task = DigestTask(str(folder), found.files, digests, notes, strays, found.passed)
    yield from kept("S4", check_digests(task))
    yield from kept("C1", check_figures(folder, protocol, edition, read.records, read.outcomes))


def _edition(protocol: Protocol, found: Survey) -> tuple[Edition | None, list[Finding]]:
    """The edition that most records name, and a finding where it does not exist."""
    named = found.editions
    if not named:
        unread = [] if found.pointers else [finding("S1", WHOLE, "records that can be read", "none")]
        return None, unread  # the survey reports pointers
    name = max(named, key=lambda one: named[one])
    try:
        return protocol.edition(name), []
    except UnknownName:
        known = ", ".join(edition.name for edition in protocol.editions)
        return None, [finding("P4", WHOLE, f"an edition out of {known}", name[:80])]


def _audit_runs(
    folder: Path, protocol: Protocol, edition: Edition, runs: Sequence[Run], workers: int
) -> dict[RunId, RunAudit]:
    """Every run, looked at in a process within bounds."""
    published = tuple(
        (one.learner, one.configuration_digest, str(one.folder)) for one in published_learners(edition.name)
    )
    tasks = [RunTask(str(folder), protocol.version, str(run.run_id), published) for run in runs]
    audits: dict[int, RunAudit] = {}
    failed = dict.fromkeys(range(len(runs)), _NOT_READ)
    for place, found in run_sharded(audit_run, tasks, workers, ledger_limits(runs)):
        if isinstance(found, Failure):
            failed[place] = found
        else:
            audits[place] = found
            del failed[place]
        if sum(failure.too_slow for failure in failed.values()) == _MOST_SLOW:
            break
    records = dict(run_sharded(audit_record, [tasks[place] for place in failed], workers, SMALL))
    for number, (place, failure) in enumerate(failed.items()):
        reason = out_of_bounds(Place.of_run(runs[place].run_id, LEDGER), failure)
        audits[place] = _without_ledger(records[number], reason)
    return {run.run_id: audits[place] for place, run in enumerate(runs)}


def _without_ledger(of_record: RunAudit | Failure, reason: Finding) -> RunAudit:
    """A run whose ledger took its reader along: what its record says by itself is not lost with it."""
    if isinstance(of_record, Failure):
        return RunAudit((reason,), None, None, None, RUN_RULES)
    return of_record._replace(findings=(*of_record.findings, reason))
