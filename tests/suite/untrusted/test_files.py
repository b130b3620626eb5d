"""Reading files that nobody vouches for: each trap is told, and nothing is followed or believed."""

import json
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import StoreError
from suite.results.ledger import read_ledger
from suite.results.results import open_results
from suite.scoring.comparison import read_contenders
from suite.untrusted.files import (
    MAX_DEPTH_OF_VALUES,
    Changed,
    TooLarge,
    Unreadable,
    is_folder,
    is_there,
    list_files,
    parse_json,
    read_bytes,
)
from suite.verify.verification import verify


@pytest.mark.parametrize("name", ["none", "file/below", "n" * 300, "loop", "null\0", "loop/below"])
def test_where_nothing_can_be_nothing_is(tmp_path, name):
    """No file, a file in a folder's place, a name too long, a link to itself, a null: none is a folder."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert not is_there(tmp_path / name)
    assert not is_folder(tmp_path / name)
    assert is_there(tmp_path / "file")
    assert not is_folder(tmp_path / "file")
    assert is_folder(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize(
    "look",
    [
        is_folder,
        is_there,
        open_results,
        lambda folder: read_ledger(folder / "ledger.parquet"),
        lambda folder: verify(folder),
        lambda folder: read_contenders([str(folder)]),
    ],
)
def test_where_nobody_may_look_a_line_says_so(tmp_path, look):
    """A folder in one that belongs to somebody else is no folder that is missing, and no traceback."""
    (tmp_path / "closed" / "results").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match=r"results.* cannot be read \(Permission denied\); choose another"):
            look(tmp_path / "closed" / "results")
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_folder_that_cannot_be_listed_is_told_beside_the_others(tmp_path):
    """A disk's lost+found hides nothing of what lies beside it; where nothing can be listed, that is said."""
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "a").touch()
    with tempfile.TemporaryDirectory() as open_to_all:
        folder = shutil.copytree(tmp_path, Path(open_to_all) / "folder")
        for path, mode in ((folder.parent, 0o755), (folder, 0o755), (folder / "lost+found", 0o700)):
            path.chmod(mode)
        os.seteuid(65534)
        try:
            assert list_files(folder) == (["a"], [("lost+found", "a folder that cannot be listed")])
            with pytest.raises(Unreadable, match="lost\\+found cannot be listed"):
                list_files(folder / "lost+found")
        finally:
            os.seteuid(0)


def test_plain_files_are_listed_and_all_else_is_told(tmp_path):
    """Symlinks, pipes and folders that are too deep are no files, and are not followed."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("x")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "a" / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe")
    deep = tmp_path
    for _ in range(10):
        deep = deep / "d"
    deep.mkdir(parents=True)
    files, odd = list_files(tmp_path)
    assert files == ["a/b/file"]
    told = dict(odd)
    assert told["link"] == told["a/up"] == "a symlink"
    assert told["pipe"] == "neither a file nor a folder"
    assert any("deep" in what for what in told.values())


def test_nothing_is_read_through_a_link(tmp_path):
    """Neither a linked file nor a file in a linked folder is opened, nor a pipe, nor what is not there."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("secret")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file").symlink_to("real/file")
    os.mkfifo(tmp_path / "pipe")
    assert read_bytes(tmp_path, "real/file", 100) == b"secret"
    for path in ("folder/file", "file", "pipe", "none", "real", "../" + tmp_path.name + "/none"):
        with pytest.raises(Unreadable):
            read_bytes(tmp_path, path, 100)


def test_more_than_can_be_right_is_not_read(tmp_path):
    """A file above the limit is told by its size, without being read."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(TooLarge, match="1,099,511,627,776 bytes, at most 100"):
        read_bytes(tmp_path, "huge", 100)


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path):
    """Bytes that change under the reader are not taken for a file."""
    path = tmp_path / "file"
    path.write_bytes(bytes(50_000_000))
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            os.utime(path, ns=(time.time_ns(), time.time_ns()))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        with pytest.raises(Changed):
            for _ in range(50):
                read_bytes(tmp_path, "file", 100_000_000)
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b"[" * (MAX_DEPTH_OF_VALUES + 1) + b"]" * (MAX_DEPTH_OF_VALUES + 1), "nested"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "JSON"),
        (b"", "JSON"),
        (b'{"a": 1', "JSON"),
    ],
)
def test_json_that_is_not_what_it_seems_is_refused(data, word):
    """Double keys, NaN, infinities, bad UTF-8, endless nesting and numbers, cut-off text."""
    with pytest.raises(Unreadable, match=word):
        parse_json(data)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(), st.floats(-1e9, 1e9)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_honest_json_is_read(value):
    """Whatever JSON holds comes back as it was."""
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_told(data):
    """No bytes lead to any other error."""
    try:
        parse_json(data)
    except Unreadable:
        pass
