"""What a folder of mixed runs is told to be."""

import pytest

from protocol import RunRecord, Stretch
from suite.results.mixture import joined, mixtures
from tests.test_published_formats import DATA

RECORD = RunRecord.model_validate_json((DATA / "v1/record.json").read_bytes())


def stretch(device: str) -> Stretch:
    """The first part of a run that was resumed, played as RECORD was, on this device."""
    return Stretch(
        until_steps=8,
        device=device,
        cpu=RECORD.cpu,
        code_commit=RECORD.code_commit,
        versions=RECORD.versions,
        wall_seconds=1,
    )


def test_runs_that_are_alike_are_no_mixture():
    """Where all runs were played on the same, there is nothing to say."""
    assert mixtures([RECORD] * 3) == []
    assert mixtures([]) == []


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"device": "cuda"}, f"2 devices: {RECORD.device} (2 runs), cuda (1 runs)"),
        ({"cpu": "another"}, f"2 types of CPU: {RECORD.cpu} (2 runs), another (1 runs)"),
        ({"code_commit": "b" * 40 + "-dirty"}, "bbbbbbbbbbbb-dirty (1 runs)"),
        ({"versions": RECORD.versions | {"torch": "0"}}, "2 versions of torch"),
        ({"resumed_from": (stretch("cuda"),)}, f"2 devices: {RECORD.device} (3 runs), cuda (1 runs)"),
        (
            {"device": "cuda", "resumed_from": (stretch("cuda"),)},
            f"2 devices: {RECORD.device} (2 runs), cuda (1 runs)",
        ),
    ],
)
def test_what_differs_is_told_with_its_runs(changed, line):
    """Each thing that differs is one line with its values, and with how many runs have which."""
    (told,) = mixtures([RECORD, RECORD, RECORD.model_copy(update=changed)])
    assert line in told


def test_parts_that_were_played_on_the_same_are_one():
    """However often a run stops on one machine, that is one part, as long as all of them together."""
    devices = ("cpu", "cpu", "cuda", "cuda", "cpu")
    parts = [stretch(device).model_copy(update={"until_steps": 8 + at}) for at, device in enumerate(devices)]
    found = joined(parts)
    assert [(one.device, one.until_steps, one.wall_seconds) for one in found] == [
        ("cpu", 9, 2),
        ("cuda", 11, 2),
        ("cpu", 12, 1),
    ]
    assert joined(found) == found
    assert joined(()) == ()
