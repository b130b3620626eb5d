"""Sacred keeps a configuration as it is, whatever keys a learner gives it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import parse_run_id
from suite.tracking.documents import configuration_document
from tests.suite.helpers import V1

KEYS = st.sampled_from(["py/", "json://", "", "$", ".", ",", "=", "\0", "_"]).flatmap(
    lambda start: st.sampled_from(["", "object", "type", "id", "ref", "tuple", "[", "1"]).map(start.__add__)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.filterwarnings("ignore:pkg_resources")
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_every_configuration_comes_through_sacred(configuration):
    """Whatever its keys, a configuration comes out of Sacred's copying as it went in."""
    from sacred.serializer import flatten, restore

    run_id = parse_run_id("smoke/fresh/breakout/seed0", V1)
    document = configuration_document(run_id, "0" * 64, "x:make", configuration, "0" * 64)
    assert restore(flatten(document)) == document
    assert len(document["configuration"]) == len(configuration)
