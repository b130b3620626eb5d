"""Forged submissions: a valid one, changed in one way, with every digest made right again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from protocol import StoreError, describe, parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.digests import file_digest
from suite.machine import cpu_type, library_versions
from suite.results.ledger import read_ledger
from suite.results.schema import LEDGER_SCHEMA
from suite.results.store import Store
from suite.scoring.score import score, write_scores
from suite.submission.checksums import sums_text
from tests.suite.helpers import V1
from tests.suite.verify.cheater import Bend, play_bent

EDITION = V1.edition("smoke")
FRESH, OTHER_FRESH = "fresh/breakout/seed0", "fresh/asterix/seed1"
GENERALIST, PRETRAIN, TRANSFER = "generalist/seed0", "pretrain/fold1/seed0", "transfer/fold1/breakout/seed0"
HERE = {"cpu": cpu_type(), "versions": library_versions()}
"""On what a run is played here, in the words of its record."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


class Forgery(NamedTuple):
    """One way to be wrong.

    Attributes:
        name: what it is.
        rule: that must find it.
        also: rules that may find it, too.
        forge: changes the submission in a folder.
        replay: whether episodes must be played again to find it.
        retrain: runs that the learner must play again to find it.
    """

    name: str
    rule: str
    forge: Callable[[Forged], None]
    also: tuple[str, ...] = ()
    replay: bool = False
    retrain: tuple[str, ...] = ()


class Forged:
    """A submission that is being changed; paths of runs are without the edition."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record(self, run: str) -> dict[str, Any]:
        """A run's record."""
        return read_json(self.folder / run / "record.json")

    def write_record(self, run: str, record: dict[str, Any]) -> None:
        """Replace it."""
        (self.folder / run / "record.json").write_text(json.dumps(record, indent=2) + "\n")

    def change(self, run: str, **fields: Any) -> None:
        """Change fields of a run's record."""
        self.write_record(run, self.record(run) | fields)
        self.sums()

    def rows(self, run: str) -> list[dict[str, Any]]:
        """The rows of a run's ledger."""
        return read_ledger(self.folder / run / "ledger.parquet").to_pylist()

    def write_rows(self, run: str, rows: Any, *, claims: bool = True, scores: bool = True) -> None:
        """Replace the ledger; digests, and unless told otherwise claims and scores, are made right."""
        path = self.folder / run / "ledger.parquet"
        pq.write_table(pa.Table.from_pylist(list(rows), LEDGER_SCHEMA), path, compression="zstd")
        record = self.record(run) | {"ledger_sha256": file_digest(path)}
        if claims:
            for spending in record["games"]:
                for phase in ("training", "evaluation"):
                    own = [row for row in rows if (row["game"], row["phase"]) == (spending["game"], phase)]
                    spending[f"{phase}_frames"] = 4 * sum(row["length_steps"] for row in own)
                    spending[f"{phase}_episodes"] = len(own)
        self.write_record(run, record)
        if scores:
            with suppress(StoreError):  # a ledger that is none: nothing scores it, the old scores stay
                write_scores(score(self.folder), self.folder)
        self.sums()

    def edit_rows(self, run: str, edit: Callable[[list[dict[str, Any]]], None], **options: bool) -> None:
        """Change rows of a ledger in place."""
        rows = self.rows(run)
        edit(rows)
        self.write_rows(run, rows, **options)

    def sums(self) -> None:
        """Make SHA256SUMS right."""
        (self.folder / "SHA256SUMS").write_text(sums_text(self.folder))

    def list_in_sums(self, file: str) -> None:
        """Name one more file in SHA256SUMS."""
        with (self.folder / "SHA256SUMS").open("a") as sums:
            sums.write(f"{file_digest(self.folder / file)}  {file}\n")

    def play(self, run: str, bend: Bend, *, scores: bool = True) -> None:
        """Replace a run by one that was really played, with one rule bent."""
        described = describe(parse_run_id(f"smoke/{run}", V1), V1)
        self.write_record(run, self.record(run) | HERE)
        self.write_rows(run, list(play_bent(V1, described, bend)), scores=scores)

    def train(self, run: str, learner: str) -> None:
        """Replace a run by one that another learner really played; the record names the declared one."""
        with tempfile.TemporaryDirectory() as scratch:
            store, run_id = Store(Path(scratch), V1), parse_run_id(f"smoke/{run}", V1)
            outcome = play_one(run_id, store, Settings(learner))
            assert outcome.status == "complete", outcome
            ended = {"checkpoint_out": store.record(run_id).checkpoint_out}
            self.write_record(run, self.record(run) | HERE | ended)
            self.write_rows(run, read_ledger(store.ledger_path(run_id)).to_pylist())


def earlier_part(forged: Forged, run: str, **fields: Any) -> None:
    """An earlier part of a run that was resumed."""
    own = forged.record(run)
    part = {name: own[name] for name in ("device", "cpu", "code_commit", "versions", "wall_seconds")}
    forged.change(run, resumed_from=[part | {"until_steps": 100} | fields])


def said(forged: Forged, old: str, new: str) -> None:
    """Change what the description says."""
    path = forged.folder / "submission.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    forged.sums()


def spending(forged: Forged, **fields: Any) -> None:
    record = forged.record(FRESH)
    record["games"][0] |= fields
    forged.write_record(FRESH, record)
    forged.sums()


def named(
    name: str, rule: str, forge: Callable[..., None], *also: str, replay: bool = False, **fields: Any
) -> Forgery:
    return Forgery(name, rule, partial(forge, **fields) if fields else forge, also, replay)


def rows(
    name: str, rule: str, edit: Any, *also: str, run: str = FRESH, replay: bool = False, **options: bool
) -> Forgery:
    return Forgery(name, rule, lambda forged: forged.edit_rows(run, edit, **options), also, replay)


def played(
    name: str, rule: str, run: str, *also: str, replay: bool = False, scores: bool = True, **bend: Any
) -> Forgery:
    return Forgery(name, rule, lambda forged: forged.play(run, Bend(**bend), scores=scores), also, replay)
