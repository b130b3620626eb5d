"""Rules, findings and verdicts: what a verification says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal, NamedTuple

from protocol import Frozen, RunId, UnknownName
from suite.untrusted.files import Pointer, TooLarge, Unreadable, severity_of
from suite.untrusted.processes import Failure
from suite.untrusted.text import counted, printable

RULES = {
    "S1": "every file is readable and valid under its schema",
    "S2": "every run of the edition is there once, and no other",
    "S3": "nothing lies outside the layout: no stray file, symlink, path escape or bomb",
    "S4": "digests are those of the files",
    "P1": "the edition's digest is known",
    "P2": "ROM digests are the protocol's",
    "P3": "the emulator is the protocol's and conforms",
    "P4": "the edition exists",
    "P5": "all runs have one learner, one configuration and one image, the declared one",
    "D1": "every seed of the edition is there, and no more",
    "D2": "every episode's seed is its derivation",
    "D3": "every game is the one that was to be drawn",
    "D4": "the learner's seeds are their derivation",
    "B1": "every game was given exactly its frames, and every lane its share",
    "B2": "the frames and episodes that a record claims are those of its ledger",
    "B3": "no episode goes past its cap or the no-reward rule, and each cut is the one that was due",
    "B4": "episodes stand in their lanes without gap, overlap or repetition, in the order of their ends",
    "B5": "the evaluation is as prescribed",
    "F1": "pre-training plays the training games of its fold only",
    "F2": "no checkpoint that a transfer run starts from has seen a held-out game",
    "F3": "a transfer run starts from the checkpoint of its own fold and seed",
    "F4": "fresh, pretrain and generalist runs start from nothing",
    "A1": "every action is 0 to 17",
    "A2": "an episode has one action per step",
    "R1": "every reward follows from the actions",
    "R2": "every end and its reason follow from the actions",
    "R3": "the last RAM follows from the actions",
    "R4": "returns are the sums of their rewards",
    "C1": "every published figure recomputes from the ledgers",
    "T1": "the learner, trained again, yields the same ledger, or earns no less than is claimed",
}
REVIEWED_RULES = {"I1": "the learner holds no knowledge of particular games"}
"""No program can hold these, so none gets a verdict: a reviewer does, and a program at most warns."""
REPLAY_RULES, RETRAIN_RULES = ("R1", "R2", "R3"), ("T1",)
"""These need the emulator or the learner; unless they are asked for they stay UNVERIFIABLE."""

COST = "to replay: "
"""The beginning of the line that says, before a replay, what it costs."""

Severity = Literal["error", "unchecked", "warning"]
Verdict = Literal["PASS", "FAIL", "UNVERIFIABLE"]


class Finding(Frozen):
    """One place where a submission is not as the protocol says, or where it could not be looked at.

    Attributes:
        rule: its id, see RULES and REVIEWED_RULES.
        severity: error; unchecked: something stood in the way of looking; warning: a reviewer should look.
        run_id: of the run; None: the submission as a whole.
        file: relative to the submission's folder; None: no single file.
        row: of the ledger, from 0; None: no single episode.
        expected, found: in words.
    """

    rule: str
    severity: Severity = "error"
    run_id: str | None = None
    file: str | None = None
    row: int | None = None
    expected: str
    found: str

    @property
    def where(self) -> str:
        """The run, file and row, as far as there are, in words."""
        row = "" if self.row is None else f"row {self.row}"
        return " ".join(filter(None, (self.run_id, self.file, row))) or "the submission"


class Place(NamedTuple):
    """The place of a finding: as much of it as there is.

    Attributes:
        run_id: None: the submission as a whole.
        file: relative to the submission's folder; None: no single file.
        row: of the ledger, from 0; None: no single episode.
    """

    run_id: RunId | None = None
    file: str | None = None
    row: int | None = None

    @classmethod
    def of_run(cls, run_id: RunId, name: str, row: int | None = None) -> Place:
        """A file in a run's folder, or one of its rows."""
        return cls(run_id, f"{run_id.path}/{name}", row)

    @classmethod
    def of_file(cls, file: str) -> Place:
        """A file that belongs to no single run."""
        return cls(file=file)


_SHOWN = 20
WHOLE = Place()
"""The submission as a whole."""


def finding(rule: str, place: Place, expected: str, found: str, severity: Severity = "error") -> Finding:
    """The finding that a rule makes at a place."""
    return Finding(
        rule=rule,
        severity=severity,
        run_id=None if place.run_id is None else str(place.run_id),
        file=None if place.file is None else printable(place.file),
        row=place.row,
        expected=printable(expected),
        found=printable(found),
    )


def first(found: Iterable[Finding], total: int) -> Iterator[Finding]:
    """The first of so many findings of one kind, and how many more there are; the rest are not made."""
    shown = list(islice(found, _SHOWN + 1))
    yield from shown[:_SHOWN]
    if len(shown) > _SHOWN:
        one = shown[_SHOWN]
        yield finding(one.rule, WHOLE, one.expected, f"{total - _SHOWN:,} more", one.severity)


def unreadable(rule: str, place: Place, expected: str, error: Exception, found: str | None = None) -> Finding:
    """The finding that a file cannot be read; ``found`` is in words, by default those of the error."""
    return finding(rule, place, expected, f"it {error}" if found is None else found, severity_of(error))


def unreadable_file(place: Place, error: Unreadable) -> Iterator[Finding]:
    """The finding that a file cannot be read; none for a pointer, which the survey reports."""
    if not isinstance(error, Pointer):
        rule = "S3" if isinstance(error, TooLarge) else "S1"
        yield unreadable(rule, place, "a file that can be read and is valid", error)


def out_of_bounds(place: Place, failure: Failure) -> Finding:
    """The finding that reading takes more than anything right could, or broke, or was too slow."""
    severity: Severity = "error" if failure.too_large else "unchecked"
    return finding("S3", place, "files that can be read within bounds", failure.reason, severity)


def kept(rule: str, found: Iterable[Finding], place: Place = WHOLE) -> Iterator[Finding]:
    """The findings of a check until it breaks, and that it broke: nothing that was proven is lost with it."""
    try:
        yield from found
    except UnknownName:
        raise  # it was asked for what there is not
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield finding(rule, place, "a check that goes through", reason, "unchecked")


class RuleVerdict(Frozen):
    """The verdict on one rule."""

    rule: str
    title: str
    verdict: Verdict
    errors: int
    unchecked: int


class ReviewedRule(Frozen):
    """A rule that a reviewer holds, and how often a program warns."""

    rule: str
    title: str
    warnings: int


class Replayed(Frozen):
    """The extent of a replay.

    Attributes:
        episodes, of_episodes: how many, and how many there are.
        sample_seed: that drew them; None: all were played.
        chance_of_one_percent: that a submission with 1 % false episodes, spread evenly over all of them, would
            have passed.
    """

    episodes: int
    of_episodes: int
    sample_seed: int | None
    chance_of_one_percent: float

    @property
    def in_words(self) -> str:
        """In a line."""
        drawn = "" if self.sample_seed is None else f", drawn with seed {self.sample_seed}"
        return (
            f"{self.episodes:,} of {self.of_episodes:,} episodes were played again{drawn}; "
            f"with 1 % false episodes, spread evenly, it would have passed with a chance of "
            f"{self.chance_of_one_percent:.2g}"
        )


class Retrained(Frozen):
    """The extent of a retraining.

    Attributes:
        runs: that were, and could be compared.
        equal: how many of them have the claimed ledger.
        draw_seed: that drew them; None: they were named.
        p_value: of the rank test of a learner that is not declared deterministic; None: it was not taken.
    """

    runs: tuple[str, ...]
    equal: int
    draw_seed: int | None
    p_value: float | None

    @property
    def in_words(self) -> str:
        """In a line."""
        drawn = "" if self.draw_seed is None else f", drawn with seed {self.draw_seed}"
        tested = "" if self.p_value is None else f"; the rank test has p = {self.p_value:.3g}"
        runs = len(self.runs)
        return f"trained again{drawn}: {runs}; of these with the claimed ledger: {self.equal}{tested}"


class Verification(Frozen):
    """All that a verification found; what ``amtlb verify --json`` prints.

    Attributes:
        division: that the submission declares; None: it could not be read.
        brings: what a learner of the division open says that it brings from elsewhere.
        verdicts: on every rule that a program can hold.
        for_the_reviewer: the rules that it cannot.
    """

    protocol_version: str
    edition: str | None
    edition_digest: str | None
    learner: str | None
    division: str | None
    brings: str | None
    runs: int
    replayed: Replayed | None
    retrained: Retrained | None = None
    verdicts: tuple[RuleVerdict, ...]
    for_the_reviewer: tuple[ReviewedRule, ...]
    findings: tuple[Finding, ...]

    @property
    def exit_status(self) -> int:
        """0 compliant, 1 not compliant, 3 could not check all that was asked for."""
        severities = {finding.severity for finding in self.findings}
        if "error" in severities:
            return 1
        return 3 if "unchecked" in severities else 0

    @property
    def in_words(self) -> str:
        """The exit status in words."""
        return {0: "compliant", 1: "NOT compliant", 3: "could not check everything"}[self.exit_status]

    @property
    def about(self) -> str:
        """Learner, edition, runs and division, in a line."""
        return (
            f"{self.learner or 'unknown learner'} on {self.edition or 'no known edition'}, "
            f"{counted(self.runs, 'run')}, division {self.division or 'unknown'}"
        )


def judge(findings: Iterable[Finding], checked: Iterable[str]) -> tuple[RuleVerdict, ...]:
    """The verdict on every rule; one that was not checked, or not everywhere, is UNVERIFIABLE."""
    counts = Counter((finding.rule, finding.severity) for finding in findings)
    looked_at = set(checked)
    verdicts = []
    for rule, title in RULES.items():
        errors, unchecked = counts[rule, "error"], counts[rule, "unchecked"]
        verdict: Verdict = "PASS"
        if errors:
            verdict = "FAIL"
        elif unchecked or rule not in looked_at:
            verdict = "UNVERIFIABLE"
        verdicts.append(
            RuleVerdict(rule=rule, title=title, verdict=verdict, errors=errors, unchecked=unchecked)
        )
    return tuple(verdicts)


def for_the_reviewer(findings: Iterable[Finding]) -> tuple[ReviewedRule, ...]:
    """The rules that only a reviewer can hold, with the warnings for them."""
    counts = Counter(finding.rule for finding in findings)
    return tuple(
        ReviewedRule(rule=rule, title=title, warnings=counts[rule]) for rule, title in REVIEWED_RULES.items()
    )
