"""Snapshots stand whole or not at all, and only the run and the maker that took them go on from them."""

import os
import shutil
import signal
import time

import pytest

from protocol import StoreError
from suite.run.resumption import Maker, Snapshot
from suite.run.snapshots import Snapshots

MAKER = Maker(
    learner="baselines.ppo:make",
    configuration_digest="0" * 64,
    device="cpu",
    code_commit="1" * 40,
    suite_sha256="4" * 64,
    code_sha256="2" * 64,
    image_sha256=None,
    checkpoint_in=None,
    versions={"torch": "1"},
)
RUN = "smoke/fresh/breakout/seed0"


def snapshot(digest, **changes):
    fields = {
        "schema_version": 1,
        "run_id": RUN,
        "maker": MAKER,
        "phase": "training",
        "started_at": "2026-01-01T00:00:00+00:00",
        "training_seconds": 1.0,
        "played_steps": 80,
        "journal_bytes": 5,
        "left": {"breakout": 10},
        "playing": ("breakout",) * 8,
        "numbers": (0,) * 8,
        "learner_sha256": digest,
        "parts": (),
    }
    return Snapshot.model_validate(fields | changes)


def save(folder):
    (folder / "state.json").write_text("{}")


@pytest.fixture
def folders(tmp_path):
    """The partial folder of a run, whose journal has five bytes, and a scratch folder."""
    for name in ("run.partial", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "run.partial/journal.arrows").write_bytes(b"12345")
    return tmp_path / "run.partial", tmp_path / "scratch"


def newest(folder, scratch, run_id=RUN, maker=MAKER):
    return Snapshots(folder, scratch, 15).newest(run_id, maker, folder / "journal.arrows")


def test_the_newest_replaces_the_one_before(folders):
    """Of several snapshots the last one is found, and it alone is kept."""
    snapshots = Snapshots(*folders, 15)
    for steps in (80, 160, 240):
        snapshots.take(lambda digest, steps=steps: snapshot(digest, played_steps=steps), save)
    found = newest(*folders)
    assert found is not None
    assert found.snapshot.played_steps == 240
    assert (found.learner / "state.json").read_text() == "{}"
    assert sorted(path.name for path in folders[0].iterdir()) == ["journal.arrows", "snapshot-3"]


def test_numbers_go_on_in_another_process(folders):
    """A process that goes on counts its snapshots from the one that it found."""
    Snapshots(*folders, 15).take(snapshot, save)
    Snapshots(*folders, 15).take(snapshot, save)
    assert (folders[0] / "snapshot-2").is_dir()


def test_the_scratch_folder_may_be_gone(folders):
    """A snapshot is taken although a machine has cleaned its temporary folder meanwhile."""
    snapshots = Snapshots(*folders, 15)
    folders[1].rmdir()
    snapshots.take(snapshot, save)
    assert newest(*folders).snapshot.played_steps == 80


def test_without_room_a_run_goes_on_from_the_snapshot_before(folders, capsys):
    """A disk that fills up while a state is written is reported in the log; the last whole snapshot is kept."""

    def broken(folder):
        (folder / "half").touch()
        raise OSError("no space left")

    snapshots = Snapshots(*folders, 15)
    snapshots.take(snapshot, save)
    snapshots.take(lambda digest: snapshot(digest, played_steps=160), broken)
    assert "no snapshot could be taken (no space left)" in capsys.readouterr().err
    assert newest(*folders).snapshot.played_steps == 80
    assert [*folders[1].iterdir()] == []
    assert sorted(path.name for path in folders[0].iterdir()) == ["journal.arrows", "snapshot-1"]


def test_an_error_of_the_learner_is_not_hidden(folders):
    """Any other error while a learner writes its state ends the run, and the snapshot before is kept."""

    def broken(folder):
        raise ValueError("a mistake")

    snapshots = Snapshots(*folders, 15)
    snapshots.take(snapshot, save)
    with pytest.raises(ValueError, match="a mistake"):
        snapshots.take(snapshot, broken)
    assert newest(*folders).snapshot.played_steps == 80


@pytest.mark.parametrize(
    ("spoil", "run_id", "changes", "reason"),
    [
        (lambda folder: None, "smoke/fresh/breakout/seed1", {}, "is of smoke/fresh/breakout/seed0"),
        (lambda folder: None, RUN, {"code_commit": "2" * 40}, "code_commit"),
        (lambda folder: None, RUN, {"code_commit": None}, "code_commit"),
        (lambda folder: None, RUN, {"configuration_digest": "2" * 64}, "configuration_digest"),
        (lambda folder: None, RUN, {"learner": "mine:make"}, "here it is mine:make"),
        (lambda folder: None, RUN, {"code_sha256": "3" * 64}, "code_sha256"),
        (lambda folder: None, RUN, {"suite_sha256": "3" * 64}, "suite_sha256"),
        (lambda folder: None, RUN, {"device": "cuda"}, "device"),
        (lambda folder: (folder / "journal.arrows").write_bytes(b"1"), RUN, {}, "more of the journal"),
        (lambda folder: (folder / "journal.arrows").unlink(), RUN, {}, "more of the journal"),
        (lambda folder: (folder / "snapshot-1/learner/state.json").write_text("["), RUN, {}, "another state"),
        (lambda folder: shutil.rmtree(folder / "snapshot-1/learner"), RUN, {}, "another state"),
        (lambda folder: (folder / "snapshot-1/snapshot.json").write_text("{"), RUN, {}, "cannot be read"),
        (lambda folder: (folder / "snapshot-1/snapshot.json").unlink(), RUN, {}, "cannot be read"),
        (lambda folder: None, RUN, {"checkpoint_in": "2" * 64}, "checkpoint_in"),
        (lambda folder: None, RUN, {"versions": {"torch": "2"}}, "versions"),
    ],
)
def test_what_does_not_fit_is_not_used(folders, capsys, spoil, run_id, changes, reason):
    """A snapshot of another run or maker, or a damaged one, is passed over with its reason in the log."""
    Snapshots(*folders, 15).take(snapshot, save)
    spoil(folders[0])
    assert newest(*folders, run_id, MAKER.model_copy(update=changes)) is None
    said = capsys.readouterr().err
    assert said.startswith("the snapshot snapshot-1 ")
    assert reason in said


@pytest.mark.parametrize("numbers", [(signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM, signal.SIGINT)])
def test_a_run_that_is_to_stop_takes_a_snapshot_first(folders, numbers):
    """SIGINT and SIGTERM, and several of them at once, wait for the next snapshot, and end the run then."""
    snapshots = Snapshots(*folders, 15)
    with pytest.raises(KeyboardInterrupt), snapshots.before_stopping():
        assert not snapshots.due()
        for number in numbers:
            os.kill(os.getpid(), number)
        assert snapshots.due()
        snapshots.take(snapshot, save)
        pytest.fail("it goes on")
    assert newest(*folders).snapshot.played_steps == 80


def test_a_run_waits_for_its_snapshot_for_a_bounded_time(folders, monkeypatch):
    """A signal ends a run that comes to no safe point within STOP_SECONDS."""
    monkeypatch.setattr("suite.run.snapshots.STOP_SECONDS", 0.05)
    snapshots = Snapshots(*folders, 15)
    with pytest.raises(KeyboardInterrupt), snapshots.before_stopping():
        snapshots.due()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        pytest.fail("it goes on")


@pytest.mark.parametrize("minutes", [0, 15])
def test_a_run_without_snapshots_stops_at_once(folders, minutes):
    """Nothing is waited for where none is wanted, or the learner has never asked whether one is due."""
    snapshots = Snapshots(*folders, minutes)
    with pytest.raises(KeyboardInterrupt), snapshots.before_stopping():
        if not minutes:
            assert not snapshots.due()
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("it goes on")


def test_a_snapshot_that_cannot_be_gone_on_from_twice_is_set_aside(folders, capsys):
    """The first failure may be the machine's; after the second the run starts over."""
    snapshots = Snapshots(*folders, 15)
    snapshots.take(snapshot, save)
    for said, is_left in (("if that fails once more", True), ("the next call starts the run over", False)):
        found = newest(*folders) or pytest.fail("it is there")
        Snapshots(*folders, 15).could_not_resume(found)
        assert said in capsys.readouterr().err
        assert (newest(*folders) is not None) is is_left
    assert (folders[0] / "unused/snapshot-1/learner/state.json").read_text() == "{}"
    assert (folders[0] / "unused/journal.arrows").exists()
    Snapshots(*folders, 15).drop()
    assert not (folders[0] / "unused").exists()


def test_a_snapshot_of_an_older_release_names_no_versions(folders):
    """It is used, whatever versions are here."""
    older = MAKER.model_copy(update={"versions": None})
    Snapshots(*folders, 15).take(lambda digest: snapshot(digest, maker=older), save)
    assert newest(*folders) is not None


def test_a_snapshot_whose_code_comes_back_is_used_again(folders, capsys):
    """A run that was begun anew with other code goes on from where it was once the first code is back."""
    folder, other = folders[0], MAKER.model_copy(update={"code_commit": None})
    Snapshots(*folders, 15).take(lambda digest: snapshot(digest, played_steps=9_000_000), save)
    assert newest(*folders, maker=other) is None
    Snapshots(*folders, 15).set_aside()
    (folder / "journal.arrows").write_bytes(b"other")
    Snapshots(*folders, 15).take(lambda digest: snapshot(digest, maker=other), save)
    found = newest(*folders)
    assert found is not None
    assert found.snapshot.played_steps == 9_000_000
    assert (folder / "journal.arrows").read_bytes() == b"12345"
    assert "fits again: the run goes on from it" in capsys.readouterr().err
    back = newest(*folders, maker=other)
    assert back is not None
    assert back.snapshot.played_steps == 80
    assert (folder / "journal.arrows").read_bytes() == b"other"


def test_a_snapshot_that_failed_twice_is_not_used_again(folders):
    """A snapshot that was set aside because the run could not go on from it stays there."""
    Snapshots(*folders, 15).take(snapshot, save)
    for _ in range(2):
        Snapshots(*folders, 15).could_not_resume(newest(*folders) or pytest.fail("it is there"))
    assert newest(*folders) is None


def test_the_longer_play_stays_set_aside(folders):
    """A short play that cannot be gone on from takes no longer one's place, and is not tried for ever."""
    other = MAKER.model_copy(update={"code_commit": None})
    Snapshots(*folders, 15).take(lambda digest: snapshot(digest, played_steps=9_000_000), save)
    Snapshots(*folders, 15).set_aside()
    (folders[0] / "journal.arrows").write_bytes(b"other")
    Snapshots(*folders, 15).take(lambda digest: snapshot(digest, maker=other), save)
    for _ in range(2):
        found = newest(*folders, maker=other) or pytest.fail("it is there")
        Snapshots(*folders, 15).could_not_resume(found)
    assert newest(*folders, maker=other) is None
    assert newest(*folders).snapshot.played_steps == 9_000_000


def test_a_snapshot_that_cannot_be_read_now_ends_the_try(folders):
    """A disk that cannot read a snapshot is no reason to start over: the next try may read it."""
    Snapshots(*folders, 15).take(snapshot, save)
    state = folders[0] / "snapshot-1/snapshot.json"
    kept = state.read_bytes()
    state.unlink()
    state.symlink_to("/proc/self/mem")  # reading its begin is an error of input and output
    with pytest.raises(StoreError, match=r"cannot be read .*; try again"):
        newest(*folders)
    state.unlink()
    state.write_bytes(kept)
    assert newest(*folders) is not None


def test_a_signal_during_a_snapshot_waits_for_its_end(folders, monkeypatch):
    """A snapshot that has begun is finished, however long it takes, and the run stops then."""
    monkeypatch.setattr("suite.run.snapshots.STOP_SECONDS", 0.05)

    def slow(folder):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)
        save(folder)

    snapshots = Snapshots(*folders, 15)
    with pytest.raises(KeyboardInterrupt), snapshots.before_stopping():
        snapshots.due()
        snapshots.take(snapshot, slow)
        pytest.fail("it goes on")
    assert newest(*folders).snapshot.played_steps == 80


def test_an_evaluation_needs_its_checkpoint(folders, capsys):
    """A snapshot in evaluation beside which no checkpoint lies is passed over."""
    Snapshots(*folders, 15).take(lambda digest: snapshot(digest, phase="evaluation"), save)
    assert newest(*folders) is None
    assert "needs the checkpoint of its training" in capsys.readouterr().err
    (folders[0] / "checkpoint").mkdir()
    assert newest(*folders) is not None


def test_none_are_taken_where_none_are_wanted(folders):
    """With 0 minutes none is ever due; with a minute, neither at once nor right after one was taken."""
    assert not Snapshots(*folders, 0).due()
    snapshots = Snapshots(*folders, 1)
    assert not snapshots.due()
    snapshots._next = 0.0
    assert snapshots.due()
    snapshots.take(snapshot, save)
    assert not snapshots.due()
    assert Snapshots(*folders, 1e-9).due()
