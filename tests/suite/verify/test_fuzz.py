"""Damaged ledgers and records by the hundred: each is told or could not be checked, and no process is lost."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from suite.results.published import published_folder
from suite.untrusted.processes import Failure, Limits, run_sharded
from suite.verify.run_audit import RunAudit, RunTask, audit_run
from tests.suite.verify.corpus import FRESH

pytestmark = pytest.mark.slow
CASES = 600
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


@pytest.fixture(scope="module", params=["ledger.parquet", "record.json"])
def audits(request, tmp_path_factory) -> tuple[str, list[RunAudit | Failure]]:
    """What the audit of one run says of CASES damaged copies of one of its files."""
    source = published_folder("ppo", "smoke") / FRESH
    generator = np.random.Generator(np.random.Philox(key=11))
    original, base = (source / request.param).read_bytes(), tmp_path_factory.mktemp("fuzz")
    tasks = []
    for case in range(CASES):
        folder = Path(base) / str(case)
        shutil.copytree(source, folder / FRESH)
        data = original
        while data == original:
            data = damaged(original, generator)
        (folder / FRESH / request.param).write_bytes(data)
        tasks.append(RunTask(str(folder), "v1", f"smoke/{FRESH}"))
    found = dict(run_sharded(audit_run, tasks, 2, LIMITS))
    return request.param, [found[case] for case in range(CASES)]


def test_every_damaged_ledger_is_told(audits):
    """No change of a ledger's bytes passes: it cannot be read, or its digest is another."""
    name, found = audits
    if name == "ledger.parquet":
        for one in found:
            assert isinstance(one, Failure) or one.findings


def test_no_damage_meets_an_error_of_ours(audits):
    """Whatever is damaged, the audit ends in findings; a lost process is rare, and is told as such."""
    name, found = audits
    failures = [one.reason for one in found if isinstance(one, Failure)]
    print(f"{CASES} damaged copies of {name}: {len(failures)} could not be checked: {sorted(set(failures))}")
    assert all("process ended" in reason or "memory" in reason or "seconds" in reason for reason in failures)
