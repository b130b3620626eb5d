"""The messages that a run's process writes for its parent, and what a run reports inside the process.

A message is one line of JSON; its ``kind`` says which model it is. The order comes the other way, as a
``suite.run.job.Job``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from protocol import Frozen, LearnerError, Phase

Status = Literal["complete", "failed", "skipped", "stopped", "elsewhere"]
"""The ways in which a run can end; ``elsewhere``: another process plays it."""


STOPPED_STATUS, BUSY_STATUS = 130, 75
"""The exit statuses of a run's process that was interrupted, and of one whose run another process plays."""


class Begun(Frozen):
    """The learner has been made and its configuration is right: the run begins. Sent once.

    Attributes:
        configuration: the learner's hyper-parameters, JSON-able.
        configuration_digest: of these.
        started_at: as in the run's record.
    """

    kind: Literal["begun"] = "begun"
    configuration: dict[str, Any]
    configuration_digest: str
    started_at: str


class Played(Frozen):
    """The progress of the run. Sent now and then.

    Attributes:
        steps: the agent steps, of training and evaluation, that have been played over all lanes; a lane that
            has finished its evaluation counts on until all have.
        resumed_steps: how many of them before this process went on with the run; 0: it began it.
    """

    kind: Literal["played"] = "played"
    steps: int
    resumed_steps: int = 0


class Point(NamedTuple):
    """One value of a metric.

    Attributes:
        name: of the metric.
        frames: where it stands: the training frames that the run had played, over all games.
        value: the value.
    """

    name: str
    frames: int
    value: float


class Measured(Frozen):
    """New points of the run's metrics. Sent at each hundredth of the run, at most."""

    kind: Literal["measured"] = "measured"
    points: tuple[Point, ...]


def _encodable(text: str) -> str:
    """With escapes for what UTF-8 does not have, such as parts of a file's name."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class Failed(Frozen):
    """The run cannot go on. Sent once, as the last message.

    Attributes:
        error: what went wrong, in words.
        disk_full: whether that is a full disk.
    """

    kind: Literal["failed"] = "failed"
    error: Annotated[str, BeforeValidator(_encodable)]
    disk_full: bool = False


Message = Begun | Played | Measured | Failed
_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def message_line(message: Message) -> str:
    """A message as one line of JSON, without its end."""
    return message.model_dump_json()


def read_message(line: bytes) -> Message:
    """The message that a line holds.

    Raises:
        LearnerError: it holds none: something other than the run has written to the process's output.
    """
    try:
        return _MESSAGES.validate_json(line)
    except ValidationError as error:
        raise LearnerError(
            f"a run's process wrote {line[:60]!r}, which is no message of a run; a learner may print, but must "
            "leave the open files of its process alone"
        ) from error


@dataclass(frozen=True)
class Closing:
    """The end of a run's process, which its parent adds after the last message, for those who follow it.

    Attributes:
        status: of the run.
        error: why it is not complete; empty where it is.
    """

    status: Status
    error: str


@dataclass(frozen=True)
class EpisodeEnd:
    """An episode has ended.

    Attributes:
        phase: training or evaluation.
        game: ale-py's name.
        episode_return: the sum of its raw rewards, in game points.
        steps: the agent steps that the run had played by then, over all lanes.
    """

    phase: Phase
    game: str
    episode_return: int
    steps: int


@dataclass(frozen=True)
class Overrun:
    """The learner goes on whatever the lanes say: nothing but the end of its process will stop it.

    Attributes:
        error: what went wrong, in words.
    """

    error: str


Listener = Callable[[Begun | Played | EpisodeEnd | Overrun], None]
"""Takes what a run reports inside its process."""
