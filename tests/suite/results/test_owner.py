"""A results folder has one owner, while runs are played in it and after they are complete."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from protocol import ForeignProtocol, plan
from suite.results.owner import OWNER, Owner, claim
from suite.results.store import RECORD, Store
from tests.suite.helpers import V1

RUNS = [run.run_id for run in plan(V1, V1.edition("smoke"))]
OURS, THEIRS = (
    Owner(learner=f"{name}:make", configuration_digest=digit * 64, image_sha256=None)
    for name, digit in (("ours", "0"), ("theirs", "1"))
)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "results", V1)


def test_the_first_run_makes_a_folder_its_own(store):
    """While it is played, runs of the same owner may join, and others are refused by name."""
    with store.new_run(RUNS[0]):
        claim(store, RUNS[0], OURS)
        with store.new_run(RUNS[1]), store.new_run(RUNS[2]):
            claim(store, RUNS[1], OURS)
            with pytest.raises(ForeignProtocol, match=r"plays runs of ours:make with configuration 0{12}, not"):
                claim(store, RUNS[2], THEIRS)
    assert {path.name for path in store.folder.iterdir()} == {OWNER, "fresh", "logs"}


def test_complete_runs_keep_their_folder(store):
    """When no run is played any more, complete ones still refuse another owner."""
    with store.new_run(RUNS[0]) as folder:
        claim(store, RUNS[0], OURS)
        (folder / RECORD).touch()
    with store.new_run(RUNS[1]):
        claim(store, RUNS[1], OURS)
        with pytest.raises(ForeignProtocol, match="choose another folder with --out"):
            claim(store, RUNS[1], THEIRS)


def test_what_was_broken_off_owns_nothing(store):
    """After a try that completed no run, the folder may become another's, whatever its file says."""
    with pytest.raises(ZeroDivisionError), store.new_run(RUNS[0]):
        claim(store, RUNS[0], OURS)
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), store.new_run(RUNS[0]), store.new_run(RUNS[1]):
        claim(store, RUNS[0], THEIRS)
        with pytest.raises(ForeignProtocol, match="of theirs:make"):
            claim(store, RUNS[1], OURS)
        (store.folder / OWNER).write_text("{")
        with pytest.raises(ForeignProtocol, match="of another learner"):
            claim(store, RUNS[1], OURS)
        raise ZeroDivisionError
    (store.folder / OWNER).write_text("{")
    with store.new_run(RUNS[1]):
        claim(store, RUNS[1], OURS)


@pytest.mark.parametrize("played", [OURS, THEIRS])
def test_runs_side_by_side_follow_what_was_broken_off(store, played):
    """A folder whose only try was broken off accepts several runs at once, of its own learner or of another."""
    with pytest.raises(ZeroDivisionError), store.new_run(RUNS[0]):
        claim(store, RUNS[0], OURS)
        raise ZeroDivisionError
    with store.new_run(RUNS[0]), store.new_run(RUNS[1]), store.new_run(RUNS[2]):
        for run_id in RUNS[:3]:
            claim(store, run_id, played)


def test_of_many_that_begin_at_once_one_goes_on(store):
    """Of eight owners that begin in an empty folder at the same moment, seven are refused."""
    begin = threading.Barrier(8)

    def play(place: int) -> bool:
        with store.new_run(RUNS[place]):
            begin.wait()
            try:
                claim(store, RUNS[place], OURS.model_copy(update={"learner": f"learner{place}:make"}))
            except ForeignProtocol:
                return False
            finally:
                begin.wait()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(play, range(8))) == 1
