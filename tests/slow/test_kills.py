"""Runs that are killed and called again end as if they never had been; `make kills` has more of them."""

import pytest

from tests.bench.kills import CASES, play_killed


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow if case.box else pytest.mark.long)
        for case in CASES
        if case.workers or case.box or case.changes
    ],
)
def test_a_killed_run_ends_as_the_unbroken_one(case):
    """After two kills at random moments the run has the ledger, checkpoint and notes of the unbroken one."""
    found = play_killed(case, 2, (0.0, 1.0), seed=1)
    assert found.different == ()
    assert max(found.left_steps) > 0
    assert found.parts_steps == found.left_steps[-1:]  # it went on, and did not start over; its parts are one
