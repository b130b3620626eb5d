"""Notes of runs: in folders, packed, and held to the digest that the record names."""

import json
import shutil
from pathlib import Path

import pytest

from suite.digests import folder_digest
from suite.results.store import RECORD, notes_digest
from suite.verify.survey import MAX_NOTES_DEPTH
from tests.suite.verify.corpus import FRESH, TRANSFER, Forged
from tests.suite.verify.packed import audited, invented, packed

NOTES = {"a.txt": b"one", "deep/er/est/b.bin": bytes(1000), "deep/c d.é": b""}


@pytest.fixture(scope="module")
def noted(tmp_path_factory) -> Path:
    """A submission packed from results whose learner noted something in two of its runs."""
    folder = tmp_path_factory.mktemp("noted")
    store = invented(folder / "results")
    for run in (FRESH, TRANSFER):
        for name, data in NOTES.items():
            path = store.folder / run / "notes" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        record = json.loads((store.folder / run / RECORD).read_text())
        record["notes_sha256"] = notes_digest(store.folder / run)
        (store.folder / run / RECORD).write_text(json.dumps(record))
    return packed(store, folder / "submission")


@pytest.fixture
def forged(noted, tmp_path) -> Forged:
    shutil.copytree(noted, tmp_path / "submission")
    return Forged(tmp_path / "submission")


def test_notes_in_folders_are_packed_and_pass(noted):
    """Notes as deep as is allowed, in the deepest run, are packed and pass the audit."""
    assert max(name.count("/") for name in NOTES) == MAX_NOTES_DEPTH
    for run in (FRESH, TRANSFER):
        for name, data in NOTES.items():
            assert (noted / run / "notes" / name).read_bytes() == data
    assert audited(noted).findings == ()


@pytest.mark.parametrize("name", NOTES)
def test_changed_notes_are_found(forged, name):
    """Notes that are changed, moved or taken out are not those that the record names, and S4 says so alone."""
    path = forged.folder / TRANSFER / "notes" / name
    for change in (
        lambda: path.write_bytes(b"other"),
        lambda: path.rename(path.with_name("elsewhere")),
        lambda: path.with_name("elsewhere").unlink(),
    ):
        change()
        forged.sums()
        (finding,) = audited(forged.folder).findings
        assert (finding.rule, finding.run_id, finding.file) == (
            "S4",
            f"smoke/{TRANSFER}",
            f"{TRANSFER}/{RECORD}",
        )
        assert finding.expected == f"notes_sha256 {notes_digest(forged.folder / TRANSFER)}"


def test_notes_that_are_too_deep_are_found(forged):
    """One folder more than allowed breaks S3, though the digest is right."""
    deep = forged.folder / FRESH / "notes" / "/".join("abcd")
    deep.mkdir(parents=True)
    (deep / "e").touch()
    forged.change(FRESH, notes_sha256=folder_digest(forged.folder / FRESH / "notes"))
    assert {finding.rule for finding in audited(forged.folder).findings} == {"S3"}


@pytest.mark.parametrize("name", [b"a\nb", b"\xff"])
def test_names_that_cannot_be_printed_are_found(forged, name):
    """A file whose name is no text of one line breaks S3 and stops no check."""
    notes = bytes(forged.folder / FRESH / "notes")
    with open(notes + b"/" + name, "wb"):
        pass
    assert {finding.rule for finding in audited(forged.folder).findings} == {"S3"}


def test_an_empty_folder_is_no_note(tmp_path):
    """A learner that made folders but wrote no file noted nothing."""
    assert notes_digest(tmp_path) is None
    (tmp_path / "notes/a").mkdir(parents=True)
    assert notes_digest(tmp_path) is None
    (tmp_path / "notes/a/b").touch()
    assert notes_digest(tmp_path) == folder_digest(tmp_path / "notes")
