"""A run that stalls is ended; one that was paused together with the process that watches it is not."""

from types import SimpleNamespace

import pytest

from suite.benchmark import supervision
from suite.benchmark.supervision import Supervisor


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """A clock that the test moves."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(supervision, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


@pytest.mark.parametrize(("looks", "seconds", "is_ended"), [(1, 7200.0, False), (20_000, 0.5, True)])
def test_only_time_in_which_the_run_could_play_counts(clock, tmp_path, looks, seconds, is_ended):
    """Two hours between two looks were a pause; two hours of looks without a step are a stall."""
    (tmp_path / "log").touch()
    asked = []
    process = SimpleNamespace(interrupt=lambda: asked.append(clock.seconds))
    job = SimpleNamespace(stall_minutes=60.0, foreground=False)
    supervisor = Supervisor(
        process, str(tmp_path / "log"), job, lambda: False, lambda message: None, lambda: False
    )
    for _ in range(looks):
        clock.seconds += seconds
        if not asked:
            supervisor._look()
    assert bool(asked) is is_ended
    assert ("no step for 60 minutes" in supervisor.error) is is_ended
