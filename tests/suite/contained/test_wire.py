"""The wire: what is sent comes whole, and what should not come is told in a line."""

import resource
import socket
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import LearnerError
from suite.contained.wire import (
    MAX_FILES,
    MAX_HEAD_BYTES,
    LackedRoom,
    Wire,
    WireError,
    receive_folder,
    send_folder,
)
from suite.untrusted.text import printable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def wires():
    one, other = socket.socketpair()
    pair = Wire(one, 2**20, 2.0), Wire(other, 2**20, 2.0)
    yield pair
    for wire in pair:
        wire.close()


def raw(wire: Wire, data: bytes) -> None:
    wire._socket.sendall(data)


def head(text: bytes, payload: int = 0) -> bytes:
    return struct.pack("<II", len(text), payload) + text


@given(
    st.dictionaries(st.text(min_size=1).filter(lambda name: name not in ("kind", "self")), JSON, max_size=4),
    st.lists(st.binary(max_size=300_000), max_size=3),
)
def test_messages_come_as_they_are_sent(fields, payloads):
    """Fields and bytes of any size arrive unchanged, message after message."""
    one, other = socket.socketpair()
    left, right = Wire(one, 2**20, 20.0), Wire(other, 2**20, 20.0)
    sender = threading.Thread(target=lambda: [left.send("x", *payloads, **fields) for _ in range(2)])
    sender.start()
    for _ in range(2):
        message = right.receive()
        assert message.head == {"kind": "x", **fields}
        assert message.payload == b"".join(payloads)
    sender.join()
    left.close()
    right.close()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (struct.pack("<II", MAX_HEAD_BYTES + 1, 0), "at most"),
        (struct.pack("<II", 2, 2**20 + 1), "at most"),
        (head(b"\xff\xfe"), "not JSON"),
        (head(b"[" * 100_000), "not JSON"),
        (head(b"[1]"), "no object with a kind"),
        (head(b'{"kind": 1}'), "no object with a kind"),
        (head(b"{}"), "no object with a kind"),
    ],
)
def test_what_is_no_message_is_told(wires, data, complaint):
    """Messages that are too long, no JSON or no object with a kind end the reading, before they are kept."""
    raw(wires[0], data)
    with pytest.raises(WireError, match=complaint):
        wires[1].receive()


def test_silence_and_ends_are_told(wires):
    """No message, half of one, and an end before or within one are told apart."""
    with pytest.raises(WireError, match=r"no answer came within 2 seconds"):
        wires[1].receive()
    raw(wires[0], head(b'{"kind": "x"}')[:12])
    wires[0].close()
    with pytest.raises(WireError, match="ended within a message"):
        wires[1].receive()
    with pytest.raises(WireError, match="has ended"):
        wires[1].send("x")


def test_a_late_answer_takes_no_time_from_what_is_sent_next():
    """After a message that came late, the other side still has its whole time to read."""
    left, right = (Wire(end, 2**26, 2.0) for end in socket.socketpair())
    late = threading.Timer(1.7, left.send, args=("late",))
    late.start()
    assert right.receive().head == {"kind": "late"}
    slow = threading.Timer(0.8, left.receive)
    slow.start()
    right.send("large", bytes(2**25))
    slow.join()
    late.join()
    left.close()
    right.close()


def cross(folder: Path, into: Path, max_bytes: int = 10_000_000) -> None:
    into.mkdir()
    one, other = socket.socketpair()
    left, right = Wire(one, 2**23, 20.0), Wire(other, 2**23, 20.0)
    sender = threading.Thread(target=send_folder, args=(left, folder))
    sender.start()
    try:
        receive_folder(right, into, max_bytes)
    finally:
        sender.join()
        left.close()
        right.close()


def test_folders_come_as_they_are_sent(tmp_path):
    """Files of a folder arrive with their names and bytes, empty and large ones too."""
    files = {"a": b"", "deep/er/b.safetensors": b"x" * 5_000_000, "deep/c_1-2.json": b"{}"}
    for name, data in files.items():
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    cross(tmp_path / "from", tmp_path / "to")
    found = {path.relative_to(tmp_path / "to").as_posix(): path for path in (tmp_path / "to").rglob("*")}
    assert {name: path.read_bytes() for name, path in found.items() if path.is_file()} == files


def test_a_full_disk_leaves_nothing_on_the_wire(tmp_path):
    """A folder of which a file has no room is read to its end, and the next message is the next answer."""
    for name, size in (("a", 10), ("b", 9_000_000), ("c", 10)):
        (tmp_path / name).write_bytes(b"x" * size)
    into = tmp_path.with_name(f"{tmp_path.name}-into")
    into.mkdir()
    one, other = socket.socketpair()
    left, right = Wire(one, 2**23, 20.0), Wire(other, 2**23, 20.0)

    def send() -> None:
        send_folder(left, tmp_path)
        left.send("next")

    sender = threading.Thread(target=send)
    sender.start()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            receive_folder(right, into, 10_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert right.receive().head == {"kind": "next"}
    sender.join()
    left.close()
    right.close()


@pytest.mark.parametrize(
    ("lacks_room", "kind"), [(True, LackedRoom), (False, LearnerError), ("yes", LearnerError)]
)
def test_a_failure_to_write_is_the_machines_only_where_room_is_missing(tmp_path, lacks_room, kind):
    """A learner that could not write its files says why, and whether room was missing."""
    left, right = (Wire(end, 1000, 1.0) for end in socket.socketpair())
    left.send("failed", reason="OSError: no room", lacks_room=lacks_room)
    with pytest.raises(LearnerError, match="the learner failed: OSError: no room") as caught:
        receive_folder(right, tmp_path, 1000)
    assert type(caught.value) is kind
    left.close()
    right.close()


def test_links_and_odd_names_do_not_cross(tmp_path):
    """The sender refuses a link, and a name that the receiver would refuse."""
    left, right = (Wire(end, 10, 1.0) for end in socket.socketpair())
    for name, complaint in (("link", "neither a file nor a folder"), ("odd name", "cannot cross")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).symlink_to("/etc/passwd") if name == "link" else (folder / name).touch()
        with pytest.raises(ValueError, match=complaint):
            send_folder(left, folder)
    left.close()
    right.close()


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ([("file", {"name": "../x", "size_bytes": 0}, b"")], "no plain relative name"),
        ([("file", {"name": "/etc/x", "size_bytes": 0}, b"")], "no plain relative name"),
        ([("file", {"name": "a//b", "size_bytes": 0}, b"")], "no plain relative name"),
        ([("file", {"name": ".", "size_bytes": 0}, b"")], "no plain relative name"),
        ([("file", {"name": "a\n", "size_bytes": 0}, b"")], "no plain relative name"),
        ([("file", {"name": "a/" * 9 + "b", "size_bytes": 0}, b"")], "no plain relative name"),
        ([("file", {"name": "a", "size_bytes": -1}, b"")], "where a file should come"),
        ([("file", {"name": "a", "size_bytes": True}, b"")], "where a file should come"),
        ([("file", {"name": ["a"], "size_bytes": 0}, b"")], "where a file should come"),
        ([("part", {}, b"x")], "where a file should come"),
        ([("failed", {"reason": "out of\x1b breath"}, b"")], "out of  breath"),
        ([("file", {"name": "a", "size_bytes": 101}, b"")], "more than the 100 bytes"),
        ([("file", {"name": "a", "size_bytes": 5}, b""), ("part", {}, b"123456")], "as it was announced"),
        ([("file", {"name": "a", "size_bytes": 5}, b""), ("part", {}, b"")], "as it was announced"),
        ([("file", {"name": "a", "size_bytes": 5}, b""), ("done", {}, b"")], "as it was announced"),
        ([("file", {"name": "a", "size_bytes": 0}, b"")] * 2, "where a file is already"),
        ([("file", {"name": name, "size_bytes": 0}, b"") for name in ("a", "a/b")], "where a file is already"),
        (
            [("file", {"name": f"{n}", "size_bytes": 0}, b"") for n in range(MAX_FILES + 1)],
            "more than 1,000 files",
        ),
    ],
)
def test_folders_that_should_not_come_are_told(tmp_path, sent, complaint):
    """Names that lead elsewhere, too many files or bytes, and parts that do not fit write nothing outside."""
    left, right = (Wire(end, 1000, 5.0) for end in socket.socketpair())
    sender = threading.Thread(
        target=lambda: [left.send(kind, payload, **fields) for kind, fields, payload in sent]
    )
    sender.start()
    (tmp_path / "to").mkdir()
    with pytest.raises((WireError, LearnerError), match=complaint):
        receive_folder(right, tmp_path / "to", 100)
    sender.join()
    assert [path.name for path in tmp_path.iterdir()] == ["to"]
    left.close()
    right.close()


@given(st.text())
def test_foreign_text_is_one_printable_line(text):
    """No control character, no line end, and no more than 500 characters are left."""
    found = printable(text)
    assert found.isprintable()
    assert len(found) <= 500
