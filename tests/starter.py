"""The installed command without the second that its imports take: a process that has made them forks each call.

A call is a process of its own, as a user's: with its own arguments, environment, working folder, streams and
exit status. As a script, this is the process that forks: ``python -P tests/starter.py DESCRIPTOR`` reads
requests from a socket, a line of JSON each, and answers each with a line, the exit status.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

AMTLB = str(Path(sys.executable).with_name("amtlb"))
LOADED = (
    "suite.cli.commands",
    "suite.cli.printing",
    "suite.report.comparison_tables",
    "suite.verify.verification",
)
"""The modules that most commands import."""


class Starter:
    """Starts ``amtlb``."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self, arguments: list[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The result of a command, with captured text, as ``subprocess.run`` gives it.

        If the environment changes the variables that Python itself reads, the command starts a new process.
        """
        environment = dict(os.environ if env is None else env)
        if self._process is None:
            self._start()
        command = [AMTLB, *arguments]
        if _of_python(environment) != self._python:
            return subprocess.run(
                command, capture_output=True, text=True, timeout=600, env=environment, cwd=cwd
            )
        with tempfile.NamedTemporaryFile("r") as output, tempfile.NamedTemporaryFile("r") as errors:
            request = {
                "command": command,
                "environment": environment,
                "folder": str(cwd or os.getcwd()),
                "streams": [os.devnull, output.name, errors.name],
            }
            try:
                self._ours.sendall(f"{json.dumps(request)}\n".encode())
                status = int(self._answers.readline())
            except BaseException:  # too slow, or the test is over: no later call may read its answer
                self.stop()
                raise
            return subprocess.CompletedProcess(command, status, output.read(), errors.read())

    def stop(self) -> None:
        """End the process that forks, and what it has forked."""
        if self._process is not None:
            self._answers.close()
            self._ours.close()
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        self._python = _of_python(os.environ)
        self._ours, theirs = socket.socketpair()
        self._ours.settimeout(600)
        self._answers = self._ours.makefile()
        command = [sys.executable, "-P", __file__, str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that Python itself reads at its start."""
    return {name: text for name, text in environment.items() if name.startswith("PYTHON")}


def _serve(requests: socket.socket) -> None:
    """Fork a command for each request; in that command, return to be it."""
    with requests, requests.makefile() as lines:
        for line in lines:
            if (child := os.fork()) == 0:
                _become(**json.loads(line))
                break
            _, status = os.waitpid(child, 0)
            requests.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        else:
            raise SystemExit


def _become(command: list[str], environment: dict[str, str], folder: str, streams: list[str]) -> None:
    """Take on what makes a call different from another."""
    for number, name in enumerate(streams):
        opened = os.open(name, os.O_RDWR | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command


if __name__ == "__main__":
    # OpenBLAS, whose thread Python warns of, gives a child threads of its own.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    for name in LOADED:
        import_module(name)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(import_module("suite.cli").main())
