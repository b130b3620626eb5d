"""Copies of snapshots let another machine go on with a run, and no fault of theirs harms it."""

import fsspec
import pytest

from protocol import StoreError, UnknownName
from suite.run.copies import Copies, checked_url
from suite.run.snapshots import TRAINED, Snapshots
from tests.suite.run.test_snapshots import MAKER, RUN, save, snapshot

JOURNAL = "journal.arrows"


class Machine:
    """A disk with a run's partial folder on it."""

    def __init__(self, folder, url, journal=None):
        self.folder, self.scratch = folder / "run.partial", folder / "scratch"
        for path in (self.folder, self.scratch):
            path.mkdir(parents=True)
        if journal is not None:
            (self.folder / JOURNAL).write_bytes(journal)
        self.snapshots = Snapshots(self.folder, self.scratch, 15, Copies(url, "key"))

    def take(self, steps):
        self.snapshots.take(lambda digest: snapshot(digest, played_steps=steps), save)

    def newest(self):
        return self.snapshots.newest(RUN, MAKER, self.folder / JOURNAL)


@pytest.fixture(params=["file", "memory"])
def url(request, tmp_path):
    """The URL that copies go to: of a folder, or of a store that has no folders of its own."""
    yield f"memory://{tmp_path.name}" if request.param == "memory" else checked_url(str(tmp_path / "copies"))
    fsspec.filesystem("memory").store.clear()


def test_another_machine_goes_on(url, tmp_path):
    """A machine without the run finds the newest snapshot, with as much of the journal as that names."""
    one = Machine(tmp_path / "one", url, b"12345678")
    for steps in (80, 160):
        one.take(steps)
    two = Machine(tmp_path / "two", url)
    found = two.newest()
    assert found.snapshot.played_steps == 160
    assert (found.learner / "state.json").read_text() == "{}"
    assert (two.folder / JOURNAL).read_bytes() == b"12345"
    assert {path.name for path in two.folder.iterdir()} == {JOURNAL, "snapshot-2"}


def test_an_evaluation_goes_on_with_what_was_trained(url, tmp_path):
    """A snapshot in evaluation comes with checkpoint and notes, in place of what an earlier try left there."""
    one, two = Machine(tmp_path / "one", url, b"12345"), Machine(tmp_path / "two", url)
    for machine, text in ((one, "new"), (two, "old")):
        for name in TRAINED:
            (machine.folder / name).mkdir()
            (machine.folder / name / "file").write_text(text)
    one.snapshots.take(lambda digest: snapshot(digest, phase="evaluation"), save)
    assert two.newest().snapshot.phase == "evaluation"
    assert [(two.folder / name / "file").read_text() for name in TRAINED] == ["new", "new"]


def test_one_copy_is_kept(url, tmp_path):
    """The copy of a snapshot replaces the one before it, on whichever machine that was taken."""
    Machine(tmp_path / "one", url, b"12345").take(80)
    two = Machine(tmp_path / "two", url)
    two.newest()
    two.take(160)
    system, place = fsspec.url_to_fs(url)
    assert [path.rpartition("/")[2] for path in system.ls(f"{place}/key", detail=False)] == ["2.tar"]


def test_the_newer_one_is_used(url, tmp_path):
    """A machine that comes back goes on from a newer copy, and otherwise from its own snapshot."""
    one = Machine(tmp_path / "one", url, b"12345")
    one.take(80)
    two = Machine(tmp_path / "two", url)
    two.newest()
    assert one.newest().snapshot.played_steps == 80
    two.take(160)
    assert one.newest().snapshot.played_steps == 160


def test_an_older_copy_changes_nothing(url, tmp_path):
    """A run whose last copies failed resumes from its own snapshot, with the journal that this names."""
    one = Machine(tmp_path / "one", url, b"12345678")
    one.take(80)
    uncopied = Snapshots(one.folder, one.scratch, 15)
    uncopied.take(lambda digest: snapshot(digest, played_steps=160, journal_bytes=8), save)
    assert one.newest().snapshot.played_steps == 160
    assert (one.folder / JOURNAL).read_bytes() == b"12345678"


@pytest.mark.parametrize("uncopied", [False, True], ids=["copied", "uncopied"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / JOURNAL).unlink(),
        lambda run: (run / JOURNAL).write_bytes(b"1"),
        lambda run: next(run.glob("snapshot-*/learner/*")).write_text("{"),
        lambda run: next(run.glob("snapshot-*/*.json")).unlink(),
    ],
    ids=["no journal", "a short journal", "another learner", "no description"],
)
def test_a_copy_stands_in_for_a_snapshot_that_is_of_no_use(url, tmp_path, damage, uncopied):
    """A run whose own snapshot is damaged resumes from the copy, of the same snapshot or of an older one."""
    one = Machine(tmp_path / "one", url, b"12345678")
    one.take(80)
    if uncopied:
        own = Snapshots(one.folder, one.scratch, 15)
        own.take(lambda digest: snapshot(digest, played_steps=160, journal_bytes=8), save)
    damage(one.folder)
    assert one.newest().snapshot.played_steps == 80
    assert (one.folder / JOURNAL).read_bytes() == b"12345"
    one.take(240)
    assert Machine(tmp_path / "two", url).newest().snapshot.played_steps == 240


def test_a_run_without_copies_begins(url, tmp_path):
    """The first time, there is nothing to fetch and nothing to go on from."""
    assert Machine(tmp_path / "one", url).newest() is None


def test_a_complete_run_leaves_no_copy(url, tmp_path):
    """The copies of a run are deleted when the run is over."""
    one = Machine(tmp_path / "one", url, b"12345")
    one.take(80)
    one.snapshots.drop_copies()
    system, place = fsspec.url_to_fs(url)
    assert not system.exists(f"{place}/key")


def test_a_copy_that_fails_harms_no_run(tmp_path, capsys):
    """A snapshot whose copy cannot be written stays here, and the log says why there is no copy."""
    (tmp_path / "file").touch()
    one = Machine(tmp_path / "one", checked_url(str(tmp_path / "file")), b"12345")
    one.take(80)
    assert (one.folder / "snapshot-1").is_dir()
    assert "snapshot-1 could not be copied (file://" in capsys.readouterr().err
    one.snapshots.drop_copies()


def test_a_place_is_named_as_other_places_are(monkeypatch, tmp_path):
    """A ~ is the user's home, and what is no URL is refused in a line."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checked_url("~/copies") == f"file://{tmp_path}/copies"
    with pytest.raises(UnknownName, match=r"--snapshot-url 's3://\[x' is no URL .*; name a folder or a URL"):
        checked_url("s3://[x")


def test_a_store_that_cannot_be_read_is_an_error(tmp_path):
    """A run does not begin anew because the place of its snapshots does not answer."""
    one = Machine(tmp_path / "one", "ftp://127.0.0.1:1/copies")
    with pytest.raises(
        StoreError, match=r"cannot be read from ftp://127.0.0.1:1/copies/key \(ConnectionRefused"
    ):
        one.newest()


def test_half_a_copy_is_never_a_snapshot(url, tmp_path):
    """A copy that breaks off while it is fetched leaves the run's folder as it was."""
    Machine(tmp_path / "one", url, b"12345").take(80)
    system, place = fsspec.url_to_fs(url)
    whole = system.cat_file(f"{place}/key/1.tar")
    system.pipe_file(f"{place}/key/1.tar", whole[:1600])
    two = Machine(tmp_path / "two", url)
    with pytest.raises(StoreError, match=r"cannot be read from .*: unexpected end of data"):
        two.newest()
    assert list(two.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere://bucket", "Protocol not known: nowhere"),
        ("s3://bucket/path", "Install s3fs"),
        ("ftp://user:secret@host/path", "holds a password"),
        ("simplecache::ftp://user:secret@host/path", "holds a password"),
        ("ftp://user:secret@host::simplecache://x", "holds a password"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_at_once(text, said):
    """The refusal of a URL names what is missing or not allowed, and a password is not repeated."""
    with pytest.raises(UnknownName, match=said) as found:
        checked_url(text)
    assert "secret" not in str(found.value)


def test_a_folder_becomes_a_url(tmp_path, monkeypatch):
    """A folder's name means the same on a worker that stands in another folder."""
    monkeypatch.chdir(tmp_path)
    url = checked_url("my copies, 100%")
    assert fsspec.url_to_fs(url)[1] == f"{tmp_path}/my copies, 100%"
