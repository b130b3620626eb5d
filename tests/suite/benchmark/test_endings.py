"""Ends of processes are told in words, whatever the signal, and however long their output."""

import signal

import pytest

from suite.benchmark.endings import end_of, how_it_ended


@pytest.mark.parametrize(
    ("status", "printed", "told"),
    [
        (-signal.SIGSEGV, "", "was ended by SIGSEGV (status -11)"),
        (-(signal.SIGRTMIN + 1), "", f"was ended by signal {signal.SIGRTMIN + 1} "),
        (3, "first\nlast", "its log ends with 'last'"),
        (3, "x" * 10**6, f"its log ends with '{'x' * 300}'"),
        (3, "", "and said nothing"),
    ],
)
def test_an_end_is_told_in_words(status, printed, told):
    """A signal has its name, or its number; the last line of the output is quoted as far as a line goes."""
    assert told in how_it_ended(status, "the run was complete", printed=printed)


def test_of_a_log_its_end_is_read(tmp_path):
    """Of what a log has grown by, the last 64 KiB are read; of a log that is not there, nothing."""
    log = tmp_path / "log"
    log.write_bytes(b"before" + b"x" * 10**6 + b"after")
    assert end_of(log, 6 + 10**6) == "after"
    assert end_of(log, 6).endswith("xafter")
    assert len(end_of(log, 6)) == 2**16
    assert end_of(tmp_path / "none", 0) == ""
