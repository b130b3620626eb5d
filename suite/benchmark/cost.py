"""The cost of runs: from their steps and a learner's pace to hours, memory and disk; arithmetic only."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from protocol import Frozen, Protocol, Run, RunId
from suite.benchmark.scheduler import priority
from suite.results.ledger import LEDGER_BYTES_PER_RUN, LEDGER_BYTES_PER_STEP
from suite.run.space import JOURNAL_BYTES_PER_STEP, LEDGER_COPIES

CONSOLE_BYTES = 930_000
"""The memory of a loaded console; a lane keeps one per game that it has played (suite.lanes.engine)."""
_HOUR = 3600.0

Rate = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(ge=0)]


class Pace(Frozen):
    """The speed of one run of a learner on one type of CPU, and the memory and disk that it needs.

    Attributes:
        training_steps_per_second: agent steps of all lanes together, while it learns.
        evaluation_steps_per_second: the same while it only acts.
        memory_bytes: the peak memory of one run.
        checkpoint_bytes: of one checkpoint.
    """

    training_steps_per_second: Rate
    evaluation_steps_per_second: Rate
    memory_bytes: Bytes
    checkpoint_bytes: Bytes

    def seconds(self, run: Run) -> float:
        """The seconds of one run, with every episode of its evaluation at its cap."""
        training, evaluation = steps(run)
        return training / self.training_steps_per_second + evaluation / self.evaluation_steps_per_second


class Volume(Frozen):
    """The steps and ledgers of some runs, which are the same on any machine.

    Attributes:
        runs: the number of runs.
        training_steps: agent steps.
        evaluation_steps: agent steps at most: with every episode at its cap.
        ledger_bytes: of all ledgers, including Sacred's copies, at most.
    """

    runs: int
    training_steps: int
    evaluation_steps: int
    ledger_bytes: int


class Estimate(Frozen):
    """The cost of some runs at one pace, at most: every episode of an evaluation is counted at its cap.

    Attributes:
        jobs: runs side by side.
        core_hours: of all runs together.
        longest_chain_hours: of the longest run together with the run that it starts from, if that is missing.
        wall_hours: until the last run has ended.
        memory_bytes: of the runs side by side.
        checkpoint_bytes: of all checkpoints.
        journal_bytes: of the journals of the runs side by side, which go with them.
    """

    jobs: int
    core_hours: float
    longest_chain_hours: float
    wall_hours: float
    memory_bytes: int
    checkpoint_bytes: int
    journal_bytes: int


def steps(run: Run) -> tuple[int, int]:
    """The agent steps of a run's training, and the maximum of those of its evaluation."""
    return run.total_budget_steps, run.most_steps - run.total_budget_steps


def volume(runs: Sequence[Run]) -> Volume:
    """The steps and ledgers of these runs."""
    counts = [steps(run) for run in runs]
    training, evaluation = sum(count[0] for count in counts), sum(count[1] for count in counts)
    ledgers = LEDGER_BYTES_PER_STEP * (training + evaluation) + LEDGER_BYTES_PER_RUN * len(runs)
    return Volume(
        runs=len(runs),
        training_steps=training,
        evaluation_steps=evaluation,
        ledger_bytes=round(LEDGER_COPIES * ledgers),
    )


def estimate(
    runs: Sequence[Run], protocol: Protocol, pace: Pace, jobs: int, cores_per_run: int = 1
) -> Estimate:
    """The cost of these runs.

    Args:
        runs: the runs to be played; a run comes after the run that it starts from.
        protocol: the rules.
        pace: of the learner on the machine in question.
        jobs: runs side by side.
        cores_per_run: more than 1 if separate processes play the lanes.
    """
    seconds = {run.run_id: pace.seconds(run) for run in runs}
    longest = sorted((run.most_steps for run in runs), reverse=True)
    consoles = protocol.lanes * max((len(run.games) for run in runs), default=0)
    return Estimate(
        jobs=jobs,
        core_hours=cores_per_run * sum(seconds.values()) / _HOUR,
        longest_chain_hours=longest_chain(runs, seconds) / _HOUR,
        wall_hours=schedule_seconds(runs, seconds, jobs) / _HOUR,
        memory_bytes=min(jobs, len(runs)) * (pace.memory_bytes + consoles * CONSOLE_BYTES),
        checkpoint_bytes=len(runs) * pace.checkpoint_bytes,
        journal_bytes=round(JOURNAL_BYTES_PER_STEP * sum(longest[:jobs])),
    )


def longest_chain(runs: Sequence[Run], seconds: Mapping[RunId, float]) -> float:
    """The seconds that these runs take on a machine with unlimited cores; 0 for no runs."""
    ends: dict[RunId, float] = {}
    for run in runs:
        begin = 0.0 if run.starts_from is None else ends.get(run.starts_from, 0.0)
        ends[run.run_id] = begin + seconds[run.run_id]
    return max(ends.values(), default=0.0)


def schedule_seconds(runs: Sequence[Run], seconds: Mapping[RunId, float], jobs: int) -> float:
    """The seconds until all runs have ended, played in the order of ``suite.benchmark.edition``.

    Args:
        runs: a run comes after the run that it starts from; a run that starts from none of these may begin at
            once.
        seconds: of each run.
        jobs: runs side by side, at least 1.
    """
    places = {run.run_id: place for place, run in enumerate(runs)}
    waiting: dict[int, list[int]] = {}
    ready: list[tuple[int, int]] = []

    def offer(place: int) -> None:
        heapq.heappush(ready, (-priority(runs[place]), place))

    for place, run in enumerate(runs):
        if run.starts_from in places:
            waiting.setdefault(places[run.starts_from], []).append(place)
        else:
            offer(place)
    playing: list[tuple[float, int]] = []
    now = 0.0
    while ready or playing:
        while ready and len(playing) < jobs:
            place = heapq.heappop(ready)[1]
            heapq.heappush(playing, (now + seconds[runs[place].run_id], place))
        now, ended = heapq.heappop(playing)
        for place in waiting.get(ended, ()):
            offer(place)
    return now
