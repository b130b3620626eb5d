"""The state that a run is resumed from, and all that must be the same for that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from protocol import Frozen, Phase, RunPart, Sha256
from suite.digests import folder_digest
from suite.results.store import CHECKPOINT

STATE, LEARNER = "snapshot.json", "learner"
"""The parts of a snapshot: the harness's and the learner's."""


class Maker(Frozen):
    """The maker of a run: all that must be the same for the run to be resumed.

    Attributes:
        learner, configuration_digest, device, code_commit: as in the run's record.
        suite_sha256: of the suite's code (``suite.learners.sources.suite_digest``).
        code_sha256: of the learner's own code (``suite.learners.sources.code_digest``); None: not known.
        image_sha256, checkpoint_in: likewise.
        versions: of Python and the libraries; None: an older release took the snapshot.
    """

    learner: str
    configuration_digest: Sha256
    device: str
    code_commit: str | None
    suite_sha256: str
    code_sha256: str | None
    image_sha256: str | None
    checkpoint_in: Sha256 | None
    versions: dict[str, str] | None = None


class Snapshot(Frozen):
    """The harness's part of a snapshot.

    Attributes:
        run_id: of the run.
        maker: who played it.
        phase: training; evaluation: the training is over and its checkpoint saved.
        started_at: when the run began, ISO 8601.
        training_seconds: that the training has taken so far.
        played_steps: agent steps of both phases, over all lanes.
        journal_bytes: the journal's size.
        left, playing, numbers: of the training's meter (``suite.lanes.schedules.MeterState``).
        evaluated_numbers: for each lane, the number of its current evaluation episode; (): none has begun.
        episode_start: for each lane, whether its observation is an episode's first; (): no evaluation episode
            has begun. In training the learner keeps that itself.
        learner_sha256: over the files of the learner's state.
        parts: on what the run has been played until here, this part included.
    """

    schema_version: Literal[1]
    run_id: str
    maker: Maker
    phase: Phase
    started_at: str
    training_seconds: Annotated[float, Field(ge=0)]
    played_steps: Annotated[int, Field(ge=0)]
    journal_bytes: Annotated[int, Field(ge=0)]
    left: dict[str, int]
    playing: tuple[str | None, ...]
    numbers: tuple[int, ...]
    evaluated_numbers: tuple[int, ...] = ()
    episode_start: tuple[bool, ...] = ()
    learner_sha256: Sha256
    parts: tuple[RunPart, ...]


class Resumed(NamedTuple):
    """A snapshot to go on from, and the folder of the learner's part."""

    snapshot: Snapshot
    learner: Path


def why_unusable(snapshot: Snapshot, path: Path, run_id: str, maker: Maker, journal: Path) -> str | None:
    """Why a run cannot go on from a snapshot; None: it can."""
    if snapshot.run_id != run_id:
        return f"is of {snapshot.run_id}"
    for name in type(maker).model_fields:
        here, there = getattr(maker, name), getattr(snapshot.maker, name)
        if here != there and not (name == "versions" and there is None):
            return f"was taken with {name} {there}, here it is {here}"
    if not journal.is_file() or journal.stat().st_size < snapshot.journal_bytes:
        return "names more of the journal than there is"
    if snapshot.phase == "evaluation" and not (path.parent / CHECKPOINT).is_dir():
        return "needs the checkpoint of its training, which is not there"
    if folder_digest(path / LEARNER) != snapshot.learner_sha256:
        return "holds another state of the learner than it names"
    return None
