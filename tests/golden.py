"""The types of CPU that are known to repeat published plays to the bit, and a check of results against them."""

import json
import tomllib
from pathlib import Path

import pytest

from suite.machine import cpu_type
from suite.results.store import record_paths
from tests import ROOT

GOLDEN = tomllib.loads((ROOT / "tests/slow/golden_ledgers.toml").read_text(encoding="utf-8"))


def assert_as_published(results: Path, name: str) -> None:
    """Ledgers and checkpoints' digests are those of a published learner; skips where that is not known."""
    if cpu_type() not in GOLDEN:
        pytest.skip(f"whether {cpu_type()} plays what is published is not known")
    for played in record_paths(results):
        here = json.loads(played.read_text())
        path = here["run_id"].partition("/")[2]
        there = json.loads((ROOT / "artifacts/v1/smoke" / name / path / "record.json").read_text())
        for digest in ("ledger_sha256", "checkpoint_in", "checkpoint_out", "notes_sha256"):
            assert here[digest] == there[digest], (there["run_id"], digest)
