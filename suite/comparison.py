"""Learners side by side on one edition: their scores, and how often one beats another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from protocol import Edition, Frozen, Protocol, StoreError
from suite.estimates import Figure, draw_resamples, estimate
from suite.outcomes import Outcomes, read_outcomes
from suite.resampling import RESAMPLES
from suite.results.published import published_folder
from suite.results.store import Store
from suite.scores import RESAMPLING_SEED, Scores, edition_of, score
from suite.scoring import Floats
from suite.statistics import mean_win_probability
from suite.submission.description import Division, division_of


class Contender(NamedTuple):
    """One learner's results, what they are called here, and their division."""

    label: str
    outcomes: Outcomes
    division: Division


class Contended(Frozen):
    """One learner's scores."""

    label: str
    division: Division
    scores: Scores


class Duel(Frozen):
    """How likely a run of one learner earns more than a run of another, mean over games; a tie counts half.

    Attributes:
        ours, theirs: labels.
        fresh: by the reward of the whole budget, untrained before.
        transfer: by the same, pre-trained.
        generalist: by the mean evaluation return.
    """

    ours: str
    theirs: str
    fresh: Figure
    transfer: Figure
    generalist: Figure

    def figures(self) -> dict[str, Figure]:
        """By measure."""
        return {"fresh": self.fresh, "transfer": self.transfer, "generalist": self.generalist}


class Comparison(Frozen):
    """All contenders on one edition, whose rules the digest names; duels are within a division."""

    protocol_version: str
    edition_digest: str
    edition: str
    contenders: tuple[Contended, ...]
    duels: tuple[Duel, ...]


Find = Callable[[str, Edition], Path]
"""The results folder of a learner that is named rather than given as a folder."""


def read_contenders(
    names: Sequence[str], protocol: Protocol, edition: str | None, find: Find | None = None
) -> list[Contender]:
    """Read results folders and learners by name.

    Args:
        names: each a results folder or, where no folder of that path exists, what ``find`` finds.
        protocol: the rules.
        edition: of all; None: the edition of the first folder, or ``smoke`` where there is no folder.
        find: finds the results of a name; None: among the published baselines.

    Raises:
        StoreError: a folder is of another edition, incomplete or cannot be read, or its division cannot.
        ForeignProtocol: a folder was played under another protocol.
        UnknownName: a name is neither a folder nor found.
    """
    find = find or (lambda name, edition: published_folder(name, protocol.version, edition.name))
    folders = [name for name in names if Path(name).is_dir()]
    if edition is None:
        edition = edition_of(Path(folders[0]), protocol).name if folders else "smoke"
    chosen = protocol.edition(edition)
    contenders = []
    for label, name in zip(_labels(names), names, strict=True):
        folder = Path(name) if name in folders else find(name, chosen)
        found = edition_of(folder, protocol)
        if found != chosen:
            raise StoreError(
                f"{folder} holds runs of edition {found.name}, the others are of {edition}; "
                "only results of one edition can be compared"
            )
        outcomes = read_outcomes(Store(folder, protocol), chosen)
        contenders.append(Contender(label, outcomes, division_of(folder)))
    return contenders


def _labels(names: Sequence[str]) -> list[str]:
    """The last part of each name; the whole name where that is not enough."""
    short = [Path(name).name or name for name in names]
    labels = [one if short.count(one) == 1 else name for one, name in zip(short, names, strict=True)]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise StoreError(f"{twice} is named twice; name each folder once")
    return labels


def compare(contenders: Sequence[Contender]) -> Comparison:
    """Score contenders of one edition and set each against the others of its division; equal in, equal out."""
    first = contenders[0].outcomes
    return Comparison(
        protocol_version=first.protocol.version,
        edition_digest=first.protocol.edition_digests[first.edition.name],
        edition=first.edition.name,
        contenders=tuple(
            Contended(label=one.label, division=one.division, scores=score(one.outcomes)) for one in contenders
        ),
        duels=tuple(
            _duel(ours, theirs)
            for ours, theirs in permutations(contenders, 2)
            if ours.division == theirs.division
        ),
    )


def _duel(ours: Contender, theirs: Contender) -> Duel:
    one, other = ours.outcomes, theirs.outcomes
    alone, together = range(len(one.games)), [0] * len(one.games)
    means = one.evaluation_means.generalist, other.evaluation_means.generalist
    return Duel(
        ours=ours.label,
        theirs=theirs.label,
        fresh=_wins(one.curves.fresh[..., -1], other.curves.fresh[..., -1], alone),
        transfer=_wins(one.curves.transfer[..., -1], other.curves.transfer[..., -1], one.folds),
        generalist=_wins(*means, together),
    )


def _wins(ours: Floats, theirs: Floats, clusters: Sequence[int]) -> Figure:
    generator = np.random.Generator(np.random.Philox(key=RESAMPLING_SEED))
    resamples = draw_resamples(clusters, clusters, ours.shape[1], RESAMPLES, generator)
    return estimate(mean_win_probability, ours, theirs, resamples)
