"""The cost of runs: tables that can be checked by hand, and properties of all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import Run, RunId, plan
from suite.benchmark.cost import (
    CONSOLE_BYTES,
    Pace,
    estimate,
    longest_chain,
    schedule_seconds,
    steps,
    volume,
)
from suite.results.ledger import LEDGER_BYTES_PER_RUN, LEDGER_BYTES_PER_STEP
from suite.run.space import JOURNAL_BYTES_PER_STEP, LEDGER_COPIES
from tests.suite.helpers import V1

PACE = Pace(
    training_steps_per_second=100.0,
    evaluation_steps_per_second=200.0,
    memory_bytes=1_000_000_000,
    checkpoint_bytes=8_000_000,
)
SMOKE = plan(V1, V1.edition("smoke"))


def run(seed: int, budget_frames: int, starts_from: int | None = None) -> Run:
    """A run of one game, identified by its seed alone; no evaluation."""
    ancestor = None if starts_from is None else RunId("smoke", "pretrain", 0, None, starts_from)
    run_id = RunId("smoke", "pretrain", 0, None, seed)
    return Run(run_id, "0" * 64, ("pong",), budget_frames, ancestor, 0, 0, 4)


def by_id(runs: list[Run], seconds: list[float]) -> dict[RunId, float]:
    return {one.run_id: length for one, length in zip(runs, seconds, strict=True)}


def test_smoke_by_hand():
    """The sums for 3 games, 3 folds of one, 2 seeds, 2,000 steps per game, 8 episodes of 1,000 steps."""
    fresh, pretrain, generalist = SMOKE[0], SMOKE[6], SMOKE[-1]
    assert steps(fresh) == (2_000, 8_000)
    assert steps(pretrain) == (4_000, 0)
    assert steps(generalist) == (6_000, 24_000)
    amount = volume(SMOKE)
    assert amount.runs == 20
    assert amount.training_steps == 6 * 2_000 + 6 * 4_000 + 6 * 2_000 + 2 * 6_000
    assert amount.evaluation_steps == 12 * 8_000 + 2 * 24_000
    ledgers = LEDGER_BYTES_PER_STEP * 204_000 + LEDGER_BYTES_PER_RUN * 20
    assert amount.ledger_bytes == round(LEDGER_COPIES * ledgers)


def test_hours_and_bytes_by_hand():
    """At 100 training and 200 evaluation steps per second, smoke takes 600 + 720 seconds of a core."""
    one = estimate(SMOKE, V1, PACE, jobs=1)
    assert one.core_hours == one.wall_hours == pytest.approx((600 + 720) / 3600)
    # a generalist: 60 + 120 s; pretrain and transfer together: 40 + 20 + 40 s
    assert one.longest_chain_hours == pytest.approx(180 / 3600)
    assert one.checkpoint_bytes == 20 * 8_000_000
    assert one.memory_bytes == 1_000_000_000 + 8 * 3 * CONSOLE_BYTES
    assert one.journal_bytes == 30_000 * JOURNAL_BYTES_PER_STEP  # of a generalist
    side_by_side = estimate(SMOKE, V1, PACE, jobs=50, cores_per_run=3)
    assert side_by_side.core_hours == pytest.approx(3 * one.core_hours)
    assert side_by_side.wall_hours == pytest.approx(one.longest_chain_hours)
    assert side_by_side.memory_bytes == 20 * one.memory_bytes


def test_nothing_missing_costs_nothing():
    """No runs take no time and no space."""
    assert set(volume([]).model_dump().values()) == {0}
    assert set(estimate([], V1, PACE, jobs=2).model_dump(exclude={"jobs"}).values()) == {0}


def test_a_chain_counts_what_is_missing():
    """A run waits for the run that it starts from only if that one is to be played, too."""
    runs = [run(0, 32), run(1, 32, starts_from=0), run(2, 32, starts_from=9)]
    assert longest_chain(runs, by_id(runs, [10, 5, 12])) == 15
    assert schedule_seconds(runs, by_id(runs, [10, 5, 12]), jobs=2) == 15


def test_the_largest_budget_is_played_first():
    """With two jobs, the run of budget 96 is played next to 64 and 32, one after the other."""
    runs = [run(0, 32), run(1, 64), run(2, 96)]
    seconds = by_id(runs, [1, 2, 3])
    assert [schedule_seconds(runs, seconds, jobs) for jobs in (1, 2, 3)] == [6, 3, 3]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 100), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 5),
)
def test_the_wall_clock_lies_between_its_bounds(drawn, jobs):
    """No schedule beats the longest chain or the cores, and none takes longer than both bounds together."""
    runs = [
        run(seed, 32 * budget, starts_from=seed - 1 if seed and waits else None)
        for seed, (budget, _, waits) in enumerate(drawn)
    ]
    seconds = by_id(runs, [float(length) for _, length, _ in drawn])
    total, chain = sum(seconds.values()), longest_chain(runs, seconds)
    wall = schedule_seconds(runs, seconds, jobs)
    assert max(chain, total / jobs) <= wall + 1e-9
    assert wall <= total / jobs + chain + 1e-9
