"""A learner's pace: from the runs in a folder, or from a short play on this machine.

The short play has its own process, started like that of a run. It trains on practice lanes, saves, and lets the
saved learner act. Only the second half of each phase counts, because at first a learner may only play (DQN),
and consoles are loaded. As a script: ``python -m suite.benchmark.pace LEARNER GAME...`` prints the pace as
JSON.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from protocol import (
    AmtlbError,
    BudgetExhausted,
    Edition,
    LearnerError,
    Phase,
    Protocol,
    Run,
    RunRecord,
    current_protocol,
)
from suite.benchmark.cost import Pace
from suite.benchmark.process import answer_of
from suite.digests import folder_bytes
from suite.learners.answering import answer_stream, say_error
from suite.learners.hyperparameters import VARIABLE
from suite.machine import cpu_type, peak_memory_bytes
from suite.results.journal import JournalRecorder
from suite.results.store import Store

if TYPE_CHECKING:
    from suite.lanes.environment import (
        LaneEnv,
    )  # it imports the emulator, which the caller does not need

TRAINING_STEPS = 8_000
"""Agent steps of the short play: eight rollouts of PPO; DQN learns after the first 160 steps."""
EVALUATION_STEPS = 2_000
MOST_MINUTES = 3.0
"""A short play that takes longer is stopped."""


def pace_of_runs(store: Store, complete: Sequence[Run], device: str, workers: int) -> tuple[Pace, int] | None:
    """The pace of the complete runs that were played as the next ones will be, and the number of these runs.

    Only runs count that were played on this type of CPU, on the same device, with the same number of workers,
    and without interruption. The time that a run took besides its training counts as evaluation, so it includes
    the start of the run. If no run was evaluated, the evaluation is assumed to be as slow as the training.

    Args:
        store: contains the runs, with their checkpoints.
        complete: its complete runs.
        device: of the next runs.
        workers: of the next runs.

    Returns:
        None: there are no such runs.
    """
    played = (cpu_type(), device, workers)
    records = [(run, store.record(run.run_id)) for run in complete]
    alike = {
        run.run_id: record
        for run, record in records
        if (record.cpu, record.device, record.workers) == played
        and not record.resumed_from
        and record.training_steps_per_second > 0
    }
    if not alike:
        return None
    training, evaluation = _rates(list(alike.values()), store.protocol.environment.frame_skip)
    pace = Pace(
        training_steps_per_second=training,
        evaluation_steps_per_second=evaluation,
        memory_bytes=max(record.peak_memory_bytes for record in alike.values()),
        checkpoint_bytes=max(folder_bytes(store.checkpoint_path(run_id)) for run_id in alike),
    )
    return pace, len(alike)


def _rates(records: Sequence[RunRecord], frame_skip: int) -> tuple[float, float]:
    """Agent steps per second of training and of evaluation."""
    training_steps = training_seconds = evaluation_steps = evaluation_seconds = 0.0
    for record in records:
        own_steps = record.budget_frames / frame_skip
        own_seconds = own_steps / record.training_steps_per_second
        training_steps += own_steps
        training_seconds += own_seconds
        if evaluated := sum(game.evaluation_frames for game in record.games):
            evaluation_steps += evaluated / frame_skip
            evaluation_seconds += record.wall_seconds - own_seconds
    training = training_steps / training_seconds
    return training, evaluation_steps / evaluation_seconds if evaluation_seconds > 0 else training


def measured_games(edition: Edition) -> tuple[str, str]:
    """The two games of an edition for a short play: its first and one from the middle."""
    return edition.games[0], edition.games[len(edition.games) // 2]


def measure(learner: str, games: Sequence[str], device: str, hyperparameters: str = "") -> Pace:
    """Let a learner play for a short while on this machine, in a fresh process.

    Args:
        learner: ``module:function``.
        games: that the practice lanes play.
        device: what the learner finds in ``AMTLB_DEVICE``.
        hyperparameters: given to the learner, as JSON; empty: none.

    Raises:
        LearnerError: it failed, or takes too long.
    """
    said = answer_of(
        "suite.benchmark.pace",
        learner,
        *games,
        doing=f"a play of {TRAINING_STEPS:,} agent steps",
        minutes=MOST_MINUTES,
        **{"AMTLB_DEVICE": device, VARIABLE: hyperparameters},
    )
    return Pace.model_validate_json(said)


def _play(name: str, games: tuple[str, ...]) -> Pace:
    """Train, save and act in this process."""
    import pyarrow as pa

    from suite.learners.contract import find_learner
    from suite.run.evaluation import evaluate

    protocol = current_protocol()
    make = find_learner(name)
    pa.array([0])  # Arrow reserves 1 GB for itself, and uses what it needs of it
    held, reserved = _status_bytes("VmRSS"), _status_bytes("VmData")
    learner = make(0, protocol.lanes)
    with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
        saved = Path(scratch) / "saved"
        saved.mkdir()
        training = _steps_per_second(
            learner.learn, protocol, games, TRAINING_STEPS, saved.with_name("training")
        )
        # A buffer that fills up over a longer run is already reserved, but not yet in memory.
        memory = max(peak_memory_bytes(), held + _status_bytes("VmData") - reserved)
        learner.save(saved)
        player = make(1, protocol.lanes)
        player.load(saved)
        acting = _steps_per_second(
            partial(evaluate, player), protocol, games, EVALUATION_STEPS, saved.with_name("acting")
        )
        return Pace(
            training_steps_per_second=training,
            evaluation_steps_per_second=acting,
            memory_bytes=memory,
            checkpoint_bytes=folder_bytes(saved),
        )


class Clocked(JournalRecorder):
    """A journal that also times each vector step, and notes the steps before which consoles were loaded.

    Args:
        path: the journal; it must not exist.
        lanes: how many lanes.
    """

    def __init__(self, path: Path, lanes: int) -> None:
        super().__init__(path, lanes)
        self._lanes = lanes
        self._times: list[float] = []
        self._loaded: set[tuple[int, str]] = set()
        self._loading: set[int] = set()

    def begin(self, lane: int, phase: Phase, number: int, game: str, seed: int) -> None:
        """An episode begins; a console is loaded for a lane's first episode of a game."""
        super().begin(lane, phase, number, game, seed)
        if (lane, game) not in self._loaded:
            self._loaded.add((lane, game))
            self._loading.add(len(self._times))

    def step(self, actions: npt.NDArray[np.uint8], rewards: npt.NDArray[np.int32]) -> None:
        """All lanes were stepped."""
        super().step(actions, rewards)
        self._times.append(time.monotonic())

    @property
    def steps(self) -> int:
        """The agent steps played so far."""
        return self._lanes * len(self._times)

    @property
    def steps_per_second(self) -> float:
        """Agent steps per second over the second half, without the steps in which a console was loaded.

        A run loads a console once in many thousand steps, a short play once in a hundred.
        """
        times = self._times
        second_half = range(len(times) // 2, len(times))
        seconds = [times[step] - times[step - 1] for step in second_half if step not in self._loading]
        return self._lanes * len(seconds) / sum(seconds)


def _steps_per_second(
    play: Callable[[LaneEnv], None], protocol: Protocol, games: tuple[str, ...], steps: int, journal: Path
) -> float:
    """Agent steps per second while practice lanes are played and recorded like those of a run."""
    from suite.learners.practice import practice_lanes

    with closing(Clocked(journal, protocol.lanes)) as recorder:
        with suppress(BudgetExhausted):
            play(practice_lanes(games, steps // protocol.lanes, recorder=recorder))
        if recorder.steps < steps:
            raise LearnerError(
                f"learn returned after {recorder.steps} of {steps} agent steps; "
                "a learner plays until env.step raises BudgetExhausted"
            )
        return recorder.steps_per_second


def _status_bytes(name: str) -> int:
    """A value that Linux reports for this process's memory, such as ``VmRSS``; 0 if it reports none."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return 1024 * int(found[0]) if found else 0


def main(arguments: Sequence[str]) -> int:
    """Print a learner's pace as JSON; if that fails, the last line of standard error says why."""
    with answer_stream() as answer:
        try:
            pace = _play(arguments[0], tuple(arguments[1:]))
        except AmtlbError as error:
            return say_error(error)
        print(pace.model_dump_json(), file=answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
