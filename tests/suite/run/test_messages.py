"""Messages of a run's process: a line of JSON each, of one kind each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import LearnerError
from suite.run.messages import Begun, Failed, Measured, Played, Point, message_line, read_message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
POINTS = st.builds(Point, st.text(), st.integers(0, 2**53), st.floats(allow_nan=False, allow_infinity=False))
MESSAGES = st.one_of(
    st.builds(
        Begun,
        configuration=st.dictionaries(st.text(), JSON, max_size=3),
        configuration_digest=st.text(),
        started_at=st.text(),
    ),
    st.builds(Played, steps=st.integers(0, 2**53)),
    st.builds(Measured, points=st.lists(POINTS, max_size=3).map(tuple)),
    st.builds(Failed, error=st.text()),
)


@given(MESSAGES)
def test_a_message_is_read_as_it_was_written(message):
    """Each message is one line, and reading it gives the same message of the same kind."""
    line = message_line(message)
    assert "\n" not in line
    assert read_message(line.encode()) == message
    assert type(read_message(line.encode())) is type(message)


@pytest.mark.parametrize(
    "line", [b"", b"hello", b"{}", b'{"steps": 3}', b'{"kind": "played"}', b'{"kind": "played", "steps": "3"}']
)
def test_what_is_no_message_is_refused_with_its_words(line):
    """A line of another program, of no kind, or with a field of another type is not a message."""
    with pytest.raises(LearnerError, match="no message of a run") as refused:
        read_message(line)
    assert repr(line) in str(refused.value)


def test_any_error_text_can_be_sent():
    """A file's name that is no UTF-8 is sent with escapes."""
    sent = read_message(message_line(Failed(error="no file 'a\udcff'")).encode())
    assert sent == Failed(error="no file 'a\\udcff'")
