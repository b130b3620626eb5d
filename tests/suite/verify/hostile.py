"""Hostile inputs: folders that want a reader to hang, to burst, to break, or to write where it should not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from suite.digests import file_digest, folder_digest
from suite.results.schema import LEDGER_SCHEMA
from tests.suite.verify.corpus.forging import FRESH, GENERALIST, Forged, read_json

HEADED = "multihead_a2c"
LEDGER = f"{FRESH}/ledger.parquet"
STRANGER = "fresh/nowhere/seed0"
RECORD = f"{FRESH}/record.json"

Make = Callable[[Path, Path], None]
"""Changes a submission in a folder; the second folder is outside of it, and must stay as it is."""


class Hostile(NamedTuple):
    """One hostile input.

    Attributes:
        name: what it is.
        make: see Make.
        commands: those that are run on it, as ``COMMANDS`` names them, in one text.
        base: the published baseline that is changed.
    """

    name: str
    make: Make
    commands: str
    base: str = "ppo"


COMMANDS: dict[str, tuple[str, ...]] = {
    "verify": ("verify", "{folder}"),
    "verify-json": ("verify", "{folder}", "--json"),
    "verify-markdown": ("verify", "{folder}", "--markdown"),
    "scores": ("scores", "{folder}"),
    "compare": ("compare", "{folder}"),
    "compare-json": ("compare", "{folder}", "--json"),
    "compare-csv": ("compare", "{folder}", "--csv"),
    "compare-markdown": ("compare", "{folder}", "--markdown"),
    "report": ("report", "{folder}", "--no-watch", "--out", "{folder}/report"),
    "submit": ("submit", "{folder}", "{new}", "--name", "x", "--author", "A. Author", "--code", "none"),
    "publish": ("publish", "{folder}"),
    "leaderboard": ("leaderboard", "{folder}", "--out", "{new}"),
}


def _text(file: str, text: str | bytes) -> Make:
    """A file with these contents."""

    def make(folder: Path, outside: Path) -> None:
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())

    return make


def _pipe(file: str) -> Make:
    def make(folder: Path, outside: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        os.mkfifo(folder / file)

    return make


def _link(file: str, target: str) -> Make:
    """A link in a file's or folder's place; ``outside`` in its target is the folder outside."""

    def make(folder: Path, outside: Path) -> None:
        path = folder / file
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target.replace("outside", str(outside)))

    return make


def _sparse(file: str, size: int) -> Make:
    def make(folder: Path, outside: Path) -> None:
        (folder / file).parent.mkdir(exist_ok=True)
        with (folder / file).open("wb") as hole:
            hole.truncate(size)

    return make


def _record(**fields: Any) -> Make:
    """The same fields in every record, and in the scores what they repeat."""

    def make(folder: Path, outside: Path) -> None:
        for path in folder.rglob("record.json"):
            path.write_text(json.dumps(read_json(path) | fields))
        scores = read_json(folder / "scores.json")
        scores |= {name: value for name, value in fields.items() if name in scores}
        (folder / "scores.json").write_text(json.dumps(scores))
        Forged(folder).sums()

    return make


def _sparse_notes(folder: Path, outside: Path) -> None:
    (folder / FRESH / "notes").mkdir()
    for place in range(400):
        _sparse(f"{FRESH}/notes/{place}", 32 * 2**20)(folder, outside)
    lines = (folder / "SHA256SUMS").read_text()
    lines += "".join(f"{'0' * 64}  {FRESH}/notes/{place}\n" for place in range(400))
    (folder / "SHA256SUMS").write_text(lines)


def _many_files(folder: Path, outside: Path) -> None:
    notes = folder / FRESH / "notes"
    for place in range(30_000):
        if place % 1000 == 0:
            (notes / str(place)).mkdir(parents=True)
        (notes / str(place - place % 1000) / f"n{place}").touch()


def _deep(folder: Path, outside: Path) -> None:
    place = os.open(folder / FRESH, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("notes", dir_fd=place)
        inner = os.open("notes", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)


def _ledger(table: Callable[[pa.Table], pa.Table], run: str = FRESH, **options: Any) -> Make:
    """A run's ledger, changed as a table; its digest is made right."""

    def make(folder: Path, outside: Path) -> None:
        path = folder / run / "ledger.parquet"
        pq.write_table(table(pq.read_table(path)), path, **{"compression": "zstd", **options})
        Forged(folder).change(run, ledger_sha256=file_digest(path))

    return make


def _run_lengths(table: pa.Table) -> pa.Table:
    """An episode with 300 million rewards of 0, which a run-length code says in a few bytes."""
    rows = table.to_pylist()[:1]
    one = pa.Table.from_pylist(rows, LEDGER_SCHEMA)
    item = LEDGER_SCHEMA.field("rewards").type.value_field
    values = pa.array(np.zeros(60_000_000, np.int32))
    lists = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values, type=pa.list_(item))
    for name in ("reward_steps", "rewards"):
        one = one.set_column(one.schema.get_field_index(name), LEDGER_SCHEMA.field(name), lists)
    return one


def _long_text(table: pa.Table) -> pa.Table:
    """A game whose name is 256 MB of one letter."""
    rows = table.to_pylist()
    rows[0]["game"] = "a" * 2**28
    return pa.Table.from_pylist(rows, LEDGER_SCHEMA)


def _many_rows(table: pa.Table) -> pa.Table:
    """Two million times the same row, which a dictionary says in a few bytes."""
    rows = table.slice(0, 1).to_pylist()[0] | {"actions": b"", "reward_steps": [], "rewards": []}
    return pa.Table.from_pydict({name: [value] * 2_000_000 for name, value in rows.items()}, LEDGER_SCHEMA)


def _foreign_games(table: pa.Table) -> pa.Table:
    """Every episode of a game of its own, whose names are formulas to whoever draws them."""
    rows = table.to_pylist()
    for place, row in enumerate(rows):
        row["game"] = f"$\\frac{{{place}$"
    return pa.Table.from_pylist(rows, LEDGER_SCHEMA)


def _head_use(change: Callable[[pa.Table], pa.Table]) -> Make:
    """Notes on heads, changed as a table; all digests are made right."""

    def make(folder: Path, outside: Path) -> None:
        path = folder / GENERALIST / "notes" / "head_use.parquet"
        pq.write_table(change(pq.read_table(path)), path, compression="zstd")
        Forged(folder).change(GENERALIST, notes_sha256=folder_digest(path.parent))

    return make


def _many_heads(table: pa.Table) -> pa.Table:
    """Two thousand heads with equal weights."""
    kept = table.select(["lane", "number", "length_steps"])
    weights = pa.array(np.full(table.num_rows, 1 / 2000))
    for head in range(2000):
        kept = kept.append_column(f"head_{head}", weights)
    return kept


def _long_notes(table: pa.Table) -> pa.Table:
    """Twenty million rows of zeros."""
    zeros = {name: pa.array(np.zeros(20_000_000, np.int32)) for name in ("lane", "number", "length_steps")}
    return pa.table(zeros | {"head_0": pa.array(np.ones(20_000_000))})


def _named_by(name: bytes) -> Make:
    """A note of this name."""

    def make(folder: Path, outside: Path) -> None:
        (folder / FRESH / "notes").mkdir(exist_ok=True)
        with open(bytes(folder / FRESH / "notes") + b"/" + name, "wb"):
            pass

    return make


def _configuration(text: str) -> Make:
    """A record whose configuration is this JSON."""

    def make(folder: Path, outside: Path) -> None:
        path = folder / RECORD
        record = json.loads(path.read_text()) | {"configuration": "HERE"}
        path.write_text(json.dumps(record).replace('"HERE"', text))

    return make


def _described(text: str) -> Make:
    """A line more in the description."""

    def make(folder: Path, outside: Path) -> None:
        with (folder / "submission.toml").open("a") as file:
            file.write(text + "\n")

    return make


def _of_no_plan(make: Make) -> Make:
    """Change something in the folder of a run that no edition has."""

    def made(folder: Path, outside: Path) -> None:
        (folder / STRANGER).mkdir(parents=True)
        (folder / STRANGER / "ledger.parquet").touch()
        make(folder, outside)

    return made


def _many_seeds(folder: Path, outside: Path) -> None:
    for seed in range(9_000):
        (folder / f"fresh/seed{seed + 10}").mkdir()
        (folder / f"fresh/seed{seed + 10}/record.json").touch()


def _many_parts(folder: Path, outside: Path) -> None:
    """Records as long as they may be, of parts and packages that nobody has."""
    for number, path in enumerate(sorted(folder.rglob("record.json"))):
        record = read_json(path)
        parts = [
            {
                "until_steps": part,
                "device": "cpu",
                "cpu": f"{number}.{part}",
                "code_commit": None,
                "versions": {},
                "wall_seconds": 0.0,
            }
            for part in range(1_800)
        ]
        versions = {f"package{name}": f"{number}.{name}" for name in range(90)}
        path.write_text(json.dumps(record | {"resumed_from": parts, "versions": record["versions"] | versions}))
    Forged(folder).sums()


def _folder_of_scores(folder: Path, outside: Path) -> None:
    (folder / "scores.json").unlink()
    (folder / "scores.json").mkdir()


def _swollen_scores(folder: Path, outside: Path) -> None:
    scores = read_json(folder / "scores.json")
    scores["multitask"] = "HERE"
    wrong = "[" + ",".join(["0"] * 4_000_000) + "]"
    (folder / "scores.json").write_text(json.dumps(scores).replace('"HERE"', wrong))


def _footer_of_groups(folder: Path, outside: Path) -> None:
    """A ledger of twenty thousand row groups without a row in them."""
    path = folder / LEDGER
    empty = pq.read_table(path).slice(0, 0)
    with pq.ParquetWriter(path, LEDGER_SCHEMA) as writer:
        for _ in range(2_000):
            writer.write_table(empty)


_DOTS, _HEADS = ".".join("a" * 60_000), f"{GENERALIST}/notes/head_use.parquet"
_GAMES = json.dumps({"pong" * 1000 + str(place): place for place in range(50)})
_TABLES = "\n".join(f"[a.a.a.b{place}]" for place in range(15_000))
_LINES = "".join(f"0  {place:x}\n" for place in range(450_000))
_FORMULAS = _ledger(_foreign_games, GENERALIST)

HOSTILE = (
    Hostile("a key of 60,000 dots", _described(f"{_DOTS} = 1"), "verify compare report publish"),
    Hostile("100,000 brackets in the description", _described("x = " + "[" * 100_000), "verify"),
    Hostile("a number of 200,000 digits in the description", _described("x = " + "1" * 200_000), "verify"),
    Hostile("15,000 tables in the description", _described(_TABLES), "verify"),
    Hostile("a pipe as description", _pipe("submission.toml"), "verify compare publish"),
    Hostile("a description without end", _link("submission.toml", "/dev/zero"), "verify submit"),
    Hostile("a pipe as record", _pipe(RECORD), "verify compare submit"),
    Hostile("a record without end", _link(RECORD, "/dev/zero"), "verify compare submit"),
    Hostile("brackets as record", _text(RECORD, "[" * 250_000), "verify scores"),
    Hostile("a record of 8 GB", _sparse(RECORD, 2**33), "verify publish"),
    Hostile("a number of 5,000 digits", _configuration('{"x": ' + "1" * 5_000 + "}"), "verify"),
    Hostile("a number of 400 digits", _configuration('{"x": ' + "1" * 400 + "}"), "verify report"),
    Hostile("half a character", _configuration('{"x": "\\ud800"}'), "verify-json compare-json"),
    Hostile("keys that name games without end", _configuration(_GAMES), "verify"),
    Hostile("a learner that colours the terminal", _record(learner="a\x1b[31m:make"), "verify-markdown scores"),
    Hostile("a CPU of HTML", _record(cpu="<script>alert(1)</script>"), "report verify-markdown"),
    Hostile("a pipe as ledger", _pipe(LEDGER), "verify scores publish submit"),
    Hostile("a ledger of 8 GB", _sparse(LEDGER, 2**33), "verify publish"),
    Hostile("a ledger without end", _link(LEDGER, "/dev/zero"), "verify publish submit"),
    Hostile("60 million rewards of 0", _ledger(_run_lengths), "verify compare publish"),
    Hostile("a game of 256 MB", _ledger(_long_text), "verify report"),
    Hostile("two million rows", _ledger(_many_rows), "verify scores"),
    Hostile("row groups without rows", _footer_of_groups, "verify"),
    Hostile("formulas as games", _FORMULAS, "verify report publish", HEADED),
    Hostile("two thousand heads", _head_use(_many_heads), "report", HEADED),
    Hostile("notes on heads of twenty million rows", _head_use(_long_notes), "report", HEADED),
    Hostile("a pipe as notes on heads", _pipe(_HEADS), "report submit", HEADED),
    Hostile("notes on heads without end", _link(_HEADS, "/dev/zero"), "report submit", HEADED),
    Hostile("4 million wrong entries in the scores", _swollen_scores, "verify verify-json"),
    Hostile("brackets as scores", _text("scores.json", "[" * 8_000_000), "verify"),
    Hostile("scores behind a link", _link("scores.json", "outside/kept"), "verify scores submit"),
    Hostile("a folder as scores", _folder_of_scores, "verify scores"),
    Hostile("a report behind a link", _link("report", "outside"), "report"),
    Hostile("figures behind a link", _link("report/figures", "outside"), "report"),
    Hostile("a page behind a link", _link("report/report.html", "outside/kept"), "report"),
    Hostile("4 MB of newlines as sums", _text("SHA256SUMS", b"\n" * 2**22), "verify"),
    Hostile("16 MB of newlines as sums", _text("SHA256SUMS", b"\n" * 2**24), "verify"),
    Hostile("sums of half a million files", _text("SHA256SUMS", _LINES), "verify-json"),
    Hostile("a pipe as sums", _pipe("SHA256SUMS"), "verify leaderboard"),
    Hostile("sums without end", _link("SHA256SUMS", "/dev/zero"), "verify leaderboard"),
    Hostile("a pipe as record of no run", _of_no_plan(_pipe(f"{STRANGER}/record.json")), "verify submit"),
    Hostile(
        "a record of no run without end",
        _of_no_plan(_link(f"{STRANGER}/record.json", "/dev/zero")),
        "submit leaderboard",
    ),
    Hostile("a note of 20 GB", _sparse(f"{FRESH}/notes/x", 20 * 2**30), "verify submit"),
    Hostile("runs of 9,000 seeds", _many_seeds, "verify verify-json"),
    Hostile("records of 1,800 parts", _many_parts, "verify scores submit report"),
    Hostile("400 sparse notes", _sparse_notes, "verify"),
    Hostile("30,000 notes", _many_files, "verify submit"),
    Hostile("folders 3,000 deep", _deep, "verify submit"),
    Hostile("a link to everything in a run's place", _link("fresh/breakout", "/"), "verify compare submit"),
    Hostile("a link to everything", _link("everything", "/"), "verify compare submit"),
    Hostile("notes that link to everything", _link(f"{FRESH}/notes", "/"), "verify submit"),
    Hostile("a link to itself", _link(FRESH, "../breakout"), "verify scores"),
    Hostile("a note behind a link", _link(f"{FRESH}/notes/kept", "outside/kept"), "verify submit"),
    Hostile("a note whose name is no text", _named_by(b"\xff\xfe"), "verify-json verify-markdown submit"),
    Hostile("a note whose name moves the cursor", _named_by(b"\x1b[2J"), "verify-json submit"),
)
