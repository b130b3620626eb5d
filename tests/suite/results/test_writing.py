"""Writing into folders of others: whole or not at all, and nothing through a link."""

import errno
import os
import stat

import pytest

from protocol import StoreError
from suite.results.writing import new_file, new_folder, own_folder, write_file, write_once


def test_a_link_is_replaced(tmp_path):
    """A link of the file's name is replaced by the file, and the target of the link stays as it is."""
    aim = tmp_path / "aim"
    aim.write_text("kept")
    (tmp_path / "scores.json").symlink_to(aim)
    write_file(tmp_path / "scores.json", "new")
    assert aim.read_text() == "kept"
    assert not (tmp_path / "scores.json").is_symlink()
    assert (tmp_path / "scores.json").read_text() == "new"


@pytest.mark.parametrize("has_links", [True, False])
def test_of_several_that_write_once_one_does(tmp_path, monkeypatch, has_links):
    """The first text stays, on a disk with hard links or without, and nothing else is left."""
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    for text in ("one", "two"):
        write_once(tmp_path / "token", text)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("token", "one")]
    with pytest.raises(StoreError, match="none/token cannot be written"):
        write_once(tmp_path / "none" / "token", "one")


def no_links(*paths):
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_folder_has_its_name_once_it_is_filled(tmp_path):
    """A block that fails, for whatever reason, leaves nothing behind; a name that is taken is refused."""
    for reason in (KeyboardInterrupt, ValueError):
        with pytest.raises(reason), new_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("")
            raise reason
    with pytest.raises(StoreError, match="out cannot be written"), new_folder(tmp_path / "out"):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())
    with new_folder(tmp_path / "out") as folder:
        (folder / "whole").write_text("")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole"]
    with pytest.raises(StoreError, match="out exists already; name a new folder"), new_folder(tmp_path / "out"):
        pass


@pytest.mark.parametrize("name", ["clip.mp4", "index", "n" * 250 + ".gif"])
def test_a_file_has_its_name_once_it_is_written(tmp_path, name):
    """Until then it has another one, which ends alike; a block that fails leaves what was there."""
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(ValueError, match="a mistake"), new_file(path) as new:
        new.write_text("half")
        raise ValueError("a mistake")
    assert [found.read_text() for found in tmp_path.iterdir()] == ["old"]
    with new_file(path) as new:
        new.write_text("new")
        assert new.suffix == path.suffix
        assert path.read_text() == "old"
    assert [found.read_text() for found in tmp_path.iterdir()] == ["new"]


def test_what_cannot_be_written_leaves_what_was(tmp_path):
    """A file that cannot be replaced stays, and no part of the new one is left."""
    (tmp_path / "scores.json").mkdir()
    with pytest.raises(StoreError, match=r"scores\.json cannot be written .*choose another folder"):
        write_file(tmp_path / "scores.json", b"new")
    with pytest.raises(StoreError, match="none/file cannot be written"):
        write_file(tmp_path / "none" / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


def test_others_may_read_it(tmp_path):
    """A new file has the rights that the user's mask gives to any."""
    (tmp_path / "any").touch()
    write_file(tmp_path / "file", b"")
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("any", "file")}
    assert len(modes) == 1


def test_a_linked_folder_is_not_written_into(tmp_path):
    """A link to a folder is refused by a line that names both; a folder is made where there is none."""
    assert own_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(StoreError, match=r"link is a link to .*a; nothing is written through links"):
        own_folder(tmp_path / "link")
