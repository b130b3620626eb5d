"""The servers of these tests leave nothing behind."""

import subprocess

import pytest

from tests.suite.tracking.servers import WireServer, wire_server


def test_a_server_that_does_not_start_is_ended(tmp_path, monkeypatch):
    """The process of a server that does not answer in time has ended when the error is raised."""
    started = []
    popen = subprocess.Popen

    def keep(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(WireServer, "start_seconds", 0.0)
    monkeypatch.setattr(subprocess, "Popen", keep)
    with pytest.raises(TimeoutError), wire_server(tmp_path):
        pass
    assert [one.poll() is None for one in started] == [False]
