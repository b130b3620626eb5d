"""The cross-validation folds of an edition, as a pure function of games, number and seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import chain


def make_folds(games: Iterable[str], number: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """Deal games into folds of (nearly) equal size, in an order that depends only on the seed.

    The games are sorted by SHA-256 of ``"<seed>/<game>"`` and dealt round-robin. The result therefore needs no
    random number generator and is the same in every version of every library.

    Args:
        games: names, in any order; duplicates are an error.
        number: how many folds, from 1 to the number of games.
        seed: the protocol's seed.

    Returns:
        ``number`` tuples of names, each sorted; sizes differ by at most one.

    Raises:
        ValueError: a game is listed twice, or ``number`` is out of range.
    """
    names = list(games)
    if len(set(names)) != len(names):
        raise ValueError(f"a game is listed twice in {sorted(names)}")
    if not 1 <= number <= len(names):
        raise ValueError(f"{number} folds of {len(names)} games: the number must be 1 to {len(names)}")
    order = sorted(names, key=lambda game: hashlib.sha256(f"{seed}/{game}".encode()).digest())
    return tuple(tuple(sorted(order[start::number])) for start in range(number))


def make_stratified_folds(
    groups: Iterable[Iterable[str]], number: int, seed: int
) -> tuple[tuple[str, ...], ...]:
    """Deal the members of each group into folds, so that each fold has its share of every group.

    Each group is dealt as ``make_folds`` deals games. If every group has as many members as there are folds,
    each fold therefore holds out one member of each group.

    Args:
        groups: names, such as the flavours of one game after another; no name is in two groups.
        number: how many folds, from 1 to the size of the smallest group.
        seed: the protocol's seed.

    Returns:
        ``number`` tuples of names, each sorted; a group's shares in them differ by at most one.

    Raises:
        ValueError: a name is listed twice, or ``number`` is out of range.
    """
    dealt = [make_folds(group, number, seed) for group in groups]
    folds = tuple(tuple(sorted(chain.from_iterable(shares))) for shares in zip(*dealt, strict=True))
    names = [*chain.from_iterable(folds)]
    if len(set(names)) != len(names):
        raise ValueError(f"a name is in two groups of {sorted(names)}")
    return folds
