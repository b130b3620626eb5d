"""Learners side by side on one edition: their scores, and how often one beats another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

from protocol import Edition, Frozen, Protocol, StoreError
from suite.results.published import published_folder
from suite.results.store import Store, edition_of
from suite.scoring.claims import Claim, claims
from suite.scoring.duels import duel
from suite.scoring.estimates import Figure
from suite.scoring.outcomes import Arms, Outcomes, read_outcomes
from suite.scoring.score import score
from suite.scoring.scores import Scores
from suite.submission.description import Division, division_of


class Contender(NamedTuple):
    """One learner's results, what they are called here, and their division."""

    label: str
    outcomes: Outcomes
    division: Division


class Contended(Frozen):
    """One learner's scores, and what may be claimed of them among all that are compared."""

    label: str
    division: Division
    scores: Scores
    claim: Claim


class Duel(Frozen):
    """How likely a run of one learner earns more than a run of another, mean over games; a tie counts half.

    Games in which either had negative rewards are left out.

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
    for label, name in zip(labels(names), names, strict=True):
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


def labels(names: Sequence[str]) -> list[str]:
    """The last part of each name; the whole name where that is not enough."""
    short = [Path(name).name or name for name in names]
    labels = [one if short.count(one) == 1 else name for one, name in zip(short, names, strict=True)]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise StoreError(f"{twice} is named twice; name each folder once")
    return labels


def compare(contenders: Sequence[Contender], published: Mapping[str, Scores]) -> Comparison:
    """Score contenders of one edition and set each against the others of its division; equal in, equal out.

    Args:
        contenders: all of one edition.
        published: by name, the scores of the baselines that are published for it; claims need them.
    """
    first = contenders[0].outcomes
    scored = [score(one.outcomes) for one in contenders]
    return Comparison(
        protocol_version=first.protocol.version,
        edition_digest=first.protocol.edition_digests[first.edition.name],
        edition=first.edition.name,
        contenders=tuple(
            Contended(label=one.label, division=one.division, scores=own, claim=claim)
            for one, own, claim in zip(contenders, scored, _claims(contenders, scored, published), strict=True)
        ),
        duels=tuple(
            _duel(ours, theirs)
            for ours, theirs in permutations(contenders, 2)
            if ours.division == theirs.division
        ),
    )


def _claims(
    contenders: Sequence[Contender], scored: Sequence[Scores], published: Mapping[str, Scores]
) -> list[Claim]:
    """What may be claimed of each; p-values are corrected within a division, which alone is ranked together."""
    found: dict[int, Claim] = {}
    for division in {one.division for one in contenders}:
        places = [place for place, one in enumerate(contenders) if one.division == division]
        found |= zip(places, claims([scored[place] for place in places], published), strict=True)
    return [found[place] for place in range(len(contenders))]


def _duel(ours: Contender, theirs: Contender) -> Duel:
    one, other = ours.outcomes, theirs.outcomes
    places = [place for place in one.counted if place in other.counted]
    alone, together = range(len(places)), [0] * len(places)
    folds = [one.folds[place] for place in places]
    earned, theirs_earned = (Arms(*(arm[places, :, -1] for arm in each.curves)) for each in (one, other))
    mean, their_mean = (each.evaluation_means.generalist[places] for each in (one, other))
    return Duel(
        ours=ours.label,
        theirs=theirs.label,
        fresh=duel(earned.fresh, theirs_earned.fresh, alone, alone),
        transfer=duel(earned.transfer, theirs_earned.transfer, folds, folds),
        generalist=duel(mean, their_mean, together, together),
    )
