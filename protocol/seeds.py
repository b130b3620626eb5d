"""Every seed of the benchmark, derived by hashing: nobody chooses a seed, so nobody picks a lucky one.

Each derivation is SHA-256 over the RFC 8785 canonical JSON of a list that begins with the name of its domain.
Two domains can therefore never share an input. For lists of names and whole numbers, this form consists of the
strings as the standard library's JSON quotes them and the digits of the numbers, joined by commas.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Literal

Phase = Literal["training", "evaluation"]


def canonical_list(*parts: str | int) -> bytes:
    """The RFC 8785 canonical JSON of a list of strings and of integers below 2**53."""
    words = (encode_basestring(part) if isinstance(part, str) else str(part) for part in parts)
    return f"[{','.join(words)}]".encode()


def _derive(domain: str, *parts: str | int, bits: int) -> int:
    digest = hashlib.sha256(canonical_list(domain, *parts)).digest()
    return int.from_bytes(digest[: bits // 8], "big")


def episode_seed(edition_digest: str, run_id: str, lane: int, number: int) -> int:
    """The 64-bit key of an episode's sticky-action draws.

    Args:
        edition_digest: 64 hexadecimal digits.
        run_id: such as ``"lite/transfer/fold2/qbert/seed0"``.
        lane: 0 to lanes - 1.
        number: the episode's place in its lane, from 0, training and evaluation counted together.
    """
    return _derive("episode", edition_digest, run_id, lane, number, bits=64)


def game_choice(edition_digest: str, run_id: str, lane: int, number: int, weights: Sequence[int]) -> int:
    """The index of the game that an episode of a lane plays, drawn in proportion to ``weights``.

    The draw uses integers only: a 64-bit hash h selects the place ``h * sum(weights) >> 64`` on the line of
    weights. It is therefore exact, the same on every machine, and biased by less than sum(weights) / 2**64.

    Args:
        weights: steps that each game has left and that no lane has reserved; at least one is positive.

    Raises:
        ValueError: a weight is negative, or none is positive.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError(f"cannot draw a game from the weights {list(weights)}")
    place = _derive("game", edition_digest, run_id, lane, number, bits=64) * total >> 64
    for index, weight in enumerate(weights):
        place -= weight
        if place < 0:
            return index
    raise AssertionError("the place lies on the line of weights")  # pragma: no cover


def learner_seed(edition_digest: str, seed: int, phase: Phase) -> int:
    """The 32-bit seed that a run's learner is made with (legacy numpy generators accept no more bits).

    It is the same in every game, fold and arm, so it does not reveal to a learner which run it plays. The
    instance that trains and the instance that plays the evaluation from the final checkpoint have different
    seeds.

    Args:
        edition_digest: 64 hexadecimal digits.
        seed: the seed number of the run, from 0.
        phase: what the instance is made for.
    """
    return _derive("learner", edition_digest, seed, phase, bits=32)


def conformance_seed(game: str, purpose: Literal["actions", "episode"], number: int) -> int:
    """A 64-bit seed of a game's conformance play; independent of every edition's digest."""
    return _derive("conformance", game, purpose, number, bits=64)
