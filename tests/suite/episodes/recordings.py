"""Recorded runs for tests: those that are published, and copies whose ledger was changed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from suite.episodes.recorded import Recorded, find_recorded
from suite.results.schema import LEDGER_SCHEMA
from tests.suite.helpers import V1

FRESH, GENERALIST = "ppo/fresh/breakout/seed0", "ppo/generalist/seed0"


def published(name: str) -> Recorded:
    return find_recorded(name, V1, "smoke")


def changed(recorded: Recorded, row: int, change: Callable[[dict[str, Any]], None]) -> Recorded:
    """The same run, one of whose episodes claims something else."""
    rows = recorded.table.to_pylist()
    change(rows[row])
    return replace(recorded, table=pa.Table.from_pylist(rows, LEDGER_SCHEMA))


def copied(name: str, folder: Path) -> Path:
    """The files of a published run in a results folder of one's own."""
    import shutil

    from suite.results.published import published_folder

    baseline, _, path = name.partition("/")
    shutil.copytree(published_folder(baseline, "smoke") / path, folder / path)
    return folder / path
