"""The parts of a resumed run."""

from suite.results.run_parts import joined
from tests.suite.results.records import part


def test_parts_that_were_played_on_the_same_are_one():
    """However often a run stops on one machine, that is one part, as long as all of them together."""
    devices = ("cpu", "cpu", "cuda", "cuda", "cpu")
    parts = [part(device).model_copy(update={"until_steps": 8 + at}) for at, device in enumerate(devices)]
    found = joined(parts)
    assert [(one.device, one.until_steps, one.wall_seconds) for one in found] == [
        ("cpu", 9, 2),
        ("cuda", 11, 2),
        ("cpu", 12, 1),
    ]
    assert joined(found) == found
    assert joined(()) == ()
