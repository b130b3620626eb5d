"""A dask scheduler and its workers, as processes of this machine with a folder each."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from distributed import Client

from tests import ROOT

_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Cluster:
    """A scheduler, and the workers that are started on it.

    Args:
        folder: each process gets a folder of its own there, as working folder and as disk.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        file = self.folder / "scheduler.json"
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
        self.scheduler = self._started("dask_scheduler", options, self.folder / "scheduler", {})
        try:
            self.address = _address(file)
        except TimeoutError:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def worker(self, name: str, threads: int = 1, **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait until the scheduler has it; its disk is that of earlier ones of its name."""
        disk = self.folder / name
        options = [self.address, "--name", name, "--no-nanny", "--nthreads", str(threads), "--no-dashboard"]
        options += ["--local-directory", str(disk)]
        process = self._started("dask_worker", options, disk, variables)
        with Client(self.address, timeout=60) as client:
            deadline = time.monotonic() + 120
            while name not in self._names(client) and time.monotonic() < deadline:
                time.sleep(0.1)
        return process

    def _names(self, client: Client) -> list[str]:
        return [worker["name"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()]

    def _started(
        self, module: str, options: list[str], folder: Path, variables: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        command = [sys.executable, "-m", f"distributed.cli.{module}", *options]
        process = subprocess.Popen(command, cwd=folder, env=environment, **_QUIET)  # type: ignore[call-overload]
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


def _address(file: Path) -> str:
    """The address of a scheduler, once it has written all of this file; raises TimeoutError."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.1)
    raise TimeoutError(f"no scheduler has written {file}")


@contextmanager
def cluster(folder: Path, threads: int = 1) -> Iterator[Cluster]:
    """A scheduler with one worker, named ``one``."""
    with Cluster(folder) as made:
        made.worker("one", threads)
        yield made
