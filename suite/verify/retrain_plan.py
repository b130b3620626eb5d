"""The runs that are to be played again: drawn by a seed, completed by what they start from, in strata."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import NamedTuple

import numpy as np

from protocol import Edition, Protocol, RunId, UnknownName, describe
from suite.scoring.retraining import KINDS, Kind, Shape, is_enough


class Units(NamedTuple):
    """The runs of a stratum that are played again; one unit is the runs of a seed, which share their luck.

    Attributes:
        name: ``fresh qbert``, ``fold 2`` (its pretrain and transfer runs, one checkpoint) or ``generalist``.
        kind: the first word of that.
        kinds: the runs of one unit, by their ids with seed 0, sorted.
        seeds: one per unit, sorted.
    """

    name: str
    kind: Kind
    kinds: tuple[RunId, ...]
    seeds: tuple[int, ...]

    @property
    def figures(self) -> frozenset[str]:
        """The names of what is scored of its runs (``suite.scoring.retraining.FIGURES``)."""
        scored = any(kind.arm != "pretrain" for kind in self.kinds)
        has_pretraining = any(kind.arm == "pretrain" for kind in self.kinds)
        return frozenset(
            [*(("reward", "mean", "best") if scored else ()), *(("pretraining",) if has_pretraining else ())]
        )


def stratum_name(run_id: RunId) -> str:
    """The stratum of a run."""
    if run_id.arm == "fresh":
        return f"fresh {run_id.game}"
    return "generalist" if run_id.fold is None else f"fold {run_id.fold}"


def with_ancestors(run_ids: Iterable[RunId], protocol: Protocol) -> list[RunId]:
    """Runs and all that they start from, each once, a run behind the one that it starts from."""
    found: dict[RunId, None] = {}
    for run_id in run_ids:
        start = describe(run_id, protocol).starts_from
        if start is not None:
            found.update(dict.fromkeys(with_ancestors([start], protocol)))
        found[run_id] = None
    return list(found)


def units_of(run_ids: Iterable[RunId]) -> list[Units]:
    """Runs by stratum; raises UnknownName where the seeds of a fold are not compared in the same runs."""
    kinds: dict[str, dict[int, set[RunId]]] = {}
    for run_id in run_ids:
        of_seed = kinds.setdefault(stratum_name(run_id), {}).setdefault(run_id.seed, set())
        of_seed.add(_kind(run_id))
    found = []
    for name, by_seed in sorted(kinds.items()):
        sets = {frozenset(own) for own in by_seed.values()}
        if len(sets) > 1:
            raise UnknownName(
                f"the transfer runs of {name} share what they start from, so each seed of it needs the same "
                f"runs to be played again; {len(sets)} choices were named"
            )
        first = tuple(sorted(sets.pop(), key=str))
        (kind,) = (one for one in KINDS if name.startswith(one))
        found.append(Units(name, kind, first, tuple(sorted(by_seed))))
    return found


def enough(units: Sequence[Units], seeds: int) -> bool:
    """True if these runs, played again, could show a false claim of a submission with this many seeds."""
    return is_enough([Shape(len(own.seeds), len(own.seeds) + seeds, own.kind, own.figures) for own in units])


def draw_runs(edition: Edition, count: int, seed: int) -> list[str]:
    """So many runs: arm by arm in turn, strata before seeds; of a fold always the same transfer game.

    Raises:
        UnknownName: the edition has fewer.
    """
    queue = _queue(edition, seed)
    if not 0 < count <= len(queue):
        raise UnknownName(f"{count} runs cannot be drawn to be played again; choose from 1 to {len(queue)}")
    return [str(run_id) for run_id in queue[:count]]


def more_runs(protocol: Protocol, edition: Edition, chosen: Sequence[RunId]) -> list[RunId]:
    """The runs to add to have enough, one per new stratum; empty if none is needed or no stratum is left."""
    added: list[RunId] = []
    taken = {stratum_name(run_id) for run_id in chosen}
    for run_id in _queue(edition, 0):
        if enough(units_of(with_ancestors([*chosen, *added], protocol)), edition.seeds):
            return added
        if stratum_name(run_id) not in taken:
            added.append(run_id)
            taken.add(stratum_name(run_id))
    return added


def _queue(edition: Edition, seed: int) -> list[RunId]:
    """All runs that can be drawn, in the order in which they are."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    name = edition.name
    fresh = [RunId(name, "fresh", None, game, 0) for game in edition.games]
    transfer = [
        RunId(name, "transfer", fold, games[int(generator.integers(len(games)))], 0)
        for fold, games in enumerate(edition.folds)
    ]
    arms = []
    for kinds in (fresh, transfer, [RunId(name, "generalist", None, None, 0)]):
        order = generator.permutation(len(kinds))
        seeds = generator.permuted(np.tile(np.arange(edition.seeds), (len(kinds), 1)), axis=1)
        turns = range(edition.seeds)
        arms.append([replace(kinds[own], seed=int(seeds[own, turn])) for turn in turns for own in order])
    *first, generalist = arms  # generalists come last: two of them say less than two games do
    in_turn = zip_longest(*(first[place] for place in generator.permutation(len(first))), generalist)
    return [run_id for run_id in chain.from_iterable(in_turn) if run_id is not None]


def _kind(run_id: RunId) -> RunId:
    return replace(run_id, seed=0)
