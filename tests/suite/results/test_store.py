"""The results folder: what is complete, what is foreign, and what a kill leaves."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from protocol import ForeignProtocol, RunBusy, StoreError, parse_run_id
from suite.results.store import RECORD, Store, notes_digest, record_paths
from tests.suite.helpers import POINTER, SMOKE_DIGEST, V1

RUN = parse_run_id("smoke/fresh/breakout/seed0", V1)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "results", V1)


def test_a_run_is_complete_once_its_block_ends(store):
    """The run folder appears, whole, when the block ends well; the partial folder is gone."""
    with store.new_run(RUN) as folder:
        (folder / "record.json").write_text("{}")
        assert not store.is_complete(RUN)
    assert store.is_complete(RUN)
    assert [path.name for path in store.run_folder(RUN).parent.iterdir()] == ["seed0"]


def test_a_failed_run_leaves_what_it_recorded(store):
    """An error leaves the partial folder, and the next try finds in it what the failed one recorded."""
    with pytest.raises(RuntimeError), store.new_run(RUN) as folder:
        (folder / "journal.arrows").write_text("played")
        raise RuntimeError
    assert not store.is_complete(RUN)
    assert (folder / "journal.arrows").read_text() == "played"
    with store.new_run(RUN) as again:
        assert (again / "journal.arrows").read_text() == "played"


@pytest.mark.parametrize("spoil", [None, "ledger.parquet", "checkpoint/more", "notes/more", "record.json"])
def test_a_run_that_had_only_to_get_its_name_gets_it(store, smoke_results, spoil):
    """A run that was killed after its record was written is complete at the next call, if it is whole."""
    partial = store.run_folder(RUN).with_name("seed0.partial")
    shutil.copytree(Store(smoke_results, V1).run_folder(RUN), partial)
    (partial / "journal.arrows").touch()
    (partial / "snapshot-1").mkdir()
    (partial / "notes").mkdir()
    (partial / "notes/mine").write_text("noted")
    record = json.loads((partial / RECORD).read_text()) | {"notes_sha256": notes_digest(partial)}
    (partial / RECORD).write_text(json.dumps(record))
    if spoil is not None:
        (partial / spoil).write_bytes(b"half")
    assert store.complete_left(RUN) == store.is_complete(RUN) == (spoil is None)
    assert partial.exists() is (spoil is not None)
    if spoil is None:
        left = sorted(path.name for path in store.run_folder(RUN).iterdir())
        assert left == ["checkpoint", "ledger.parquet", "notes", "record.json"]
        assert (store.run_folder(RUN) / "notes/mine").read_text() == "noted"


def test_a_complete_run_is_never_played_again(store):
    """A second try at a complete run is refused, and what is there stays as it is."""
    with store.new_run(RUN) as folder:
        (folder / "record.json").write_text("first")
    with pytest.raises(StoreError, match="complete already"), store.new_run(RUN):
        pytest.fail("it must not be played")
    assert (store.run_folder(RUN) / "record.json").read_text() == "first"


def test_a_run_that_was_taken_over_is_not_completed(store):
    """A run that another machine has taken over meanwhile is not completed by the first machine."""
    with pytest.raises(RunBusy, match="taken over by another machine"), store.new_run(RUN) as folder:
        (folder / "record.json").write_text("{}")
        store.player_path(RUN).write_text("another-machine")
    assert not store.is_complete(RUN)


def test_two_processes_cannot_play_the_same_run(store):
    """While a run is played, another process is refused by name."""
    script = (
        "import sys, pathlib\nfrom tests.suite.results.test_store import *\n"
        "with Store(pathlib.Path(sys.argv[1]), V1).new_run(RUN): pass"
    )
    assert not store.is_being_played(RUN)
    with store.new_run(RUN):
        assert store.is_being_played(RUN)
        done = subprocess.run(
            [sys.executable, "-c", script, str(store.folder)], capture_output=True, text=True, cwd=Path.cwd()
        )
    assert done.returncode == 1
    assert f"RunBusy: run {RUN} is being played by another process" in done.stderr
    assert not store.is_being_played(RUN)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"run_id": 3}', b"\xff\xfe"])
def test_a_broken_record_is_told_by_its_path(store, content):
    """A record that is no record is a StoreError in one line."""
    with store.new_run(RUN) as folder:
        (folder / "record.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"record\.json") as caught:
        store.record(RUN)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.chmod(0), "cannot be opened (Permission denied)"),
        (
            lambda path: path.write_text(POINTER),
            "`git lfs pull` fetches",
        ),
        (
            lambda path: path.rename(path.with_name("moved")).parent.joinpath(RECORD).symlink_to("moved"),
            "a link",
        ),
        (lambda path: path.parent.rename(path.parents[1] / "x").with_name("seed0").symlink_to("x"), "a link"),
    ],
    ids=["rights", "a pointer", "a linked record", "a linked run"],
)
def test_a_record_that_may_be_sound_is_not_to_be_deleted(store, smoke_results, spoil, said):
    """The error about a record that could not be opened says what helps, and not to delete the run."""
    shutil.copytree(smoke_results / RUN.path, store.run_folder(RUN))
    spoil(store.run_folder(RUN) / RECORD)
    if said.endswith("denied)") and os.geteuid() == 0:
        pytest.skip("root may read everything")
    with pytest.raises(StoreError, match=re.escape(said)) as caught:
        store.record(RUN)
    assert "delete" not in str(caught.value)


def test_a_run_whose_copy_was_broken_off_is_told(store):
    """A run's folder without a record is neither complete nor played into: the error says what to do."""
    store.run_folder(RUN).mkdir(parents=True)
    assert not store.is_complete(RUN)
    with (
        pytest.raises(StoreError, match=r"seed0 has no record.json: copying it was broken off"),
        store.new_run(RUN),
    ):
        pytest.fail("it must not be played")


def test_nothing_is_played_into_a_link(store, tmp_path):
    """A run that could not be read back, since an arm is a link, is refused before it is played."""
    (tmp_path / "other").mkdir()
    store.folder.mkdir()
    (store.folder / "fresh").symlink_to(tmp_path / "other")
    with (
        pytest.raises(StoreError, match="fresh is a link, and results are not read through"),
        store.new_run(RUN),
    ):
        pytest.fail("it must not be played")


def test_a_record_of_another_protocol_or_run_is_foreign(store, smoke_results):
    """A record under another digest, or moved to another run's place, is a ForeignProtocol."""
    text = (smoke_results / RUN.path / "record.json").read_text()
    assert Store(smoke_results, V1).record(RUN).run_id == str(RUN)
    other = Store(store.folder, V1)
    other.run_folder(RUN).mkdir(parents=True)
    lite = text.replace(SMOKE_DIGEST, V1.edition_digests["lite"]).replace("smoke/", "lite/")
    for changed, said in (
        (text.replace(SMOKE_DIGEST, "0" * 64), "under edition smoke with digest 000000000000"),
        (text.replace("breakout/seed0", "breakout/seed1"), "is the record of smoke/fresh/breakout/seed1"),
        (lite, "is the record of lite/fresh/breakout/seed0"),
    ):
        (other.run_folder(RUN) / "record.json").write_text(changed)
        with pytest.raises(ForeignProtocol, match=f"{said}.*choose another folder"):
            other.record(RUN)


def test_records_lie_below_the_arms(tmp_path):
    """Sacred's files, logs, and a run that has arrived unchecked are no runs of a results folder."""
    for place in (
        "fresh/breakout/seed0",
        "generalist/seed1",
        "sacred/1",
        ".arrived-x/generalist/seed0",
        "logs",
    ):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "record.json").touch()
    found = [path.relative_to(tmp_path).as_posix() for path in record_paths(tmp_path)]
    assert found == ["fresh/breakout/seed0/record.json", "generalist/seed1/record.json"]


def test_many_may_make_the_folder_at_once(tmp_path):
    """Threads of one process, which has one id, do not harm each other, and leave nothing behind."""
    store = Store(tmp_path / "out", V1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.make_folder(), range(2000)))
    assert [path.name for path in store.folder.iterdir()] == ["logs"]


def test_an_unwritable_folder_is_told(tmp_path):
    """A results folder under a file is a StoreError that names it."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "file" / "results", V1).make_folder()
