"""The harness's side of a contained run: a learner in a box, seen as any other learner.

Everything that comes over the wire is foreign: each message must be of the kind that is due, within its size
and its time, and what it holds is checked as the lanes check it. Whatever is not so ends the run with a
LearnerError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from protocol import BudgetExhausted, LearnerError
from suite.contained.boxes import Box, open_box
from suite.contained.spec import BoxSpec
from suite.contained.wire import (
    CHUNK_BYTES,
    WIRE_VERSIONS,
    Message,
    Wire,
    WireError,
    failed,
    receive_folder,
    send_folder,
)
from suite.digests import folder_bytes
from suite.lanes.environment import LaneEnv
from suite.lanes.shape import LaneShape
from suite.learners.contract import MakeLearner
from suite.untrusted.text import printable

_MAX_ACTIONS = 1024
_WHILE_LEARNING = ("reset", "step", "safe_point", "learned")


@contextmanager
def contained_maker(
    spec: BoxSpec, learner: str, device: str, log: Callable[[str], None]
) -> Iterator[MakeLearner]:
    """The function that makes instances of a learner in one box; the box goes with the block.

    Args:
        spec: where the learner is put.
        learner: ``module:function``, in the box.
        device: what the learner finds in ``AMTLB_DEVICE``.
        log: takes what the learner printed, when the box goes.

    Raises:
        BoxError: there is no such image, engine or user.
        LearnerError: the learner breaks the contract or the protocol, or goes beyond a limit.
    """
    with open_box(spec, learner, device, log) as box:
        wire = Wire(box.connect(), CHUNK_BYTES, spec.limits.answer_seconds)
        with closing(wire):
            yield _Referee(wire, box, spec.limits.output_bytes).make


class _Referee:
    """Asks the learner's side, and says what was wrong with an answer."""

    def __init__(self, wire: Wire, box: Box, output_bytes: int) -> None:
        self._wire, self._box = wire, box
        self.output_bytes = output_bytes
        self._instances = 0
        self._greeted = False

    def make(self, seed: int, lanes: int) -> BoxedLearner:
        """A new instance in the box (see suite.learners.contract.MakeLearner)."""
        if not self._greeted:
            version = self.receive("hello").head.get("wire_version")
            if type(version) is not int or version not in WIRE_VERSIONS:
                raise LearnerError(
                    f"the image's client speaks version {printable(str(version))[:20]} of the wire, this "
                    f"release {' and '.join(map(str, WIRE_VERSIONS))}; build the image with this release"
                )
            self._greeted = True
        answer = self.ask("make", "made", seed=seed, lanes=lanes).head
        configuration = answer.get("configuration")
        if not isinstance(configuration, dict):
            raise LearnerError("the learner's configuration must be a JSON-able mapping")
        code = answer.get("code_sha256")
        known = code if isinstance(code, str) and re.fullmatch("[0-9a-f]{64}", code) else None
        kind = _KINDS[answer.get("notes") is True, answer.get("resumable") is True]
        self._instances += 1
        return kind(self, self._instances - 1, configuration, known)

    def ask(self, kind: str, wanted: str, *payloads: Any, **fields: Any) -> Message:
        """Send an order and return its answer, which must be of the wanted kind."""
        self.send(kind, *payloads, **fields)
        return self.receive(wanted)

    def send(self, kind: str, *payloads: Any, **fields: Any) -> None:
        """Send an order, or the lanes' answer."""
        with self._explained():
            self._wire.send(kind, *payloads, **fields)

    def receive(self, *wanted: str) -> Message:
        """The next message, which must be of one of these kinds."""
        with self._explained():
            message = self._wire.receive()
        kind = message.head["kind"]
        if kind == "failed" and "failed" not in wanted:
            raise failed(message.head)
        if kind not in wanted:
            raise LearnerError(
                f"the learner says {printable(kind)[:40]!r} where {' or '.join(wanted)} is due; "
                "it must speak as suite.contained.client does"
            )
        return message

    def send_files(self, folder: Path) -> None:
        """Hand a folder of the harness over."""
        with self._explained():
            send_folder(self._wire, folder)

    def receive_files(self, folder: Path) -> None:
        """Take what the learner has written."""
        with self._explained():
            receive_folder(self._wire, folder, self.output_bytes)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say why the other side ended, where the box knows it."""
        try:
            yield
        except WireError as error:
            reason = self._box.why_ended() or str(error)
            raise LearnerError(f"the learner in its box: {reason}") from error


class BoxedLearner:
    """An instance of a learner in its box (see suite.learners.contract.Learner).

    Args:
        referee: to ask.
        instance: its number in the box.
        configuration: as the learner says.
        code_sha256: of the learner's code, as the box says; None: it does not.
    """

    def __init__(
        self, referee: _Referee, instance: int, configuration: Mapping[str, Any], code_sha256: str | None
    ) -> None:
        self.configuration, self.code_sha256 = configuration, code_sha256
        self._referee, self._instance = referee, instance

    def learn(self, env: LaneEnv) -> None:
        """Serve the lanes to the learner until it says that it has learned."""
        referee = self._referee
        shape = LaneShape.of_env(env)
        referee.send(
            "learn",
            instance=self._instance,
            lanes=shape.lanes,
            actions=shape.actions,
            observation_shape=shape.observation,
            budget_frames=env.budget_frames,
        )
        while (kind := (message := referee.receive(*_WHILE_LEARNING)).head["kind"]) != "learned":
            try:
                if kind == "safe_point":
                    self._at_safe_point(env)
                    referee.send("go_on")
                elif kind == "reset":
                    referee.send("lanes", env.reset()[0])
                else:
                    _send_step(referee, *env.step(_actions(message)))
            except (BudgetExhausted, ValueError) as error:
                referee.send("raised", error=type(error).__name__, reason=str(error))

    def act(
        self, observations: npt.NDArray[np.uint8], episode_start: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Ask for actions; the lanes check them."""
        answer = self._referee.ask(
            "act",
            "acted",
            observations,
            instance=self._instance,
            shape=observations.shape,
            episode_start=episode_start.tolist(),
        )
        try:
            return _actions(answer)
        except ValueError as error:
            raise LearnerError(f"the learner's act: {error}") from error

    def save(self, folder: Path) -> None:
        """Take the files that the learner saves."""
        self._take("save", folder)

    def load(self, folder: Path) -> None:
        """Hand the learner the files of a checkpoint."""
        self._hand_over("load", folder)

    def _at_safe_point(self, env: LaneEnv) -> None:
        """No snapshot is taken of a learner that could not go on from it."""

    def _take(self, kind: str, folder: Path) -> None:
        self._referee.send(kind, instance=self._instance)
        self._referee.receive_files(folder)

    def _hand_over(self, kind: str, folder: Path) -> None:
        size = folder_bytes(folder)
        self._referee.send(kind, instance=self._instance, size_bytes=size)
        self._referee.send_files(folder)
        self._referee.receive("loaded")


class BoxedNoteWriter(BoxedLearner):
    """A boxed learner that leaves notes (see suite.learners.contract.NoteWriter)."""

    def write_notes(self, folder: Path) -> None:
        """Take the notes that the learner writes."""
        self._take("notes", folder)


class BoxedResumable(BoxedLearner):
    """A boxed learner that can be resumed (see suite.learners.contract.Resumable)."""

    def save_state(self, folder: Path) -> None:
        """Take the state that the learner writes."""
        self._take("save_state", folder)

    def load_state(self, folder: Path) -> None:
        """Hand the learner the state that it goes on from."""
        self._hand_over("load_state", folder)

    def _at_safe_point(self, env: LaneEnv) -> None:
        env.safe_point(self.save_state)


class BoxedResumableNoteWriter(BoxedNoteWriter, BoxedResumable):
    """A boxed learner that leaves notes and can be resumed."""


_KINDS: Mapping[tuple[bool, bool], type[BoxedLearner]] = {
    (False, False): BoxedLearner,
    (True, False): BoxedNoteWriter,
    (False, True): BoxedResumable,
    (True, True): BoxedResumableNoteWriter,
}
"""By whether a learner writes notes, and whether it can be resumed."""


def _actions(message: Message) -> npt.NDArray[np.int64]:
    """The learner's actions; the lanes check shape, type and range.

    Raises:
        ValueError: it is no short list of numbers, of which numpy might make an array of any size.
    """
    given = message.head.get("actions")
    if (
        not isinstance(given, list)
        or len(given) > _MAX_ACTIONS
        or not all(type(one) in (int, float) for one in given)
    ):
        raise ValueError(f"actions that are no list of at most {_MAX_ACTIONS} numbers cannot be played")
    found: npt.NDArray[np.int64] = np.array(given)
    return found


def _send_step(
    referee: _Referee,
    observations: npt.NDArray[np.uint8],
    rewards: npt.NDArray[np.float64],
    terminated: npt.NDArray[np.bool_],
    truncated: npt.NDArray[np.bool_],
    infos: Mapping[str, Any],
) -> None:
    over = np.flatnonzero(infos["_final_obs"]).tolist() if infos else []
    referee.send(
        "lanes",
        observations,
        *([infos["final_obs"][over]] if over else []),
        rewards=rewards.tolist(),
        terminated=terminated.tolist(),
        truncated=truncated.tolist(),
        over=over,
    )
