"""The records that several floors use: what is stored about an episode and about a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from protocol.model import Frozen, Sha256
from protocol.seeds import Phase

EndReason = Literal["game_over", "max_frames", "no_reward", "budget"]
"""Why an episode ended: the game was over; the frame cap was reached; too many steps passed without a
reward; the frames of the game or of the run were spent."""
END_REASONS: tuple[EndReason, ...] = get_args(EndReason)
PHASES: tuple[Phase, ...] = get_args(Phase)

Count = Annotated[int, Field(ge=0, lt=2**63)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
"""At most some 30 years, so that a run's end is a date."""
_UNPRINTED = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
"""Controls, line ends, direction marks and characters without width: what schemas name of them."""


def _is_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


Line = Annotated[str, Field(max_length=200, pattern=f"^[^{_UNPRINTED}]*$"), AfterValidator(_is_printable)]
"""One line of text that can be printed unchanged."""
LearnerName = Annotated[str, Field(max_length=200, pattern="^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$")]
"""The function that makes a learner: ``module:function``, in ASCII, so that no two names look alike."""
GameName = Annotated[str, Field(max_length=64, pattern="^[a-z][a-z0-9_]*$")]
Device = Annotated[str, Field(max_length=16, pattern=r"^[a-z]+(:[0-9]+)?$")]
Versions = Annotated[dict[Line, Line], Field(max_length=100)]
"""By package."""


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """One episode. With the run id, this is enough to play it again to the bit.

    Attributes:
        phase: training or evaluation.
        lane: the console that played it, from 0.
        number: its place in the lane, from 0, over both phases.
        game: ale-py's name.
        seed: the 64-bit key of its sticky draws.
        length_steps: agent steps.
        episode_return: the sum of its raw rewards, in game points.
        end_reason: why it ended.
        actions: one byte per step, each 0 to 17.
        reward_steps: the steps, from 0, whose reward was not zero.
        rewards: those rewards, in game points.
        ram_sha256: SHA-256 of the 128 bytes of RAM after the last step (32 bytes).
    """

    phase: Phase
    lane: int
    number: int
    game: str
    seed: int
    length_steps: int
    episode_return: int
    end_reason: EndReason
    actions: bytes
    reward_steps: tuple[int, ...]
    rewards: tuple[int, ...]
    ram_sha256: bytes


class GameSpending(Frozen):
    """The frames that a run spent on one game, the game's ROM, and the emulator's conformance.

    ``conformance_sha256`` and ``pictures_sha256`` are the game's two conformance vectors, of rewards and RAM
    and of pictures, as the run's own process played them.
    """

    game: GameName
    rom_sha256: Sha256
    conformance_sha256: Sha256
    pictures_sha256: Sha256
    training_frames: Count
    training_episodes: Count
    evaluation_frames: Count
    evaluation_episodes: Count


class RunPart(Frozen):
    """A part of a run that was interrupted and resumed elsewhere or later, and the machine that played it.

    Attributes:
        until_steps: the agent steps, over all lanes and both phases, that the run had played when this part
            ended; a lane that has finished its evaluation counts on until all have.
        device: of the learner.
        cpu, code_commit, versions: as in the record.
        wall_seconds: how long it took.
    """

    until_steps: Count
    device: Device
    cpu: Line
    code_commit: Line | None
    versions: Versions
    wall_seconds: Seconds


class RunRecord(Frozen):
    """The description of a complete run, stored next to its ledger and its checkpoint.

    ``schema_version`` names this layout. Fields that a later release adds have defaults, so that every
    published record stays readable; a field never changes its meaning.

    Digests are SHA-256 in hexadecimal. ``checkpoint_in`` is the digest of the checkpoint that the learner
    started from, and ``checkpoint_out`` of the one that it ended with (over the sorted list of files and their
    digests). ``image_sha256`` is the id of the Docker image whose container ran the learner, while the harness
    kept the lanes outside it. It is None if the learner ran in the harness's process, or in another process
    next to it. ``configuration_digest`` is over the RFC 8785 canonical JSON of ``configuration``. The seeds are
    those that the learner was made with, for training and, if the run has one, for its evaluation.
    ``code_commit`` is of the suite's code. ``learner_code_sha256`` is over the files of the learner's own
    module, and of the modules next to it that it loads; None: an earlier release, or an image of one, did not
    compute it. ``notes_sha256`` is the digest of the learner's notes, computed like those of checkpoints; None:
    it has no notes. ``workers`` is the number of processes that played the lanes; 0: the run's own process did.
    If the run was interrupted, ``resumed_from`` lists all parts except the last, of which those that were
    played on the same one after another may be one; the device, CPU, commit, versions and seconds of the record
    are those of the last one.
    """

    schema_version: Literal[1]
    protocol_version: Line
    edition_digest: Sha256
    run_id: Line
    learner: LearnerName
    configuration: dict[str, Any]
    configuration_digest: Sha256
    training_seed: Count
    evaluation_seed: Count | None
    device: Device
    budget_frames: Count
    games: Annotated[tuple[GameSpending, ...], Field(max_length=200)]
    ledger_sha256: Sha256
    checkpoint_in: Sha256 | None
    checkpoint_out: Sha256
    notes_sha256: Sha256 | None
    image_sha256: Sha256 | None
    code_commit: Line | None
    learner_code_sha256: Sha256 | None = None
    versions: Versions
    cpu: Line
    started_at: Line
    wall_seconds: Seconds
    training_steps_per_second: Annotated[float, Field(ge=0, le=1e9)]
    workers: Count
    peak_memory_bytes: Count
    resumed_from: Annotated[tuple[RunPart, ...], Field(max_length=10_000)] = ()
