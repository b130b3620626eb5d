"""Hostile inputs through the real command line: each ends in a line or a verdict, soon, small, and inside."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from suite.results.published import published_folder
from suite.tracking.mongo_url import VARIABLE
from tests.suite.tracking.servers import wire_server
from tests.suite.verify.hostile import COMMANDS, HOSTILE, Hostile
from tests.suite.verify.watched import Watched, watched

pytestmark = pytest.mark.slow
MOST_SECONDS, MOST_BYTES, MOST_SAID = 60, 10**9, 10**5
CASES = [(hostile, command) for hostile in HOSTILE for command in hostile.commands.split()]


class Tried(NamedTuple):
    """The result of a command, and all files outside of the folder that it was given."""

    watched: Watched
    outside: dict[str, bytes]

    @property
    def in_a_row(self) -> str:
        """For the table."""
        said = (self.watched.stderr or self.watched.stdout).strip().splitlines() or ["nothing"]
        figures = f"{self.watched.seconds:5.1f} s {self.watched.peak_bytes / 1e6:5.0f} MB"
        return f"status {self.watched.status} {figures}  {said[-1][:200]}"


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    with wire_server(tmp_path_factory.mktemp("server")) as running:
        yield running.url


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that goes however deep it has become, which Python's own removal does not manage."""
    folder = tempfile.mkdtemp()
    try:
        yield Path(folder)
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)


def tried(hostile: Hostile, command: str, scratch: Path, url: str) -> Tried:
    """Make a hostile folder beside one with a file that must be kept, and run a command on it."""
    outside, stand = scratch / "outside", scratch / "stand"
    outside.mkdir(), stand.mkdir()
    (outside / "kept").write_text("kept")
    folder = scratch / "submission"
    shutil.copytree(published_folder(hostile.base, "smoke"), folder)
    hostile.make(folder, outside)
    arguments = [part.format(folder=folder, new=scratch / "new") for part in COMMANDS[command]]
    environment = {VARIABLE: url} if command == "publish" else {}
    found = watched(arguments, stand, MOST_SECONDS, **environment)
    files = [path for place in (outside, stand) for path in place.rglob("*") if path.is_file()]
    return Tried(found, {str(path.relative_to(scratch)): path.read_bytes() for path in files})


@pytest.mark.parametrize(("hostile", "command"), CASES, ids=[f"{one.name}: {name}" for one, name in CASES])
def test_nothing_hostile_does_harm(hostile, command, url, capsys):
    """A command on a hostile folder ends within 60 s and 1 GB, in a verdict or one line, and writes inside."""
    with scratch_folder() as scratch:
        found = tried(hostile, command, scratch, url)
    with capsys.disabled():
        print(f"\n{hostile.name:46} {command:16} {found.in_a_row}", end="")
    done = found.watched
    assert done.status in (0, 1, 2, 3), done.stderr
    assert done.peak_bytes < MOST_BYTES
    assert found.outside == {"outside/kept": b"kept"}
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert len(said) < MOST_SAID
    assert all(character.isprintable() or character == "\n" for character in said)
    if not done.stdout:
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("error: ")
