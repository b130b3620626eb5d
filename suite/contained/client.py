"""The learner's side of a contained run: the lanes as they come over the wire, and what serves a learner.

``python -m suite.contained.client SOCKET module:function`` is what a box runs. It needs numpy, gymnasium
and what ``protocol`` needs; no emulator and no ROM.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never, cast

import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv

from protocol import BudgetExhausted
from suite.contained.wire import WIRE_VERSION, Message, Wire, WireError, receive_folder, send_folder
from suite.lanes.shape import LaneShape, UInt8, as_integers
from suite.learners.contract import Learner, NoteWriter, Resumable, checked_configuration, find_learner
from suite.learners.sources import code_digest
from suite.machine import is_lack

_MAX_PAYLOAD_BYTES = 2**28
"""The referee is trusted: this only keeps a broken length from filling the memory."""
_RAISED = {"BudgetExhausted": BudgetExhausted, "ValueError": ValueError}


class RemoteLanes(VectorEnv[UInt8, npt.NDArray[np.int64], npt.NDArray[Any]]):
    """The lanes that the referee holds, under the very contract of ``suite.lanes.environment.LaneEnv``.

    Args:
        wire: to the referee, which is serving ``learn``.
        shape: of the lanes.
        budget_frames: the run's whole training budget, in emulator frames.
    """

    def __init__(self, wire: Wire, shape: LaneShape, budget_frames: int) -> None:
        shape.describe(self)
        self.budget_frames = budget_frames
        self._wire, self._shape = wire, shape
        self._over = False
        self._bytes = int(np.prod(shape.observations))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[UInt8, dict[str, Any]]:
        """As ``LaneEnv.reset``."""
        if seed is not None or options:
            raise ValueError("reset takes no seed and no options: every seed is derived from the run id")
        self._wire.send("reset")
        return self._observations(self._answer().payload), {}

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[UInt8, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, Any]]:
        """As ``LaneEnv.step``."""
        if self._over:
            raise BudgetExhausted(f"the {self.budget_frames} frames of this run are spent")
        self._wire.send("step", actions=as_integers(actions, self.num_envs).tolist())
        head, payload = self._answer()
        infos: dict[str, Any] = {}
        if over := head["over"]:
            mask = np.zeros(self.num_envs, np.bool_)
            mask[over] = True
            final = np.zeros(self._shape.observations, np.uint8)
            final[over] = np.frombuffer(payload, np.uint8, offset=self._bytes).reshape(final[over].shape)
            infos = {"final_obs": final, "_final_obs": mask}
        rewards = np.array(head["rewards"], np.float64)
        terminated, truncated = (np.array(head[name], np.bool_) for name in ("terminated", "truncated"))
        return self._observations(payload), rewards, terminated, truncated, infos

    def end(self) -> None:
        """Nothing can be played any more: the referee serves other things."""
        self._over = True

    def safe_point(self, save_state: Callable[[Path], None]) -> None:
        """As ``LaneEnv.safe_point``: the referee says whether a snapshot is due, and takes the files."""
        if self._over:
            return
        self._wire.send("safe_point")
        while (asked := self._answer().head["kind"]) != "go_on":
            if asked != "save_state":
                raise WireError(f"the referee says {asked!r} at a safe point")
            try:
                send_written(self._wire, save_state)
            except OSError as error:  # there is no snapshot then, and the run goes on
                _send_failed(self._wire, error)

    def close_extras(self, **kwargs: Any) -> None:
        """The lanes belong to the referee: closing the environment frees nothing."""

    def _answer(self) -> Message:
        message = self._wire.receive()
        if message.head["kind"] == "raised":
            raise _RAISED[message.head["error"]](message.head["reason"])
        return message

    def _observations(self, payload: bytearray) -> UInt8:
        found: UInt8 = np.frombuffer(payload, np.uint8, self._bytes).reshape(self._shape.observations)
        return found


def _send_failed(wire: Wire, error: BaseException) -> None:
    wire.send("failed", reason=f"{type(error).__name__}: {error}"[:500], lacks_room=is_lack(error))


def send_written(wire: Wire, write: Callable[[Path], None]) -> None:
    """Let a learner write into an empty folder, and send what it wrote."""
    folder = Path(tempfile.mkdtemp())
    try:
        write(folder)
        send_folder(wire, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Serving:
    """Does what the referee asks for, on instances of one learner."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire, self._name = wire, name
        self._made: list[Learner] = []

    def serve(self) -> Never:
        """Until the referee ends the connection, which is a WireError."""
        self._wire.send("hello", wire_version=WIRE_VERSION)
        asked: dict[str, Callable[[dict[str, Any], bytearray], None]] = {
            "make": self._make,
            "learn": self._learn,
            "act": self._act,
            "save": self._save,
            "load": self._load,
            "notes": self._notes,
            "save_state": self._save_state,
            "load_state": self._load_state,
        }
        while True:
            head, payload = self._wire.receive()
            try:
                asked[head["kind"]](head, payload)
            except WireError:
                raise
            except (Exception, SystemExit) as error:
                traceback.print_exc()
                _send_failed(self._wire, error)

    def _make(self, head: dict[str, Any], payload: bytearray) -> None:
        learner = find_learner(self._name)(head["seed"], head["lanes"])
        configuration, _ = checked_configuration(learner)
        self._made.append(learner)
        self._wire.send(
            "made",
            configuration=configuration,
            notes=isinstance(learner, NoteWriter),
            resumable=isinstance(learner, Resumable),
            code_sha256=code_digest(self._name),
        )

    def _learn(self, head: dict[str, Any], payload: bytearray) -> None:
        shape = LaneShape(head["lanes"], tuple(head["observation_shape"]), head["actions"])
        lanes = RemoteLanes(self._wire, shape, head["budget_frames"])
        try:
            self._made[head["instance"]].learn(cast(Any, lanes))  # under the contract of LaneEnv
        except BudgetExhausted:
            pass
        lanes.end()
        self._wire.send("learned")

    def _act(self, head: dict[str, Any], payload: bytearray) -> None:
        observations = np.frombuffer(payload, np.uint8).reshape(head["shape"])
        episode_start = np.array(head["episode_start"], np.bool_)
        actions = self._made[head["instance"]].act(observations, episode_start)
        self._wire.send("acted", actions=as_integers(actions, len(episode_start)).tolist())

    def _save(self, head: dict[str, Any], payload: bytearray) -> None:
        send_written(self._wire, self._made[head["instance"]].save)

    def _notes(self, head: dict[str, Any], payload: bytearray) -> None:
        learner = self._made[head["instance"]]
        assert isinstance(learner, NoteWriter)
        send_written(self._wire, learner.write_notes)

    def _save_state(self, head: dict[str, Any], payload: bytearray) -> None:
        send_written(self._wire, self._resumable(head).save_state)

    def _load(self, head: dict[str, Any], payload: bytearray) -> None:
        self._read(head, self._made[head["instance"]].load)

    def _load_state(self, head: dict[str, Any], payload: bytearray) -> None:
        self._read(head, self._resumable(head).load_state)

    def _resumable(self, head: dict[str, Any]) -> Resumable:
        learner = self._made[head["instance"]]
        assert isinstance(learner, Resumable)
        return learner

    def _read(self, head: dict[str, Any], load: Callable[[Path], None]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            receive_folder(self._wire, Path(folder), head["size_bytes"])
            load(Path(folder))
        self._wire.send("loaded")


def main() -> int:
    """Serve one learner; the exit status is 0 when the referee has ended the run."""
    path, name = sys.argv[1:]
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    try:
        _Serving(Wire(connection, _MAX_PAYLOAD_BYTES, None), name).serve()
    except WireError:
        return 0  # the referee has ended


if __name__ == "__main__":
    raise SystemExit(main())
