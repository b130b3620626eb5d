"""A Docker engine of the tests' own: started in a folder, spoken to by its socket, gone without a trace."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.disks import mount_disk, mounts, remove

DOCKER = "/usr/bin/docker"
"""The client that comes with the engine: another one on the path may lack what builds need."""
PARENT, PREFIX = Path("/var/tmp"), "amtlb-engine-"
"""A disk rather than memory."""
START_SECONDS, STOP_SECONDS = 60, 60


@dataclass(frozen=True)
class Engine:
    """A running engine.

    Args:
        folder: holds all that the engine writes: data root, sockets, process ids, log.
    """

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment with which a process speaks to this engine and to no other."""
        return os.environ | {"DOCKER_HOST": f"unix://{self.folder}/socket", "DOCKER_BUILDKIT": "1"}

    def docker(self, *arguments: object, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run the client; its exit status is the caller's to judge."""
        command = [DOCKER, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=self.environment)

    def answer(self, *arguments: object, timeout: float = 600) -> str:
        """The output of the client, without the last newline; raises AssertionError if the client fails."""
        done = self.docker(*arguments, timeout=timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.rstrip("\n")


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Start an engine as root, without a network bridge or a firewall rule; stop it and remove all it made.

    It ends with the process that started it, also when that is killed.

    Raises:
        RuntimeError: it does not start, or does not end.
    """
    _remove_abandoned()
    engine = Engine(Path(tempfile.mkdtemp(prefix=PREFIX, dir=PARENT)))
    data = engine.folder / "data"
    data.mkdir()
    mount_disk(data, engine.folder / "disk")
    with (engine.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *_daemon(engine.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await_answer(engine, process)
        yield engine
        if left := engine.answer("ps", "--all", "--quiet").split():
            engine.answer("rm", "--force", *left)
    finally:
        _stop(engine, process)


def traces(engine: Engine) -> list[str]:
    """The traces of an engine: its folder, mounts below it, processes that were started with it."""
    folder = str(engine.folder)
    found = [f"folder {folder}"] if engine.folder.exists() else []
    found += [f"mount {point}" for point in mounts(engine.folder)]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if folder in command:
            found.append(f"process {process.name}: {command}")
    return found


def _remove_abandoned() -> None:
    """Remove folders of engines whose tests were killed: those engines have ended, but nobody cleaned up."""
    for folder in PARENT.glob(f"{PREFIX}*"):
        if (folder / "log").exists() and not any(left.startswith("process") for left in traces(Engine(folder))):
            remove(folder)


def _daemon(folder: Path) -> list[str]:
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        raise RuntimeError("a Docker engine needs root and dockerd; run `make engine test-image` as root")
    (folder / "configuration.json").write_text("{}")  # none of the machine's
    return [
        "dockerd",
        f"--config-file={folder}/configuration.json",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/run",
        f"--pidfile={folder}/pid",
        f"--host=unix://{folder}/socket",
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
    ]


def _await_answer(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while engine.docker("version").returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("dockerd does not start:\n" + (engine.folder / "log").read_text()[-3000:])
        time.sleep(0.2)


def _stop(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise RuntimeError(f"dockerd does not end; see {engine.folder}/log") from None
    remove(engine.folder)
