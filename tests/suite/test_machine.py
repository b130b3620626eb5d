"""What a run is played with on this machine."""

import pytest

from suite import machine


@pytest.mark.parametrize(
    ("device", "cores", "expected"),
    [("cpu", 2, (2, 0)), ("cpu", 64, (64, 0)), ("cuda", 2, (1, 2)), ("cuda", 16, (2, 8)), ("cuda", 3, (1, 3))],
)
def test_runs_and_workers_fill_the_cores(monkeypatch, device, cores, expected):
    """On the CPU a run a core; on a GPU a process a lane as far as cores go, and runs as that allows."""
    monkeypatch.setattr(machine, "available_cores", lambda: cores)
    assert machine.runs_and_workers(device, 8) == expected
