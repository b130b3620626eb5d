"""Stamps: the installation on which a conformance check passed."""

import importlib.util
import json
import os
import shutil
from pathlib import Path

from protocol import Protocol
from suite.emulator.stamp import STAMPED_PACKAGES, is_stamped, source_digest, stamp_of, write_stamp
from tests.suite.helpers import V1


def test_a_stamp_is_of_this_installation(tmp_path):
    """A stamp written here is valid here; another stamp, no text and a missing file are not."""
    stamp = tmp_path / "stamp"
    assert not is_stamped(stamp, V1)
    write_stamp(stamp, V1)
    assert is_stamped(stamp, V1)
    stamp.write_text("0" * 64)
    assert not is_stamped(stamp, V1)
    stamp.write_bytes(b"\xff")
    assert not is_stamped(stamp, V1)


def test_every_file_of_the_emulator_counts(tmp_path):
    """One changed byte of the library or of a ROM, or one more file, changes the digest; a cache does not."""
    assert "ale_py" in STAMPED_PACKAGES
    folder = tmp_path / "ale_py"
    shutil.copytree(Path(importlib.util.find_spec("ale_py").origin).parent, folder)
    seen = {source_digest(folder)}
    (folder / "cache.pyc").touch()
    assert {source_digest(folder)} == seen
    for path in (next(folder.glob("_ale_py*.so")), folder / "roms/breakout.bin", folder / "new.py"):
        path.touch()
        content = bytearray(path.read_bytes() or b"\0")
        content[-1] ^= 1
        path.write_bytes(content)
        seen.add(source_digest(folder))
    assert len(seen) == 4


def test_another_protocol_is_another_stamp():
    """The protocol's digest is part of the stamp."""
    assert stamp_of(V1) == stamp_of(V1)
    assert stamp_of(V1) != stamp_of(Protocol.model_validate(V1.model_dump() | {"lanes": 4}))


def test_a_stamp_that_cannot_be_written_is_left_alone(tmp_path):
    """A stamp is not written, and nothing fails, if its folder is missing or a folder has its name."""
    for place in (tmp_path / "nowhere" / "stamp", tmp_path):
        write_stamp(place, V1)
    assert not (tmp_path / "nowhere").exists()
    assert tmp_path.is_dir()


def test_a_stamped_installation_is_not_played_again(amtlb, tmp_path):
    """With its stamp, the check passes at once; without a valid ROM, the stamp does not help."""
    write_stamp(tmp_path / "stamp", V1)
    check = ("protocol", "check", "--stamp", tmp_path / "stamp")
    done = amtlb(*check)
    assert done.returncode == 0, done.stderr
    assert "63 ROMs" in done.stdout and "stamped" in done.stdout
    answer = json.loads(amtlb(*check, "--json").stdout)
    assert answer["vectors_played"] is False
    assert answer["deviating_games"] == []
    done = amtlb(*check, env=os.environ | {"ALE_ROMS_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
