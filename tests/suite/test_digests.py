"""Digests of folders: what they cover, and which folders have none."""

import pytest

from protocol import StoreError
from suite.digests import folder_digest


def test_folder_digest_covers_names_and_content(tmp_path):
    """Another name, place or byte gives another digest; the folder's own name is not part of it."""
    digests = set()
    for number, (name, content) in enumerate([("a", b"1"), ("a", b"2"), ("b", b"1"), ("c/a", b"1")]):
        path = tmp_path / str(number) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        digests.add(folder_digest(tmp_path / str(number)))
    assert len(digests) == 4
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "a").write_bytes(b"1")
    assert folder_digest(tmp_path / "9") == folder_digest(tmp_path / "0")


def test_a_symlink_in_a_checkpoint_is_refused(tmp_path):
    """A checkpoint contains plain files only."""
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(StoreError, match="link"):
        folder_digest(tmp_path)
