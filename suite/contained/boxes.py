"""Boxes: where a learner's side runs, what it may take there, and how it is ended whatever it does."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from protocol import BoxError
from suite.contained.jail import SOCKET, Jail, own_folder, remove_folders_of_the_ended
from suite.contained.spec import BoxSpec
from suite.learners.hyperparameters import VARIABLE
from suite.machine import RUN_SETTINGS

_POLL_SECONDS = 0.2
_PEER = struct.Struct("3i")  # what Linux knows of a socket's other end: process, user, group


class Box:
    """A box that runs, and the socket on which its learner calls.

    Args:
        jail: that runs.
        listener: on which the learner is to call.
        spec: of the box.
    """

    def __init__(self, jail: Jail, listener: socket.socket, spec: BoxSpec) -> None:
        self._jail, self._listener, self._spec = jail, listener, spec
        self._out_of_time = threading.Event()
        self._connection: socket.socket | None = None
        self._clock = threading.Timer(spec.limits.wall_seconds, self._end_of_time)
        self._clock.daemon = True
        self._clock.start()

    def connect(self) -> socket.socket:
        """Wait for the learner's call; whoever else calls is turned away, and nobody can call afterwards.

        Raises:
            BoxError: none comes in time, or the box has ended.
        """
        deadline = time.monotonic() + self._spec.limits.answer_seconds
        self._listener.settimeout(_POLL_SECONDS)
        with closing(self._listener):
            while time.monotonic() < deadline:
                try:
                    caller = self._listener.accept()[0]
                except TimeoutError:
                    if reason := self.why_ended():
                        raise BoxError(f"the learner's box ended before the run began: {reason}") from None
                    continue
                told = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
                if self._jail.may_call(_PEER.unpack(told)[0]):
                    self._connection = caller
                    return caller
                caller.close()
        raise BoxError(
            f"the learner's box did not call within {self._spec.limits.answer_seconds:g} seconds; "
            "does its image run `python -m suite.contained.client`?"
        )

    def why_ended(self) -> str | None:
        """Why the learner's side has ended, as far as the harness knows."""
        if self._out_of_time.is_set():
            return f"it ran for more than its {self._spec.limits.wall_seconds:g} seconds"
        return self._jail.why_ended()

    def _end_of_time(self) -> None:
        self._out_of_time.set()
        if self._connection is not None:
            with suppress(OSError):  # whoever holds the other end, and whatever becomes of the kill
                self._connection.shutdown(socket.SHUT_RDWR)
        with suppress(BoxError):
            self._jail.kill()

    def remove(self, log: Callable[[str], None]) -> None:
        """End it and leave nothing behind; what an engine fails to remove goes with the next run."""
        self._clock.cancel()
        try:
            self._jail.remove(log)
        except BoxError as error:
            log(str(error))


@contextmanager
def open_box(spec: BoxSpec, learner: str, device: str, log: Callable[[str], None]) -> Iterator[Box]:
    """Start the learner's side in a box, which goes with the block.

    Raises:
        BoxError: there is no such image, engine or user, or the box cannot be started.
    """
    with own_folder() as folder:
        shown = folder / "shown"
        shown.mkdir()
        shown.chmod(0o711)  # what lies in it can be called, not listed
        listener = socket.socket(socket.AF_UNIX)
        with closing(listener):
            try:
                listener.bind(str(shown / SOCKET))
            except OSError as error:
                raise BoxError(
                    f"the socket {shown / SOCKET} cannot be made ({error}); choose a shorter TMPDIR"
                ) from error
            (shown / SOCKET).chmod(0o666)
            listener.listen(1)
            given = {VARIABLE: os.environ.get(VARIABLE, "")}
            environment = RUN_SETTINGS | given | {"AMTLB_DEVICE": device}
            box = Box(_start(spec, learner, shown, environment), listener, spec)
            try:
                yield box
            finally:
                box.remove(log)


def remove_orphans(spec: BoxSpec) -> None:
    """Remove what the boxes of killed runs left: folders here, and containers where ``spec`` needs an engine.

    Raises:
        BoxError: no engine answers.
    """
    if spec.image_sha256 is not None:
        from suite.contained.containers import remove_orphaned_containers

        remove_orphaned_containers()
    remove_folders_of_the_ended()


def _start(spec: BoxSpec, learner: str, folder: Path, environment: dict[str, str]) -> Jail:
    if spec.image_sha256 is None:
        from suite.contained.processes import ProcessJail

        return ProcessJail(spec, learner, folder, environment)
    from suite.contained.containers import ContainerJail

    return ContainerJail(spec, learner, folder, environment)
