"""Database servers for tests: a wire-compatible one, or the MongoDB that AMTLB_MONGO_URL names."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pymongo
from pymongo.uri_parser import parse_uri

from suite.tracking.mongo_url import VARIABLE

GIVEN_URL = os.environ.get(VARIABLE)
"""Of a real MongoDB, where there is one; each test has a database of its own there, which it drops."""
SECRET = "correct-horse-battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class WireServer:
    """A process that speaks MongoDB's wire protocol on loopback; it keeps its data when it is killed."""

    start_seconds = 30.0

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        # It takes no password: the application's name stands for one, the whole URL being a secret.
        self.url = f"mongodb://127.0.0.1:{self.port}/runs?appname={SECRET}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("nx-27017")), "--db", str(self.folder / "data.db")]
        command += ["-p", str(self.port), "--log-file", str(self.folder / "log")]
        command += ["--pid-file", str(self.folder / "pid")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)
        raise TimeoutError(f"the server did not start within {self.start_seconds} s")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def wire_server(folder: Path) -> Iterator[WireServer]:
    server = WireServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def a_database(folder: Path) -> Iterator[str]:
    """The URL of an empty database, on the given MongoDB or on a server of our own."""
    if GIVEN_URL is None:
        with wire_server(folder) as server:
            yield server.url
        return
    name = f"amtlb_test_{uuid4().hex[:12]}"
    head, _, options = GIVEN_URL.partition("?")
    old = parse_uri(GIVEN_URL)["database"]
    # Who a user is, is looked up in the URL's database unless it says where.
    source = options if "authSource" in options or "@" not in head else f"{options}&authSource={old or 'admin'}"
    head = head.removesuffix(old or "").rstrip("/")
    try:
        yield f"{head}/{name}?{source}".rstrip("?")
    finally:
        with pymongo.MongoClient(GIVEN_URL) as client:
            client.drop_database(name)


@contextmanager
def opened(url: str) -> Iterator["pymongo.database.Database"]:
    """The database of a URL, for a test to inspect."""
    with pymongo.MongoClient(url, serverSelectionTimeoutMS=10_000) as client:
        yield client.get_default_database()
