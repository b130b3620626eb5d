"""A run has one player on machines that share the disk: another machine's hold, its end, and a take-over."""

import errno
import fcntl
import os
import threading
import time

import pytest

from protocol import RunBusy, StoreError
from suite.results import player
from suite.results.player import LEASE_SECONDS, Renewal, announce, announced, held, is_held, this_machine

RUN = "smoke/fresh/breakout/seed0"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "seed0.player"


def test_a_run_has_one_player_on_this_machine(path):
    """While a process holds a run, it is held; when the block ends well, nothing is left."""
    assert not is_held(path)
    with held(path, RUN):
        assert is_held(path)
        assert path.read_text() == this_machine()
        with pytest.raises(RunBusy, match=f"run {RUN} is being played by another process"), held(path, RUN):
            pytest.fail("it must not be played")
    assert not path.exists()


def test_asking_who_plays_stops_nobody(path):
    """However often it is asked meanwhile whether a run is held, a process can take it when it is free."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            is_held(path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            with held(path, RUN):
                pass
    finally:
        over.set()
        asking.join()


def test_a_run_that_was_broken_off_here_is_free_at_once(path):
    """A run that a process of this machine held is free when the process ends, however young its file is."""
    with pytest.raises(ZeroDivisionError), held(path, RUN):
        raise ZeroDivisionError
    assert path.exists()
    assert not is_held(path)
    with held(path, RUN):
        assert is_held(path)


def test_of_machines_that_begin_a_run_at_once_one_holds_it(path, monkeypatch):
    """The file appears with its machine's name in it; who comes a moment later finds that, and leaves it."""
    link = os.link

    def be_late(new, aim):
        assert new.read_text() == this_machine()
        path.write_text("another-machine")
        link(new, aim)

    monkeypatch.setattr(os, "link", be_late)
    with pytest.raises(RunBusy, match="on another machine"), held(path, RUN):
        pytest.fail("it must not be played")
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert path.read_text() == "another-machine"


def test_what_another_machine_renews_is_held(path):
    """A file that another machine has renewed of late holds the run; nothing in it is changed."""
    path.write_text("another-machine")
    assert is_held(path)
    with pytest.raises(RunBusy, match="on another machine"), held(path, RUN):
        pytest.fail("it must not be played")
    assert path.read_text() == "another-machine"


def test_a_machine_that_is_off_holds_nothing(path, monkeypatch):
    """A file that another machine has not renewed for the lease is taken over, by who is last to write."""
    for was_first in (False, True):
        path.write_text("another-machine")
        os.utime(path, (time.time() - LEASE_SECONDS - 5,) * 2)
        assert not is_held(path)
        waited = (lambda _: path.write_text("a-third-machine")) if was_first else (lambda _: None)
        monkeypatch.setattr(player.time, "sleep", waited)
        if was_first:
            with pytest.raises(RunBusy, match="taken over by another machine"), held(path, RUN):
                pytest.fail("it must not be played")
        else:
            with held(path, RUN):
                assert path.read_text() == this_machine()


def test_a_player_renews_its_file_and_sees_that_it_has_lost_it(path):
    """The file of a run that is played is young again; where another machine has taken it, the run is lost."""
    with pytest.raises(ZeroDivisionError), held(path, RUN):
        os.utime(path, (0, 0))
        assert not Renewal(path).renew()
        assert path.stat().st_mtime > 0
        lost = Renewal(path)
        assert not lost.renew()
        path.write_text("another-machine")
        lost._next = 0.0
        assert lost.renew()
        raise ZeroDivisionError


def test_a_run_that_has_just_been_completed_is_not_lost(path):
    """When the run's process has completed it and removed the file, its parent sees no loss."""
    with held(path, RUN):
        renewal = Renewal(path)
        assert not renewal.renew()
    renewal._next = 0.0
    assert not path.exists()
    assert not renewal.renew()


def test_a_run_that_this_machine_has_not_taken_yet_is_not_lost(path):
    """Until a run's process has taken it from a machine that is off, its parent sees no loss."""
    path.write_text("another-machine")
    assert not Renewal(path).renew()


def test_who_plays_is_announced_below_the_machine(path):
    """The first line stays the machine's, and the second one says for whom the run is played."""
    with held(path, RUN):
        announce(path, RUN, "a-digest")
        assert path.read_text() == f"{this_machine()}\na-digest\n"
        assert announced(path) == "a-digest"


def test_a_run_that_was_taken_over_is_not_announced(path):
    """A process whose run another machine has taken finds that out, and the file stays the other machine's."""
    with pytest.raises(RunBusy, match="taken over by another machine"), held(path, RUN):
        path.write_text("another machine")
        announce(path, RUN, "a-digest")
    assert path.read_text() == "another machine"


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_disk_without_locks_is_named(path, monkeypatch, number):
    """A disk that locks no files is a StoreError that names the way out, rather than a full disk."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match=r"seed0\.player locks no files .*--out"), held(path, RUN):
        pytest.fail("it must not be played")
