"""The protocol between referee and learner: messages over a Unix socket, and folders in messages.

A message is two little-endian 32-bit lengths, a JSON object of the first length (UTF-8) whose ``kind`` says
what it is, and raw bytes of the second (docs/contained.md lists all kinds). Nothing on the wire is a pickle,
and the side that reads says beforehand how long a message may be and until when it must have come.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from protocol import LearnerError
from suite.untrusted.text import printable

WIRE_VERSION = 2
WIRE_VERSIONS = (1, 2)
"""Those that a referee speaks: images with the client of an earlier release are still played."""
MAX_HEAD_BYTES = 2**20
"""Of the JSON of a message: a learner's configuration is the largest."""
CHUNK_BYTES = 2**22
"""Of the raw bytes of a message from the learner: a part of a file is the largest."""
MAX_FILES = 1000
_LENGTHS = struct.Struct("<II")
_BUFFER_BYTES = 2**20
_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class WireError(Exception):
    """The other side has broken the protocol, ended or kept silent; the text says how."""


class LackedRoom(LearnerError):
    """The learner failed for want of room or memory: the machine's lack, and no fault of a snapshot."""


def failed(head: Mapping[str, Any]) -> LearnerError:
    """The error that a message ``failed`` reports."""
    kind = LackedRoom if head.get("lacks_room") is True else LearnerError
    return kind(f"the learner failed: {printable(str(head.get('reason', '')))}")


class Message(NamedTuple):
    """A message that has come: the JSON object, and the raw bytes (writable, nobody else's)."""

    head: dict[str, Any]
    payload: bytearray


class Wire:
    """One side of a connection.

    Args:
        connection: a connected stream socket; it belongs to the wire.
        max_payload_bytes: of a message that comes.
        answer_seconds: that a message may take until it has come whole; None: for ever.
    """

    def __init__(self, connection: socket.socket, max_payload_bytes: int, answer_seconds: float | None) -> None:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            connection.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        connection.settimeout(answer_seconds)
        self._socket = connection
        self._max_payload_bytes = max_payload_bytes
        self._answer_seconds = answer_seconds

    def send(self, kind: str, *payloads: Any, **fields: Any) -> None:
        """Send a message.

        Args:
            kind: of the message.
            payloads: buffers of raw bytes, sent one after another.
            fields: JSON-able.

        Raises:
            WireError: the other side has ended, or does not read.
            TypeError: a field is not JSON-able.
        """
        self._socket.settimeout(self._answer_seconds)  # reading has left what remained of its time
        head = json.dumps({"kind": kind, **fields}).encode()
        raw = [memoryview(payload).cast("B") for payload in payloads]
        lengths = _LENGTHS.pack(len(head), sum(map(len, raw)))
        parts = [memoryview(lengths + head), *raw]
        try:
            sent = self._socket.sendmsg(parts)
            for part in parts:
                if sent < len(part):
                    self._socket.sendall(part[sent:])
                sent = max(0, sent - len(part))
        except TimeoutError as error:
            raise WireError(f"it did not read for {self._answer_seconds:g} seconds") from error
        except OSError as error:
            raise WireError("it has ended") from error

    def receive(self) -> Message:
        """The next message.

        Raises:
            WireError: none comes in time, it is too long, broken off, or no message at all.
        """
        deadline = None if self._answer_seconds is None else time.monotonic() + self._answer_seconds
        head_bytes, payload_bytes = _LENGTHS.unpack(self._exactly(_LENGTHS.size, deadline))
        if head_bytes > MAX_HEAD_BYTES or payload_bytes > self._max_payload_bytes:
            raise WireError(
                f"it sends a message of {head_bytes:,} + {payload_bytes:,} bytes, at most "
                f"{MAX_HEAD_BYTES:,} + {self._max_payload_bytes:,} are read"
            )
        head = _parse(self._exactly(head_bytes, deadline))
        return Message(head, self._exactly(payload_bytes, deadline))

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _exactly(self, count: int, deadline: float | None) -> bytearray:
        data = bytearray(count)
        view, got = memoryview(data), 0
        while got < count:
            if deadline is not None:
                self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = self._socket.recv_into(view[got:])
            except TimeoutError as error:
                raise WireError(f"no answer came within {self._answer_seconds:g} seconds") from error
            except OSError as error:
                raise WireError("it has ended") from error
            if not more:
                raise WireError("it has ended" + (" within a message" if got else ""))
            got += more
            if deadline is not None and time.monotonic() > deadline:
                raise WireError(f"no whole answer came within {self._answer_seconds:g} seconds")
        return data


def _parse(data: bytearray) -> dict[str, Any]:
    try:
        head = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("it sends a message that is not JSON") from error
    if not isinstance(head, dict) or not isinstance(head.get("kind"), str):
        raise WireError("it sends JSON that is no object with a kind")
    return head


def send_folder(wire: Wire, folder: Path) -> None:
    """Send all files below a folder: ``file`` messages, whose bytes follow in ``part`` messages, then ``done``.

    Raises:
        WireError: the other side has ended.
        ValueError: something in the folder is no plain file or folder, or has a name that cannot cross.
    """
    for path in _plain_files(folder):
        name, size = path.relative_to(folder).as_posix(), path.stat().st_size
        if not _PATH.fullmatch(name):
            raise ValueError(f"the file name {name[:100]!r} cannot cross; use letters, digits, dots, - and _")
        wire.send("file", name=name, size_bytes=size)
        with path.open("rb") as file:
            while part := file.read(CHUNK_BYTES):
                wire.send("part", part)
    wire.send("done")


def _plain_files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        for name in sorted([*folders, *names]):
            path = Path(parent, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ValueError(f"{name[:100]} is neither a file nor a folder; save plain files")
            if path.is_file():
                yield path


def receive_folder(wire: Wire, folder: Path, max_bytes: int) -> None:
    """Write the files that the other side sends into an empty folder.

    Args:
        wire: on which ``send_folder`` runs at the other side.
        folder: an empty folder; nothing is written outside it.
        max_bytes: of all files together.

    Raises:
        WireError: a name leads elsewhere or comes twice, or there are too many files or bytes.
        LearnerError: the other side could not write its files.
        OSError: they cannot be written here; all that the other side had to send has been read.
    """
    left, files, error = max_bytes, 0, None
    while (message := wire.receive()).head["kind"] != "done":
        head = message.head
        if head["kind"] == "failed":
            raise failed(head)
        name, size = head.get("name"), head.get("size_bytes")
        if head["kind"] != "file" or not isinstance(name, str) or type(size) is not int or size < 0:
            raise WireError(f"it sends {head['kind'][:40]!r} where a file should come")
        if not _PATH.fullmatch(name):
            raise WireError(f"it saves a file called {name[:100]!r}, which is no plain relative name")
        if (files := files + 1) > MAX_FILES:
            raise WireError(f"it saves more than {MAX_FILES:,} files")
        if size > left:
            raise WireError(f"it saves more than the {max_bytes:,} bytes that it may")
        left -= size
        parts = _parts(wire, name, size)
        try:
            _write(folder / name, parts)
        except (FileExistsError, NotADirectoryError) as exists:
            raise WireError(f"it saves {name} where a file is already") from exists
        except OSError as full:
            error = error or full
        for _ in parts:  # what is not read now would be taken for the next answer
            pass
    if error is not None:
        raise error


def _parts(wire: Wire, name: str, size: int) -> Iterator[bytearray]:
    """The bytes of a file, as they come."""
    while size:
        message = wire.receive()
        if message.head["kind"] != "part" or not 0 < len(message.payload) <= size:
            raise WireError(f"the file {name} does not come as it was announced")
        size -= len(message.payload)
        yield message.payload


def _write(path: Path, parts: Iterator[bytearray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
