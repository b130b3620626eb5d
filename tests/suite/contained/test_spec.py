"""The options of a box, as texts give them."""

import pytest

from protocol import UnknownName
from suite.contained.spec import BoxLimits


def test_texts_set_limits_and_leave_the_others():
    """A text sets its limit alone; of two for one limit the last holds."""
    limits = BoxLimits.of_texts(["cpus=2", "memory_bytes=2097152", "cpus=0.5"])
    assert limits == BoxLimits(cpus=0.5, memory_bytes=2**21)
    assert BoxLimits.of_texts([]) == BoxLimits()


@pytest.mark.parametrize("text", ["memory=1", "cpus=-1", "cpus=two", "processes=1.5", "cpus", "=1"])
def test_limits_that_cannot_be_are_refused_by_name(text):
    """A limit that does not exist, or a value beyond its range or type, is named in the error."""
    with pytest.raises(UnknownName, match=f"--limit {text.partition('=')[0]}="):
        BoxLimits.of_texts([text])
