"""The audit: everything that a submission's files tell by themselves; no emulator, no torch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from protocol import Edition, Protocol, Run, RunId, StoreError, UnknownName, plan
from suite.results.store import LEDGER, NOTES, RECORD, SCORES, SUBMISSION, SUMS
from suite.scoring.outcomes import assemble
from suite.scoring.score import SCORERS
from suite.scoring.scores import Scores
from suite.submission.description import Submission, read_submission
from suite.untrusted.files import MAX_JSON_BYTES, Unreadable, list_files, parse_json, read_bytes
from suite.untrusted.records import read_record
from suite.verify.digest_rules import check_notes, check_sums, file_digests
from suite.verify.findings import (
    REPLAY_RULES,
    RETRAIN_RULES,
    RULES,
    WHOLE,
    Finding,
    Place,
    finding,
    unreadable,
)
from suite.verify.intent_rules import check_intent
from suite.verify.lineage_rules import check_lineage, check_plan
from suite.verify.run_audit import RunAudit, RunTask, audit_run
from suite.verify.shards import Failure, Limits, run_sharded

LIMITS = Limits(memory_bytes=768 * 2**20, seconds=300)
MAX_NOTES_DEPTH = 3
_NOTES = rf"{NOTES}/(?:[^/]+/){{0,{MAX_NOTES_DEPTH}}}[^/]+"
_RUN = re.compile(rf"(?P<run>(?:[a-z0-9_]+/)+seed\d+)/(?:{RECORD}|{LEDGER}|{_NOTES})")
_TOP = (SUBMISSION, SCORES, SUMS)
_IN_SCORES = Place.of_file(SCORES)
_RELATIVE = 1e-9


class Audit(NamedTuple):
    """What an audit found, and what a replay goes on with.

    Attributes:
        edition: of the runs; None: it could not be told.
        learner: of the runs; None: it could not be told.
        submission: what is declared of them; None: it could not be read.
        episodes: of every run whose ledger could be read, how many.
        findings: all.
        checked: the rules that were looked at.
    """

    edition: str | None
    learner: str | None
    submission: Submission | None
    episodes: Mapping[RunId, int]
    findings: tuple[Finding, ...]
    checked: frozenset[str]


def audit(folder: Path, protocol: Protocol, workers: int) -> Audit:
    """Hold a submission's files to every rule that needs no emulator.

    Args:
        folder: the submission; nothing in it is trusted.
        protocol: the rules.
        workers: processes to read ledgers in.

    Raises:
        StoreError: there is no such folder, or it cannot be listed.
    """
    try:
        files, odd = list_files(folder)
    except Unreadable as error:
        raise StoreError(f"{folder} cannot be verified: {error}") from error
    findings = [*_layout(files, odd)]
    runs = sorted({match["run"] for file in files if (match := _RUN.fullmatch(file))})
    if not runs:
        raise StoreError(f"{folder} holds no run; a submission is what `amtlb submit` writes")
    submission, more = _described(folder, files)
    findings += more
    edition, more = _edition(folder, protocol, runs)
    findings += more
    if edition is None:
        findings += check_sums(folder, files, file_digests(folder, files, {}))
        return Audit(None, None, submission, {}, tuple(findings), frozenset({"S1", "S3", "P4"}))
    findings += check_plan(protocol, edition, runs)
    present = [run for run in plan(protocol, edition) if run.run_id.path in runs]
    audits = _audit_runs(folder, protocol, present, workers)
    for run_id, found in audits.items():
        findings += _failed(run_id, found) if isinstance(found, Failure) else found.findings
    read = {run_id: found for run_id, found in audits.items() if isinstance(found, RunAudit)}
    records = {run_id: found.record for run_id, found in read.items() if found.record is not None}
    findings += check_lineage(present, records, submission)
    findings += check_intent(protocol, records)
    ledgers = {run_id: one.ledger_sha256 for run_id, one in read.items() if one.ledger_sha256 is not None}
    digests = file_digests(folder, files, ledgers)
    findings += check_sums(folder, files, digests)
    findings += check_notes(records, digests)
    findings += _figures(folder, protocol, edition, present, read)
    learners = Counter(record.learner for record in records.values())
    return Audit(
        edition.name,
        learners.most_common(1)[0][0] if learners else None,
        submission,
        {run_id: read[run_id].episodes for run_id in ledgers},
        tuple(findings),
        frozenset(RULES) - {*REPLAY_RULES, *RETRAIN_RULES},
    )


def _layout(files: Sequence[str], odd: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    for file in files:
        if file not in _TOP and not _RUN.fullmatch(file):
            expected = f"files of the layout only; notes at most {MAX_NOTES_DEPTH} folders deep"
            yield finding("S3", Place.of_file(file[:200]), expected, "another")
    for path, what in odd:
        yield finding("S3", Place.of_file(path[:200]), "plain files and folders", what)


def _described(folder: Path, files: Sequence[str]) -> tuple[Submission | None, list[Finding]]:
    """What is declared of the runs, and a finding where nothing can be read of it."""
    try:
        return read_submission(folder), []
    except (Unreadable, StoreError) as error:
        found = str(error) if isinstance(error, StoreError) else f"it {error}"
        if SUBMISSION not in files:
            found = "none"
        place = Place.of_file(SUBMISSION)
        return None, [unreadable("S1", place, "a description of the runs", error, found)]


def _edition(folder: Path, protocol: Protocol, runs: Sequence[str]) -> tuple[Edition | None, list[Finding]]:
    """The edition that most records name, and a finding where it does not exist."""
    names: Counter[str] = Counter()
    for run in runs:
        try:
            names[read_record(folder, f"{run}/{RECORD}").run_id.partition("/")[0]] += 1
        except Unreadable:
            continue  # told when the run is audited
    if not names:
        return None, [finding("S1", WHOLE, "records that can be read", "none")]
    name = names.most_common(1)[0][0]
    try:
        return protocol.edition(name), []
    except UnknownName:
        known = ", ".join(edition.name for edition in protocol.editions)
        return None, [finding("P4", WHOLE, f"an edition out of {known}", name[:80])]


def _audit_runs(
    folder: Path, protocol: Protocol, runs: Sequence[Run], workers: int
) -> dict[RunId, RunAudit | Failure]:
    tasks = [RunTask(str(folder), protocol.version, str(run.run_id)) for run in runs]
    ended = dict(run_sharded(audit_run, tasks, workers, LIMITS))
    return {run.run_id: ended[place] for place, run in enumerate(runs)}


def _failed(run_id: RunId, failure: Failure) -> list[Finding]:
    place = Place.of_run(run_id, LEDGER)
    return [finding("S3", place, "files that can be read within bounds", failure.reason, "unchecked")]


def _figures(
    folder: Path, protocol: Protocol, edition: Edition, runs: Sequence[Run], read: Mapping[RunId, RunAudit]
) -> Iterator[Finding]:
    """The published scores are what the ledgers give."""
    try:
        data = read_bytes(folder, SCORES, MAX_JSON_BYTES)
        parsed = parse_json(data)
        version = parsed.get("scoring_version") if isinstance(parsed, dict) else None
        if version is not None and (type(version) is not int or version not in SCORERS):
            known = ", ".join(map(str, SCORERS))
            yield finding("C1", _IN_SCORES, f"a scoring version out of {known}", str(version)[:80])
            return
        published = Scores.model_validate_json(data)
    except (Unreadable, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        yield unreadable("S1", _IN_SCORES, "the scores", error, f"it {reason}")
        return
    records = [found.record for found in read.values() if found.record is not None]
    outcomes = {run_id: found.outcomes for run_id, found in read.items() if found.outcomes is not None}
    untried = [
        run.run_id
        for run in runs
        if run.evaluation_episodes
        and any(not len(found.evaluation_returns) for found in outcomes.get(run.run_id, {}).values())
    ]
    if len(records) < len(plan(protocol, edition)) or len(outcomes) < len(runs) or untried:
        yield finding("C1", _IN_SCORES, "runs to recompute from", "not all can be read", "unchecked")
        return
    again = SCORERS[published.scoring_version](assemble(protocol, edition, tuple(records), outcomes))
    for place, right, found in _differences(again.model_dump(), published.model_dump(), "scores"):
        yield finding("C1", _IN_SCORES, f"{place} {right}", str(found)[:80])


def _differences(right: Any, found: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Where two trees differ; numbers may differ in their last digits, which are those of a CPU."""
    if isinstance(right, dict) and isinstance(found, dict):
        for key, value in right.items():
            yield from _differences(value, found[key], f"{place}.{key}")
    elif isinstance(right, tuple) and isinstance(found, tuple) and len(right) == len(found):
        for index, (one, other) in enumerate(zip(right, found, strict=True)):
            yield from _differences(one, other, f"{place}[{index}]")
    elif isinstance(right, float) and isinstance(found, float):
        if abs(right - found) > _RELATIVE * max(1.0, abs(right)):
            yield place, right, found
    elif right != found or type(right) is not type(found):
        yield place, right, found
