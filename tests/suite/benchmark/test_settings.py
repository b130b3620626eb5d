"""The settings of a benchmark: how many runs are played side by side, and with how many processes."""

import pytest

from suite.benchmark import settings


@pytest.mark.parametrize(
    ("device", "cores", "asked", "expected"),
    [
        ("cpu", 2, (None, None), (2, 0)),
        ("cpu", 64, (None, None), (64, 0)),
        ("cpu", 8, (None, 2), (4, 2)),
        ("cpu", 8, (3, None), (3, 0)),
        ("cuda", 2, (None, None), (1, 2)),
        ("cuda", 16, (None, None), (2, 8)),
        ("cuda", 16, (None, 0), (16, 0)),
        ("cuda", 16, (16, None), (16, 1)),
        ("cuda", 16, (5, 7), (5, 7)),
    ],
)
def test_runs_and_workers_fill_the_cores(monkeypatch, device, cores, asked, expected):
    """By default, the CPU plays one run per core, and a GPU as many lane processes as cores allow."""
    monkeypatch.setattr(settings, "available_cores", lambda: cores)
    assert settings.runs_and_workers(device, 8, *asked) == expected
