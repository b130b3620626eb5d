"""Packing a submission: the files of the edition's runs alone, read within bounds, and no link followed."""

import shutil

import pytest

from protocol import StoreError
from suite.results.published import published_folder
from suite.results.store import Store
from suite.submission.checksums import notes_of
from suite.submission.description import VERSION, Submission
from suite.submission.packing import pack
from tests.suite.helpers import V1

SAID = Submission(schema_version=VERSION, name="mine", authors=("A. Author",), code="none")
FRESH = "fresh/asterix/seed0"


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(published_folder("uniform", "smoke"), folder)
    (tmp_path / "secret").write_text("TOP-SECRET")
    return folder


def test_what_links_lead_to_is_nobodys_to_publish(results, tmp_path):
    """A run that no edition has, and whose files are links, is left out: no file of its owner's is copied."""
    stranger = results / "fresh" / "nowhere" / "seed0"
    stranger.mkdir(parents=True)
    for name in ("record.json", "ledger.parquet"):
        (stranger / name).symlink_to(tmp_path / "secret")
    pack(Store(results, V1), SAID, tmp_path / "packed")
    packed = [path for path in (tmp_path / "packed").rglob("*") if path.is_file()]
    assert not any(path.is_symlink() or b"TOP-SECRET" in path.read_bytes() for path in packed)
    assert not (tmp_path / "packed" / "fresh" / "nowhere").exists()


@pytest.mark.parametrize("name", ["record.json", "ledger.parquet", "notes/mine"])
def test_a_link_in_a_run_is_refused(results, tmp_path, name):
    """A file of a run that lies behind a link is named, and nothing is packed."""
    path = results / FRESH / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError, match=rf"{name.partition('/')[0]}.*(link|symlink)"):
        pack(Store(results, V1), SAID, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_what_is_packed_is_what_the_runs_have(results, tmp_path):
    """Records, ledgers and scores are copied to the byte; logs and checkpoints stay."""
    (results / FRESH / "checkpoint").mkdir()
    (results / FRESH / "checkpoint" / "weights").write_text("large")
    (results / "logs").mkdir(exist_ok=True)
    (results / "logs" / "a.log").write_text("printed")
    pack(Store(results, V1), SAID, tmp_path / "packed")
    packed = {
        path.relative_to(tmp_path / "packed") for path in (tmp_path / "packed").rglob("*") if path.is_file()
    }
    published = published_folder("uniform", "smoke")
    assert packed == {path.relative_to(published) for path in published.rglob("*") if path.is_file()}
    for path in packed:
        if path.name in ("record.json", "ledger.parquet", "scores.json"):
            assert (tmp_path / "packed" / path).read_bytes() == (published / path).read_bytes()


def test_notes_are_found_next_to_any_number_of_files(results, monkeypatch):
    """A checkpoint of more files than a submission may have hides no note of its run."""
    monkeypatch.setattr("suite.untrusted.files.MAX_FILES", 3)
    (results / FRESH / "checkpoint").mkdir(exist_ok=True)
    for number in range(4):
        (results / FRESH / "checkpoint" / str(number)).touch()
    (results / FRESH / "notes").mkdir()
    (results / FRESH / "notes/mine").write_text("noted")
    assert list(notes_of(results / FRESH)) == ["notes/mine"]
