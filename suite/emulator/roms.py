"""A console's load: the ROM, proven to be the one that the protocol pins, and the flavour."""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from protocol import Flavour, Protocol, RomError
from suite.digests import short_digest


class Cartridge(NamedTuple):
    """A game that a console can be loaded with.

    Attributes:
        rom: a file whose hash has been checked (the emulator ends the process at an unsupported one).
        flavour: the mode and difficulty to be set; None: as the ROM is loaded.
    """

    rom: Path
    flavour: Flavour | None


def rom_folder() -> Path:
    """The folder that ale-py reads ROMs from: its own, or the one that ``ALE_ROMS_DIR`` names."""
    if override := os.environ.get("ALE_ROMS_DIR"):
        return Path(override)
    spec = find_spec("ale_py")
    if spec is None or spec.origin is None:
        raise RomError("ale-py is not installed, so there are no ROMs; run `make setup`")
    return Path(spec.origin).parent / "roms"


def checked_cartridge(protocol: Protocol, game: str) -> Cartridge:
    """A game or flavour with its ROM, after the ROM's SHA-256 was compared with the protocol's.

    Raises:
        UnknownName: the protocol has no such game.
        RomError: the file is missing, unreadable or a different ROM.
    """
    known = protocol.game(game)
    path = rom_folder() / f"{known.rom}.bin"
    way_out = f"unset ALE_ROMS_DIR or reinstall {protocol.emulator.package}=={protocol.emulator.version}"
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RomError(f"the ROM of {game} cannot be read ({error}); {way_out}") from error
    if found != known.rom_sha256:
        raise RomError(
            f"the ROM of {game} at {path} has SHA-256 {short_digest(found)}, "
            f"protocol {protocol.version} pins {short_digest(known.rom_sha256)}; {way_out}"
        )
    return Cartridge(path, known if isinstance(known, Flavour) else None)
