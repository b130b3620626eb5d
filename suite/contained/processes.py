"""A learner in a process of its own: another user where this one may choose, limits, and no container.

Weaker than a container: the process sees the network and every file that its user may read, and limits hold for
single processes. What it shares with a container: consoles, seeds and ledger lie in another process.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from protocol import BoxError
from suite.contained.jail import SOCKET
from suite.contained.spec import BoxSpec
from suite.untrusted.processes import limit

_LOG_BYTES = 2**20
_LIBC, _PR_SET_PDEATHSIG = ctypes.CDLL(None), 1


class ProcessJail:
    """A process that runs a learner's side (see suite.contained.jail.Jail).

    Args:
        spec: of the box.
        learner: ``module:function``, importable from where the harness stands.
        folder: holds the socket; the process has its home next to it.
        environment: of the learner's process, besides the path to programs and modules.

    Raises:
        BoxError: there is no such user, or it may not run this Python.
    """

    def __init__(self, spec: BoxSpec, learner: str, folder: Path, environment: dict[str, str]) -> None:
        account = _account(spec.user)
        home = folder.with_name("home")
        home.mkdir(mode=0o700)
        if account is not None:
            folder.parent.chmod(0o711)  # another user is let through, and may list nothing
            os.chown(home, account.pw_uid, account.pw_gid)
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        command = [sys.executable, "-P", "-m", "suite.contained.client", str(folder / SOCKET), learner]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the jail is removed
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=kept | environment | {"HOME": str(home), "TMPDIR": str(home)},
                start_new_session=True,
                preexec_fn=lambda: _confine(spec, account),
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._log.close()
            raise BoxError(
                f"user {spec.user!r} may not run {sys.executable} here ({error}); install Python where others "
                "may read it, name another user with --box-user, or take --image"
            ) from error

    def may_call(self, pid: int) -> bool:
        """Only the process that was started: every user of the machine can reach the socket."""
        return pid == self._process.pid

    def why_ended(self) -> str | None:
        """The system's account of the process's end."""
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return None
        return f"its process has ended with status {status} (negative: killed by that signal)"

    def kill(self) -> None:
        """Kill the process and those that stayed in its session."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def remove(self, log: Callable[[str], None]) -> None:
        """Kill it; its last output goes to ``log``, and its files go with the box's folder."""
        self.kill()
        self._process.wait()
        end = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, end - _LOG_BYTES))
        log(self._log.read().decode("utf-8", "replace"))
        self._log.close()


def _account(user: str) -> pwd.struct_passwd | None:
    """The account that the process gets; None: this one's, since only root may choose."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(user)
    except KeyError as error:
        raise BoxError(f"there is no user {user!r} on this machine; name one with --box-user") from error


def _confine(spec: BoxSpec, account: pwd.struct_passwd | None) -> None:
    """Between fork and exec: limits first, then the user, who cannot raise them again."""
    limits = spec.limits
    limit(resource.RLIMIT_AS, limits.memory_bytes)
    limit(resource.RLIMIT_FSIZE, limits.output_bytes)
    limit(resource.RLIMIT_CORE, 0)
    if account is not None:
        limit(resource.RLIMIT_NPROC, limits.processes)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # it goes with the harness, however that ends
