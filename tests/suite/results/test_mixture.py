"""The differences between the runs of a folder are reported, and equal runs are no mixture."""

import pytest

from suite.results.mixture import mixtures
from tests.suite.results.records import RECORD, part


def test_runs_that_are_alike_are_no_mixture():
    """Runs that were all played on the same device, CPU, code and versions give no line."""
    assert mixtures([RECORD] * 3) == []
    assert mixtures([]) == []


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"device": "cuda"}, f"2 devices: {RECORD.device} (2 runs), cuda (1 run)"),
        ({"cpu": "another"}, f"2 types of CPU: {RECORD.cpu} (2 runs), another (1 run)"),
        ({"code_commit": "b" * 40 + "-dirty"}, "bbbbbbbbbbbb-dirty (1 run)"),
        (
            {"learner_code_sha256": "b" * 64},
            "the learner's code: unknown (2 runs), bbbbbbbbbbbb (1 run)",
        ),
        ({"versions": RECORD.versions | {"torch": "0"}}, "2 versions of torch"),
        ({"resumed_from": (part("cuda"),)}, f"2 devices: {RECORD.device} (3 runs), cuda (1 run)"),
        (
            {"device": "cuda", "resumed_from": (part("cuda"),)},
            f"2 devices: {RECORD.device} (2 runs), cuda (1 run)",
        ),
    ],
)
def test_a_difference_is_a_line_with_its_runs(changed, line):
    """Each thing that differs is one line with its values, and with how many runs have which."""
    (found,) = mixtures([RECORD, RECORD, RECORD.model_copy(update=changed)])
    assert line in found
