"""Learners side by side on one edition: their scores, and how often one beats another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

from protocol import Edition, Frozen, StoreError, current_protocol
from suite.results.published import published_folder
from suite.results.results import edition_of_names, open_results
from suite.scoring.claims import Claim, claims
from suite.scoring.duels import duel
from suite.scoring.estimates import Figure
from suite.scoring.outcomes import Arms, Outcomes, read_outcomes
from suite.scoring.published import published_scores
from suite.scoring.score import score_outcomes
from suite.scoring.scores import Scores
from suite.submission.description import Division, division_of
from suite.untrusted.files import is_folder
from suite.untrusted.text import printable


class Contender(NamedTuple):
    """One learner's results, their label in this comparison, and their division."""

    label: str
    outcomes: Outcomes
    division: Division


class ScoredLearner(Frozen):
    """One learner's scores, and the claim that they support among all learners that are compared."""

    label: str
    division: Division
    scores: Scores
    claim: Claim


class Duel(Frozen):
    """The probability that a run of one learner beats one of another, mean over games; a tie counts half.

    Games in which either learner had negative rewards are left out.

    Attributes:
        ours, theirs: labels.
        fresh: by the reward of the whole budget, without pre-training.
        transfer: by the same reward, after pre-training.
        generalist: by the mean evaluation return.
    """

    ours: str
    theirs: str
    fresh: Figure
    transfer: Figure
    generalist: Figure

    def figures(self) -> dict[str, Figure]:
        """The three figures by the name of their measure."""
        return {"fresh": self.fresh, "transfer": self.transfer, "generalist": self.generalist}


class Comparison(Frozen):
    """All contenders on one edition, identified by its digest; duels are within a division."""

    protocol_version: str
    edition_digest: str
    edition: str
    contenders: tuple[ScoredLearner, ...]
    duels: tuple[Duel, ...]


Find = Callable[[str, Edition], Path]
"""The results folder of a learner that is given by name and not as a folder."""


def compare(
    sources: Sequence[str | Path] | str | Path, edition: str | None = None, *, find: Find | None = None
) -> Comparison:
    """Score learners on one edition, and compare each with the others of its division.

    Every figure has its interval and its null. Each learner's ``claim`` says in words what its transfer results
    support. p-values are corrected for the number of learners of a division.

    Args:
        sources: each a results folder or, if no folder of that path exists, the name of a published baseline;
            one alone is scored alone.
        edition: of all; None: the edition of the first folder, or ``smoke`` if there is no folder.
        find: finds the results of a name; None: among the published baselines.

    Raises:
        StoreError: a folder is of another edition, incomplete or cannot be read, or is named twice.
        ForeignProtocol: a folder was played under another protocol.
        UnknownName: a name is neither a folder nor found.

    Example:
        >>> import amtlb
        >>> comparison = amtlb.compare(["ppo", "uniform"])
        >>> [(duel.ours, duel.theirs) for duel in comparison.duels]
        [('ppo', 'uniform'), ('uniform', 'ppo')]
        >>> comparison.contenders[0].claim.verdict
        'nothing'
    """
    names = [sources] if isinstance(sources, str | Path) else sources
    contenders = read_contenders([str(name) for name in names], edition, find)
    outcomes = contenders[0].outcomes
    return compare_contenders(contenders, published_scores(outcomes.protocol, outcomes.edition.name))


def read_contenders(
    names: Sequence[str], edition: str | None = None, find: Find | None = None
) -> list[Contender]:
    """Read results folders and learners by name.

    Args:
        names: each a results folder or, if no folder of that path exists, a name that ``find`` finds.
        edition: of all; None: the edition of the first folder, or ``smoke`` if there is no folder.
        find: finds the results of a name; None: among the published baselines.

    Raises:
        StoreError: a folder is of another edition, incomplete or cannot be read, or is named twice, or its
            division cannot be read.
        ForeignProtocol: a folder was played under another protocol.
        UnknownName: a name is neither a folder nor found.
    """
    if not names:
        raise StoreError("there is nothing to compare; name results folders or published baselines")
    find = find or (lambda name, edition: published_folder(name, edition.name))
    edition = edition or edition_of_names(names)
    chosen = current_protocol().edition(edition)
    folders = [Path(name) if is_folder(name) else find(name, chosen) for name in names]
    contenders = []
    for label, folder in zip(labels(names, folders), folders, strict=True):
        results = open_results(folder, edition)
        outcomes = read_outcomes(results.store, results.edition)
        contenders.append(Contender(label, outcomes, division_of(results.folder)))
    return contenders


def labels(names: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The last part of each name, or the whole name if the last part is not unique; no two are equal.

    Raises:
        StoreError: two names lead to one folder, or cannot be told apart.
    """
    places = [folder.resolve() for folder in folders]
    for place, name in enumerate(names):
        if places[place] in places[:place]:
            other = names[places.index(places[place])]
            again = f", as {printable(other)}" if other != name else ""
            raise StoreError(f"{printable(name)} is named twice{again}; name each folder once")
    short = [(Path(name).resolve() if is_folder(name) else Path(name)).name or name for name in names]
    told = [printable(one if short.count(one) == 1 else name) for one, name in zip(short, names, strict=True)]
    if len({*told}) < len(told):  # a name may be the last part of another
        told = list(map(printable, names))
    for label in told:
        if told.count(label) > 1:
            raise StoreError(f"{told.count(label)} folders are called {label}; name them by other paths")
    return told


def compare_contenders(contenders: Sequence[Contender], published: Mapping[str, Scores]) -> Comparison:
    """Score contenders of one edition and compare each with the others of its division; a pure function.

    Args:
        contenders: all of one edition.
        published: by name, the scores of the baselines that are published for it; claims need them.
    """
    first = contenders[0].outcomes
    scored = [score_outcomes(one.outcomes) for one in contenders]
    return Comparison(
        protocol_version=first.protocol.version,
        edition_digest=first.protocol.edition_digests[first.edition.name],
        edition=first.edition.name,
        contenders=tuple(
            ScoredLearner(label=one.label, division=one.division, scores=own, claim=claim)
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
    """The claim of each contender; p-values are corrected within a division, where learners are ranked."""
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
