"""Room on disks: what folders of one disk need, they need together."""

import pytest

from protocol import DiskFull
from suite.run import space
from suite.run.space import check_room


@pytest.mark.parametrize(("results", "scratch", "fits"), [(60, 40, True), (60, 41, False), (101, 0, False)])
def test_folders_of_one_disk_need_their_room_together(tmp_path, monkeypatch, results, scratch, fits):
    """A disk with 100 bytes left has room for 60 of results and 40 of temporary files, and for no more."""
    monkeypatch.setattr(space, "_free", lambda folder: 100)
    needed = {tmp_path / "results": results, tmp_path / "scratch": scratch}
    for folder in needed:
        folder.mkdir()
    if fits:
        check_room(needed)
        return
    with pytest.raises(DiskFull, match=rf"has 100 B left and this run needs {results + scratch} B there"):
        check_room(needed)
