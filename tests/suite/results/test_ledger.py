"""The journal survives any cut, and the ledger's bytes follow from the episodes alone."""

import hashlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import EpisodeRecord, StoreError, UnknownName
from suite.results import ledger as module
from suite.results.journal import APPEND_SECONDS, JournalRecorder, read_journal
from suite.results.ledger import episodes_of, read_ledger, write_ledger
from suite.results.reading import schema_problem
from suite.results.schema import LEDGER_SCHEMA, version_problem
from tests.suite.helpers import record_random

RAM = np.arange(128, dtype=np.uint8)
lane_scripts = st.lists(  # for each step of two lanes: action, reward, whether the episode ends there
    st.tuples(
        st.lists(st.integers(0, 17), min_size=2, max_size=2),
        st.lists(st.sampled_from([0, 0, 0, 5, -3, 2**30]), min_size=2, max_size=2),
        st.lists(st.booleans(), min_size=2, max_size=2),
    ),
    max_size=30,
)


def record(path: Path, script, append_every: int) -> list[EpisodeRecord]:
    """Record a script of two lanes and return, by naive bookkeeping, the episodes that it ends."""
    recorder = JournalRecorder(path, 2)
    numbers, open_episodes, ended = [0, 0], {}, []
    for lane in range(2):
        recorder.begin(lane, "training", 0, "pong", lane)
        open_episodes[lane] = ([], [])
    for at, (actions, rewards, ends) in enumerate(script):
        recorder.step(np.array(actions, np.uint8), np.array(rewards, np.int32))
        for lane in range(2):
            open_episodes[lane][0].append(actions[lane])
            open_episodes[lane][1].append(rewards[lane])
        for lane in range(2):
            if not ends[lane]:
                continue
            recorder.end(lane, "game_over", RAM)
            played, earned = open_episodes[lane]
            steps = tuple(step for step, reward in enumerate(earned) if reward)
            ended.append(
                EpisodeRecord(
                    "training", lane, numbers[lane], "pong", lane, len(played), sum(earned), "game_over",
                    bytes(played), steps, tuple(earned[step] for step in steps),
                    hashlib.sha256(RAM.tobytes()).digest(),
                )
            )  # fmt: skip
            numbers[lane] += 1
            recorder.begin(lane, "training", numbers[lane], "pong", lane)
            open_episodes[lane] = ([], [])
        if append_every and at % append_every == 0:
            recorder.append()
    recorder.close()
    return ended


@given(lane_scripts.filter(bool), st.integers(1, 400))
def test_a_journal_that_had_no_room_goes_on(tmp_path_factory, script, room_bytes):
    """An append for which there is no room leaves the journal as it was, and the next one has all of it."""
    folder = tmp_path_factory.mktemp("journal")
    recorders = [JournalRecorder(folder / name, 2) for name in ("full", "plain")]
    for recorder in recorders:
        for lane in range(2):
            recorder.begin(lane, "training", 0, "pong", lane)
        for actions, rewards, _ in script:
            recorder.step(np.array(actions, np.uint8), np.array(rewards, np.int32))
    full, size = folder / "full", (folder / "full").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for _ in range(2):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room_bytes, hard))
        try:
            with pytest.raises(OSError, match="File too large"):
                recorders[0].append()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert full.stat().st_size == size
    for recorder in recorders:
        recorder.step(np.array([1, 2], np.uint8), np.array([0, 7], np.int32))
        for lane in range(2):
            recorder.end(lane, "game_over", RAM)
        recorder.close()
    assert list(read_journal(full)) == list(read_journal(folder / "plain"))


@settings(max_examples=60)
@given(script=lane_scripts, append_every=st.integers(0, 4))
def test_journal_and_ledger_hold_every_episode(tmp_path_factory, script, append_every):
    """A journal and its ledger return each episode as it was played, however often steps were appended."""
    folder = tmp_path_factory.mktemp("ledger")
    expected = record(folder / "journal", script, append_every)
    assert list(read_journal(folder / "journal")) == expected
    write_ledger(folder / "journal", folder / "ledger")
    assert list(episodes_of(read_ledger(folder / "ledger"))) == expected


@settings(max_examples=30)
@given(script=lane_scripts, one=st.integers(0, 4), other=st.integers(0, 4))
def test_ledger_does_not_depend_on_when_the_journal_was_appended_to(tmp_path_factory, script, one, other):
    """The same episodes make the same bytes."""
    folder = tmp_path_factory.mktemp("ledger")
    for name, append_every in (("one", one), ("other", other)):
        record(folder / f"{name}.journal", script, append_every)
        write_ledger(folder / f"{name}.journal", folder / name)
    assert (folder / "one").read_bytes() == (folder / "other").read_bytes()


def test_a_journal_cut_anywhere_is_readable(tmp_path):
    """A journal cut after any number of bytes gives a prefix of its episodes, and never an error."""
    script = [([1, 2], [0, 1], [at % 3 == 0, at % 4 == 0]) for at in range(40)]
    whole = record(tmp_path / "journal", script, 5)
    data = (tmp_path / "journal").read_bytes()
    lengths = []
    for end in range(0, len(data) + 1, 7):
        (tmp_path / "cut").write_bytes(data[:end])
        read = list(read_journal(tmp_path / "cut"))
        assert read == whole[: len(read)]
        lengths.append(len(read))
    assert lengths == sorted(lengths)
    assert 0 < lengths[len(lengths) // 2] < len(whole)


def test_a_kill_loses_at_most_the_last_seconds(tmp_path):
    """After SIGKILL the journal holds all but what was played since the last append."""
    script = tmp_path / "player.py"
    script.write_text(
        "import sys, pathlib\n"
        "from tests.suite.helpers import record_random\n"
        "print('playing', flush=True)\n"
        "record_random(pathlib.Path(sys.argv[1]), ['pong'], 800_000)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "run")], stdout=subprocess.PIPE, env=environment
    ) as player:
        assert player.stdout is not None
        try:
            player.stdout.readline()
            journal, patience = tmp_path / "run" / "journal", time.monotonic() + 120
            while not (journal.exists() and journal.stat().st_size > 10_000):
                assert time.monotonic() < patience, "nothing is appended"
                time.sleep(0.1)
            time.sleep(0.5 * APPEND_SECONDS)
        finally:
            player.kill()  # otherwise it would play on where the test fails
    unfinished: list = []
    ended = list(read_journal(tmp_path / "run" / "journal", unfinished))
    steps = sum(episode.length_steps for episode in ended) + sum(len(part["actions"]) for part in unfinished)
    assert steps > 8 * 50, "more than the first append is there"
    assert len(unfinished) == 8


def test_row_groups_bound_the_memory(tmp_path, monkeypatch):
    """A ledger is written in several row groups and reads back whole."""
    monkeypatch.setattr(module, "_ROW_GROUP_STEPS", 500)
    journal = record_random(tmp_path, ["breakout"], 4000)
    write_ledger(journal, tmp_path / "ledger")
    assert pq.ParquetFile(tmp_path / "ledger").num_row_groups > 3
    assert list(episodes_of(read_ledger(tmp_path / "ledger"))) == list(read_journal(journal))


def test_journal_refuses_to_overwrite(tmp_path):
    """A journal that exists is never written over."""
    (tmp_path / "journal").touch()
    with pytest.raises(FileExistsError):
        JournalRecorder(tmp_path / "journal", 2)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and no more"])
def test_a_broken_ledger_is_a_store_error(tmp_path, content):
    """A missing, empty or broken ledger is told by its path."""
    if content is not None:
        (tmp_path / "ledger").write_bytes(content)
    with pytest.raises(StoreError, match="ledger"):
        read_ledger(tmp_path / "ledger")


def write_table(path, metadata) -> None:
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), path)


def test_another_table_is_a_store_error(tmp_path):
    """A Parquet file with other columns is not a ledger."""
    write_table(tmp_path / "ledger", LEDGER_SCHEMA.metadata)
    with pytest.raises(StoreError, match="not a ledger"):
        read_ledger(tmp_path / "ledger")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({}, "no version"),
        ({"amtlb.schema_version": "2"}, "version '2'"),
        ({"amtlb.schema_version": b"\xff"}, "version '\ufffd'"),
    ],
)
def test_another_version_is_a_store_error(tmp_path, metadata, said):
    """A ledger of another version, or of none, is refused with the version that is read."""
    write_table(tmp_path / "ledger", metadata)
    with pytest.raises(StoreError, match="this release reads version '1'") as refusal:
        read_ledger(tmp_path / "ledger")
    assert said in str(refusal.value)
    schema = pq.read_schema(tmp_path / "ledger")
    assert schema_problem(schema) == version_problem(schema)


@pytest.mark.parametrize("columns", [["lane", "episode_returns"], ["lane", "lane"]])
def test_a_column_that_cannot_be_read_is_named(tmp_path, columns):
    """A name that no column has, or that is given twice, says nothing against the ledger."""
    write_ledger(record_random(tmp_path, ["breakout"], 80), tmp_path / "ledger")
    with pytest.raises(UnknownName, match=f"column '{columns[1]}' .* one of a ledger's: .*episode_return"):
        read_ledger(tmp_path / "ledger", columns)


def test_every_ledger_names_its_version(tmp_path):
    """A ledger that is written names its version, and reads back whole or by columns."""
    write_ledger(record_random(tmp_path, ["breakout"], 400), tmp_path / "ledger")
    assert pq.read_schema(tmp_path / "ledger").metadata == {b"amtlb.schema_version": b"1"}
    assert read_ledger(tmp_path / "ledger", ["lane"]).num_rows == read_ledger(tmp_path / "ledger").num_rows > 0


def test_a_journal_that_the_disk_cannot_read_is_an_error():
    """An error of the disk is no end of a journal: what follows it may be there."""
    with pytest.raises(StoreError, match=r"cannot be read .*; try again"):
        list(read_journal(Path("/proc/self/mem")))  # reading its begin is an error of input and output


def test_a_journal_to_go_on_with_is_whole(tmp_path):
    """A journal that is cut off inside a batch ends there, or is an error where all of it is wanted."""
    path = tmp_path / "journal"
    recorder = JournalRecorder(path, 2)
    recorder.begin(0, "training", 0, "breakout", 1)
    recorder.step(np.zeros(2, np.uint8), np.zeros(2, np.int32))
    recorder.close()
    path.write_bytes(path.read_bytes()[:-3])
    assert list(read_journal(path)) == []
    with pytest.raises(StoreError, match=r"is cut off .*; play the run again"):
        list(read_journal(path, whole=True))
    with pytest.raises(StoreError, match="is cut off"):
        JournalRecorder(path, 2, path.stat().st_size)
