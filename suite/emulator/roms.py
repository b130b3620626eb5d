"""The location of the ROMs, and the check that each is the one that the protocol pins."""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

from protocol import Protocol, RomError


def rom_folder() -> Path:
    """The folder that ale-py reads ROMs from: its own, or the one that ``ALE_ROMS_DIR`` names."""
    if override := os.environ.get("ALE_ROMS_DIR"):
        return Path(override)
    spec = find_spec("ale_py")
    if spec is None or spec.origin is None:
        raise RomError("ale-py is not installed, so there are no ROMs; run `make setup`")
    return Path(spec.origin).parent / "roms"


def checked_rom(protocol: Protocol, game: str) -> Path:
    """The path of a game's ROM, after its SHA-256 was compared with the protocol's.

    Raises:
        UnknownName: the protocol has no such game.
        RomError: the file is missing, unreadable or a different ROM.
    """
    path = rom_folder() / f"{game}.bin"
    expected = protocol.game(game).rom_sha256
    way_out = f"unset ALE_ROMS_DIR or reinstall {protocol.emulator.package}=={protocol.emulator.version}"
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RomError(f"the ROM of {game} cannot be read ({error}); {way_out}") from error
    if found != expected:
        raise RomError(
            f"the ROM of {game} at {path} has SHA-256 {found[:12]}..., "
            f"protocol {protocol.version} pins {expected[:12]}...; {way_out}"
        )
    return path
