"""Scoring the largest edition takes seconds."""

import pytest

from tests.bench.scoring import EPISODES, score_in_process
from tests.bench.synthetic import write_results
from tests.suite.helpers import V1

pytestmark = pytest.mark.slow


def test_a_million_episodes_are_scored_in_seconds(tmp_path):
    """The full edition with a million episodes: under 20 core seconds and 2 GB, 2,000 resamples included."""
    write_results(tmp_path, V1, V1.edition("full"), EPISODES, seed=0)
    found = score_in_process(tmp_path, "full")
    print(found)
    assert found["processor_seconds"] < 20
    assert found["peak_memory_bytes"] < 2e9
