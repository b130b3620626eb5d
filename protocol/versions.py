"""The published versions of the protocol, from their files: rules, conformance vectors, reference scores."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from protocol.errors import UnknownName
from protocol.model import Frozen, Positive, Protocol, Sha256

VERSIONS = ("v1",)
"""Every protocol version that this release can load, oldest first."""
CURRENT = VERSIONS[-1]
"""The version that is played unless a record or a job names another."""


class GameVectors(Frozen):
    """A game's two conformance vectors, as SHA-256 in hexadecimal (see suite.emulator.conformance).

    Attributes:
        conformance: of rewards and RAM.
        pictures: of every 84x84 picture.
    """

    conformance: Sha256
    pictures: Sha256


class Vectors(Frozen):
    """The conformance vectors that belong to one protocol version.

    Attributes:
        steps: agent steps of each play.
        games: the vectors by game.
    """

    steps: Positive
    games: dict[str, GameVectors]


class Reference(Frozen):
    """Published mean episode returns of one game, in game points; no-op starts, no sticky actions."""

    random: float
    human: float


def read_data(name: str) -> dict[str, Any]:
    """Parse a TOML file that is next to this module."""
    return tomllib.loads(files("protocol").joinpath(name).read_text(encoding="utf-8"))


@cache
def load(version: str) -> Protocol:
    """Load one protocol version, such as ``"v1"``; raises UnknownName if it does not exist."""
    if version not in VERSIONS:
        raise UnknownName(f"protocol {version!r} does not exist; choose one of: {', '.join(VERSIONS)}")
    # Strict models accept the arrays of a file as tuples only in JSON mode.
    return Protocol.model_validate_json(json.dumps(read_data(f"{version}.toml")))


def current_protocol() -> Protocol:
    """The protocol that is played unless a record or a job names another version.

    Example:
        >>> import amtlb
        >>> protocol = amtlb.current_protocol()
        >>> protocol.version, protocol.lanes, protocol.edition("smoke").games
        ('v1', 8, ('asterix', 'breakout', 'space_invaders'))
    """
    return load(CURRENT)


@cache
def load_vectors(version: str) -> Vectors:
    """The conformance vectors that are published with a protocol version."""
    return Vectors.model_validate(read_data(f"{version}_conformance.toml"))


@cache
def load_references(version: str) -> Mapping[str, Reference]:
    """Reference scores by game. They change no run and are not part of the digest."""
    rows = read_data(f"{version}_references.toml")
    return {game: Reference.model_validate(row) for game, row in rows.items()}
