"""Rule T1 accuses few honest labs and many cheats, in simulated submissions (docs/verification.md)."""

import pytest

from suite.scoring.retraining import REJECTING_P
from tests.bench.retraining import CLAIMS, accused

SUBMISSIONS = 600
TEST_ERROR = (REJECTING_P * (1 - REJECTING_P) / SUBMISSIONS) ** 0.5
pytestmark = pytest.mark.slow
CLAIM = {claim.name: claim for claim in CLAIMS}


@pytest.mark.parametrize("name", ["honest", "honest, seeds correlated"])
def test_honest_labs_are_accused_at_the_level(name):
    """At most 1 % of honest submissions are accused, within three errors of the simulation."""
    assert accused(CLAIM[name], 4, SUBMISSIONS, seed=1) <= REJECTING_P + 3 * TEST_ERROR


def test_the_best_of_many_evaluations_is_found():
    """Evaluation episodes that are the best of 30 are found in more than half of the submissions, by 4 runs."""
    assert accused(CLAIM["evaluation, best of 30"], 4, 100, seed=1) > 0.5


@pytest.mark.parametrize("name", ["transfer x 5", "transfer x 5, pre-training x 0.8"])
def test_transfer_runs_alone_are_found(name):
    """Transfer runs that claim five times what they earn are found in half of the submissions, by 13 runs."""
    assert accused(CLAIM[name], 13, 60, seed=1) > 0.5
