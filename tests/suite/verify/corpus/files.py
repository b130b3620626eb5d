"""Forgeries of files: what cannot be read, what is missing, strays, and digests (rules S)."""

from __future__ import annotations

import base64
import random
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from suite.digests import file_digest
from suite.results.schema import LEDGER_SCHEMA
from suite.results.store import notes_digest
from tests.suite.verify.corpus.forging import (
    FRESH,
    PRETRAIN,
    TRANSFER,
    Forged,
    named,
    said,
)

_LATER = "9999-12-31T23:59:59+00:00"


def _write(forged: Forged, run: str, name: str, data: bytes) -> None:
    (forged.folder / run / name).write_bytes(data)
    forged.sums()


def _edit_text(forged: Forged, run: str, old: str, new: str) -> None:
    path = forged.folder / run / "record.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    forged.sums()


def _endless(forged: Forged) -> None:
    said = f'"wall_seconds": {forged.record(FRESH)["wall_seconds"]}'
    _edit_text(forged, FRESH, said, '"wall_seconds": 1e999')


def _truncate(forged: Forged, name: str) -> None:
    path = forged.folder / FRESH / name
    _write(forged, FRESH, name, path.read_bytes()[: path.stat().st_size // 2])


def _wrong_dtype(forged: Forged) -> None:
    path = forged.folder / FRESH / "ledger.parquet"
    table = pq.read_table(path)
    wide = table.column("length_steps").cast(pa.int64())
    pq.write_table(table.set_column(table.schema.get_field_index("length_steps"), "length_steps", wide), path)
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _doubled_column(forged: Forged) -> None:
    path = forged.folder / FRESH / "ledger.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("phase", table["phase"]), path)
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _relabel(forged: Forged, **fields: Any) -> None:
    """Half of a run's training becomes something that is neither counted nor scored."""
    forged.edit_rows(TRANSFER, lambda rows: [row.update(fields) for row in rows[: len(rows) // 2]] and None)


def _other_ledger_version(forged: Forged) -> None:
    path = forged.folder / FRESH / "ledger.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"amtlb.schema_version": "2"}), path, compression="zstd")
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _metadata(forged: Forged) -> None:
    """Weights, hidden where nobody looks."""
    path = forged.folder / FRESH / "ledger.parquet"
    table = pq.read_table(path)
    hidden = {**table.schema.metadata, b"weights": b"w" * 100_000}
    pq.write_table(table.replace_schema_metadata(hidden), path, compression="zstd")
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _field_metadata(forged: Forged) -> None:
    """Weights in a column's metadata, where a comparison of schemas does not look."""
    path = forged.folder / FRESH / "ledger.parquet"
    table = pq.read_table(path)
    hidden = base64.b64encode(random.Random(0).randbytes(200_000))
    fields = [
        field.with_metadata({"weights": hidden}) if field.name == "rewards" else field for field in table.schema
    ]
    pq.write_table(table.cast(pa.schema(fields, table.schema.metadata)), path, compression="zstd")
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _between_pages_and_footer(forged: Forged) -> None:
    """Weights where no reader looks; what the footer says stays true."""
    path = forged.folder / FRESH / "ledger.parquet"
    data = path.read_bytes()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    path.write_bytes(data[:-footer] + random.Random(0).randbytes(200_000) + data[-footer:])
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _begins_like_a_pointer(forged: Forged) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n{'#' * 2000}\n"
    (forged.folder / "submission.toml").write_text(text)
    forged.sums()


def _without(forged: Forged, name: str) -> None:
    (forged.folder / name).unlink()
    if name != "SHA256SUMS":
        forged.sums()


def _named_like_a_readme(forged: Forged) -> None:
    (forged.folder / "README.pt").write_bytes(b"weights")


def _note(forged: Forged, at: str) -> None:
    """A note that was not there when the run ended."""
    path = forged.folder / FRESH / "notes" / at
    path.parent.mkdir(parents=True)
    path.write_text("noted later")
    forged.sums()


def _deep_note(forged: Forged) -> None:
    _note(forged, "a/b/c/d/note.txt")
    forged.change(FRESH, notes_sha256=notes_digest(forged.folder / FRESH))


def _drop_run(forged: Forged) -> None:
    shutil.rmtree(forged.folder / TRANSFER)
    forged.sums()


def _foreign_run(forged: Forged) -> None:
    shutil.copytree(forged.folder / FRESH, forged.folder / "fresh/pong/seed0")
    forged.sums()


def _stray_file(forged: Forged) -> None:
    (forged.folder / FRESH / "weights.pt").write_bytes(b"weights")
    forged.list_in_sums(f"{FRESH}/weights.pt")


def _symlink(forged: Forged) -> None:
    (forged.folder / FRESH / "notes").mkdir()
    (forged.folder / FRESH / "notes" / "more").symlink_to("/etc/passwd")


def _bomb(forged: Forged) -> None:
    path = forged.folder / FRESH / "ledger.parquet"
    rows = forged.rows(FRESH)
    rows[0]["actions"] = bytes(200_000_000)
    pq.write_table(pa.Table.from_pylist(rows, LEDGER_SCHEMA), path, compression="zstd")
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _wrong_sum(forged: Forged) -> None:
    path = forged.folder / "SHA256SUMS"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("0" * 64 + lines[0][64:] + "".join(lines[1:]))


def _unlisted(forged: Forged) -> None:
    path = forged.folder / "SHA256SUMS"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def _in_a_week() -> str:
    return (datetime.now(UTC) + timedelta(days=7)).isoformat(timespec="seconds")


FILES = (
    named("a record with a field of its own", "S1", lambda f: f.change(FRESH, extra=1)),
    named("a record that is not UTF-8", "S1", lambda f: _write(f, FRESH, "record.json", b'{"run_id": "\xff"}')),
    named("a record cut off", "S1", lambda f: _truncate(f, "record.json")),
    named(
        "a key that stands twice", "S1", lambda f: _edit_text(f, FRESH, '"device"', '"cpu": "x",\n  "device"')
    ),
    named("a speed that is no number", "S1", lambda f: f.change(FRESH, wall_seconds=float("nan"))),
    named("a speed without end", "S1", _endless),
    named("a start at no time", "S1", lambda f: f.change(FRESH, started_at="once")),
    named("a device that colours the terminal", "S1", lambda f: f.change(FRESH, cpu="\x1b[31mred")),
    named("authors that are one text", "S1", said, old='["AMTLB contributors"]', new='"AMTLB contributors"'),
    named("a column that stands twice", "S1", _doubled_column),
    named("rows of a phase that there is not", "S1", _relabel, phase="rehearsal"),
    named("a row that ends for a reason of its own", "S1", _relabel, end_reason="tired"),
    named("a row in a lane that there is not", "S1", _relabel, lane=8),
    named("a negative count", "S1", lambda f: f.change(FRESH, budget_frames=-8000)),
    named("a ledger cut off", "S1", lambda f: _truncate(f, "ledger.parquet"), "S4"),
    named("a column of another type", "S1", _wrong_dtype),
    named("a ledger of another version", "S1", _other_ledger_version),
    named("weights in a ledger's metadata", "S1", _metadata),
    named("weights in a column's metadata", "S3", _field_metadata),
    named("weights between a ledger's pages and its end", "S3", _between_pages_and_footer),
    named("a description that begins like a pointer of Git LFS", "S1", _begins_like_a_pointer),
    named("a start in an age to come", "S1", lambda f: f.change(PRETRAIN, started_at=_LATER)),
    named("a start in a week", "S1", lambda f: f.change(FRESH, started_at=_in_a_week())),
    named("a CPU with a mark that turns text", "S1", lambda f: f.change(FRESH, cpu="A\u061c")),
    named("no scores", "S1", lambda f: _without(f, "scores.json")),
    named("no sums", "S1", lambda f: _without(f, "SHA256SUMS")),
    named("more in a description than there is", "S1", said, old="contained", new="more = 1\ncontained"),
    named("no description", "S1", lambda f: (f.folder / "submission.toml").unlink() or f.sums()),
    named("a description of another version", "S1", said, old="schema_version = 1", new="schema_version = 2"),
    named("open without a word on what it brings", "S1", said, old='"standard"', new='"open"'),
    named(
        "weights from elsewhere in the division standard",
        "S1",
        said,
        old='"standard"',
        new='"standard"\nbrings = "weights from elsewhere"',
    ),
    named("a run missing", "S2", _drop_run),
    named("a run of a game that is not in the edition", "S2", _foreign_run),
    named("weights among the runs", "S3", _stray_file),
    named("weights called README", "S3", _named_like_a_readme),
    named("a symlink out of the folder", "S3", _symlink),
    named("a ledger that unpacks to 200 MB", "S3", _bomb),
    named("a note four folders deep", "S3", _deep_note),
    named("a record about another ledger", "S4", lambda f: f.change(FRESH, ledger_sha256="0" * 64)),
    named("a note that was written later", "S4", _note, at="later.txt"),
    named("notes left out", "S4", lambda f: f.change(FRESH, notes_sha256="0" * 64)),
    named("a wrong sum", "S4", _wrong_sum),
    named("a file without a sum", "S4", _unlisted),
)
