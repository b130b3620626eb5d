"""The engine of the tests: nothing of it stays."""

import subprocess

import pytest

from tests.image.conftest import STAND_IN, bases, make_base
from tests.image.engine import DOCKER, running_engine, traces

pytestmark = pytest.mark.image


def test_an_engine_leaves_no_trace():
    """Ended with a container at work, it leaves no process, no mount and no folder."""
    with running_engine() as engine:
        image = STAND_IN if make_base(engine) else bases()[1]
        command = [DOCKER, "run", "--network", "none", image, "sleep", "600"]
        with subprocess.Popen(command, env=engine.environment) as client:
            while not engine.answer("ps", "--quiet"):
                assert client.poll() is None
            kinds = {trace.partition(" ")[0] for trace in traces(engine)}
            assert kinds == {"process", "mount", "folder"}
            engine.answer("kill", *engine.answer("ps", "--quiet").split())
    assert traces(engine) == []
