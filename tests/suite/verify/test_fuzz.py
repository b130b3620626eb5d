"""Damaged files by the hundred: each is told or could not be checked, and no process is lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from protocol import StoreError, parse_run_id
from suite.results.published import published_folder
from suite.results.reading import read_record
from suite.scoring.scores import Scores
from suite.submission.description import parse_submission
from suite.untrusted.processes import Failure, Limits, run_sharded
from suite.verify.digest_rules import DigestTask, check_digests
from suite.verify.figure_rules import _differences, _read
from suite.verify.findings import Finding
from suite.verify.run_audit import RunAudit, RunTask, audit_run
from suite.verify.survey import survey
from tests.suite.helpers import V1
from tests.suite.verify.corpus import FRESH

pytestmark = pytest.mark.slow
CASES = 600
NOTED = "generalist/seed0"
LIMITS = Limits(memory_bytes=2**29, seconds=30)


def damaged(data: bytes, generator: np.random.Generator) -> bytes:
    """The same bytes with some flipped, cut out, doubled, or put elsewhere."""
    changed = bytearray(data)
    for _ in range(generator.integers(1, 5)):
        start, stop = sorted(generator.integers(0, len(changed), 2).tolist())
        stop = min(stop, start + int(generator.integers(1, 64)))
        match generator.integers(4):
            case 0:
                changed[start] ^= int(generator.integers(1, 256))
            case 1:
                del changed[start:stop]
            case 2:
                changed[start:start] = changed[start:stop]
            case 3:
                changed[start:stop] = generator.bytes(stop - start)
        if len(changed) < 2:
            break
    return bytes(changed)


def audits_of(name: str, base: Path) -> list[RunAudit | Failure]:
    """The audits of one run with CASES damaged copies of one of its files."""
    source = published_folder("ppo", "smoke") / FRESH
    generator = np.random.Generator(np.random.Philox(key=11))
    original = (source / name).read_bytes()
    tasks = []
    for case in range(CASES):
        folder = base / str(case)
        shutil.copytree(source, folder / FRESH)
        data = original
        while data == original:
            data = damaged(original, generator)
        (folder / FRESH / name).write_bytes(data)
        tasks.append(RunTask(str(folder), "v1", f"smoke/{FRESH}"))
    found = dict(run_sharded(audit_run, tasks, 2, LIMITS))
    return [found[case] for case in range(CASES)]


def assert_all_are_checked(found: list[RunAudit | Failure], name: str) -> None:
    """A process is lost in one case of a hundred at most, and for a reason that is outside of our code."""
    failures = [one.reason for one in found if isinstance(one, Failure)]
    print(f"{CASES} damaged copies of {name}: {len(failures)} could not be checked: {sorted(set(failures))}")
    assert all("process ended" in reason or "memory" in reason or "seconds" in reason for reason in failures)
    assert len(failures) <= CASES / 100


def test_every_damaged_ledger_is_told(tmp_path):
    """No change of a ledger's bytes passes: it cannot be read, or its digest is another."""
    found = audits_of("ledger.parquet", tmp_path)
    assert_all_are_checked(found, "ledger.parquet")
    assert all(isinstance(one, Failure) or one.findings for one in found)


def test_damaged_records_meet_no_error_of_ours(tmp_path):
    """Whatever is damaged in a record, its audit ends, in findings or without; most are told."""
    found = audits_of("record.json", tmp_path)
    assert_all_are_checked(found, "record.json")
    assert sum(not isinstance(one, Failure) and bool(one.findings) for one in found) > CASES / 2


@pytest.fixture
def submission(tmp_path) -> Path:
    shutil.copytree(published_folder("multihead_a2c", "smoke"), tmp_path / "submission")
    return tmp_path / "submission"


def copies(path: Path, cases: int) -> Iterator[bytes]:
    """Damaged copies of a file, each written in its place."""
    generator = np.random.Generator(np.random.Philox(key=12))
    original = path.read_bytes()
    for _ in range(cases):
        data = damaged(original, generator)
        if data != original:
            path.write_bytes(data)
            yield data


def test_every_damaged_sum_is_told(submission):
    """Sums of other bytes are told, unless they say the same."""
    found = survey(submission)
    task = DigestTask(str(submission), found.files, {}, {}, (), found.passed)
    original = said_by((submission / "SHA256SUMS").read_bytes())
    for data in copies(submission / "SHA256SUMS", 150):
        assert check_digests(task) or said_by(data) == original


def said_by(sums: bytes) -> list[str]:
    return [line for line in sums.decode(errors="replace").splitlines() if line]


def test_every_damaged_note_is_told(submission):
    """A note of other bytes is not the one that the record and the sums name."""
    found = survey(submission)
    record = read_record(submission, f"{NOTED}/record.json")
    notes = {parse_run_id(record.run_id, V1): record.notes_sha256}
    task = DigestTask(str(submission), found.files, {}, notes, (), found.passed)
    for _ in copies(submission / NOTED / "notes/head_use.parquet", 40):
        assert {(one.rule, one.file and one.file.split("/")[-1]) for one in check_digests(task)} == {
            ("S4", "record.json"),
            ("S4", "head_use.parquet"),
        }


def test_damaged_scores_are_told_or_the_same(submission):
    """Scores of other bytes are no scores, or differ from what ledgers give, or round to the same figures."""
    original = _read(str(submission))
    assert isinstance(original, Scores)
    told = 0
    for _ in copies(submission / "scores.json", CASES):
        found = _read(str(submission))
        if not isinstance(found, Finding):
            assert isinstance(found, Scores)
            differences = list(_differences(original.model_dump(), found.model_dump(), "scores"))
            assert differences or rounded(found.model_dump()) == rounded(original.model_dump())
            told += bool(differences)
    assert told


def rounded(tree: object) -> object:
    """The same tree, its numbers rounded to eight decimals, as text: another type is another text."""
    if isinstance(tree, dict):
        return {key: rounded(value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        return [rounded(value) for value in tree]
    return f"{tree:.8f}" if isinstance(tree, float) else repr(tree)


def test_a_damaged_description_meets_no_error_of_ours(submission):
    """A description of other bytes is read as what it says, or refused in a line."""
    for data in copies(submission / "submission.toml", CASES):
        try:
            parse_submission(data)
        except StoreError:
            continue
