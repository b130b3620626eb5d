"""The retraining: chosen runs are played again by the learner that they name, and compared with the claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from protocol import AmtlbError, Protocol, Run, RunId, UnknownName, describe, parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.contained.spec import BoxSpec
from suite.learners.contract import lies_in
from suite.results.reading import LedgerFile, checked_ledger_file, read_record
from suite.results.run_parts import AnyPart, parts_of
from suite.results.store import LEDGER, RECORD, Store
from suite.scoring.arrays import Floats
from suite.scoring.ledger_outcomes import game_outcomes
from suite.scoring.retraining import REJECTING_P, Stratum, rank_test
from suite.submission.description import Submission
from suite.untrusted.files import Changed, Unreadable
from suite.verify.findings import WHOLE, Finding, Place, Retrained, finding
from suite.verify.retrain_plan import Units, enough, more_runs, stratum_name, units_of, with_ancestors

_DEVICE = "cpu"
"""The device on which learners are trained again."""

_ARRANGING_SEED = 0
_UNREADABLE = (AmtlbError, Unreadable, ValidationError, KeyError)


class Retraining(NamedTuple):
    """A retraining's findings; ``retrained`` says how much was compared, and how."""

    findings: list[Finding]
    retrained: Retrained


class Again(NamedTuple):
    """A submission and the same runs played again.

    Attributes:
        folder: the submission.
        store: the runs that were played again.
        protocol: the rules.
        digests: by run, of the ledgers that were audited.
        submission: what is said of it; None: that cannot be read, as the audit has found.
    """

    folder: Path
    store: Store
    protocol: Protocol
    digests: Mapping[RunId, str]
    submission: Submission | None

    def run(self, run_id: RunId) -> Run:
        """A run of the protocol."""
        return describe(run_id, self.protocol)

    def claimed(self, run: Run) -> LedgerFile:
        """The claimed ledger, the very one that was audited; raises Unreadable."""
        ledger = checked_ledger_file(self.folder, f"{run.run_id.path}/{LEDGER}", run, self.protocol)
        if ledger.sha256 != self.digests.get(run.run_id):
            raise Changed("is not the ledger that was audited")
        return ledger

    def played(self, run: Run) -> LedgerFile:
        """The ledger of the run played again."""
        return checked_ledger_file(self.store.folder, f"{run.run_id.path}/{LEDGER}", run, self.protocol)


def retrain(
    again: Again,
    run_ids: Sequence[str],
    box: BoxSpec | None,
    listener: Callable[[str], None],
) -> Retraining:
    """Play runs of a submission again and compare all that is scored of them, the evaluation included.

    A learner that is declared deterministic must yield the same ledgers, of runs whose device, type of CPU and
    versions are those that are here. All others are compared by one rank test (``suite.scoring.retraining``):
    who declares it is held to no less than who does not.

    Args:
        again: the submission, which has been audited, and an empty store for the runs.
        run_ids: which runs; what they start from is played and compared as well.
        box: where the learner is put; None: it is imported by the name that the record gives, from this
            environment: only where it is installed here and trusted.
        listener: called for each run that begins.

    Raises:
        UnknownName: there is no such run or learner, the runs cannot be compared with each other, or the image
            is another than the declared one.
    """
    protocol = again.protocol
    chosen = with_ancestors([parse_run_id(text, protocol) for text in run_ids], protocol)
    if len({run_id.edition for run_id in chosen}) > 1:
        raise UnknownName("the runs to be played again are of several editions; name those of the submission's")
    units_of(chosen)
    _check_image(again.submission, box)
    findings: list[Finding] = []
    same: list[RunId] = []
    other: list[RunId] = []
    for run_id in chosen:
        run = again.run(run_id)
        try:
            findings += _play(again, run, box, listener)
            if again.store.is_complete(run_id):
                findings += _compare_configuration(again, run)
                equal = again.played(run).table.equals(again.claimed(run).table)
                (same if equal else other).append(run_id)
        except _UNREADABLE as error:
            findings.append(_not_compared(_place(run), error))
    p_value = None
    if other:
        try:
            found, p_value = compare(again, [*same, *other], other)
            findings += found
        except _UNREADABLE as error:
            findings.append(_not_compared(WHOLE, error))
    compared = sorted(map(str, [*same, *other]))
    return Retraining(
        findings, Retrained(runs=tuple(compared), equal=len(same), draw_seed=None, p_value=p_value)
    )


def _check_image(submission: Submission | None, box: BoxSpec | None) -> None:
    declared = None if submission is None else submission.image_sha256
    if box is not None and None not in (declared, box.image_sha256) and declared != box.image_sha256:
        raise UnknownName(
            f"the image has the id {box.image_sha256}, the submission declares {declared}; give that one"
        )


def _play(again: Again, run: Run, box: BoxSpec | None, listener: Callable[[str], None]) -> Iterator[Finding]:
    listener(str(run.run_id))
    learner = read_record(again.folder, f"{run.run_id.path}/{RECORD}").learner
    if box is None and lies_in(again.folder, learner.partition(":")[0]):
        found = "it lies in the submission, of which nothing is run; install the learner, or give its image"
        yield finding("T1", _place(run), f"a run of {learner}", found, "unchecked")
        return
    settings = Settings(learner, device=_DEVICE, box=box)
    end = play_one(run.run_id, again.store, settings)
    if end.status != "complete":
        found = f"it {end.status}: {end.error[:200]}"
        yield finding("T1", _place(run), f"a run of {learner}", found, "unchecked")


def _compare_configuration(again: Again, run: Run) -> Iterator[Finding]:
    record = again.store.record(run.run_id)
    claimed = read_record(again.folder, f"{run.run_id.path}/{RECORD}")
    if record.configuration_digest != claimed.configuration_digest:
        expected = f"configuration {record.configuration_digest}, which {record.learner} has here"
        yield finding("T1", _place(run), expected, claimed.configuration_digest)


def compare(again: Again, complete: list[RunId], other: list[RunId]) -> tuple[list[Finding], float | None]:
    """The findings on runs of which some have other ledgers than claimed; the p-value, if one was taken.

    Args:
        again: the submission and the runs played again.
        complete: all that were, with what they start from.
        other: those of them that have another ledger than claimed.

    Raises:
        AmtlbError, Unreadable: they cannot be compared.
    """
    if again.submission is not None and again.submission.deterministic:
        expected = "the same ledger, evaluation included, since the learner is declared deterministic"
        broken = [again.run(run_id) for run_id in other if _played_alike(again, again.run(run_id))]
        if broken:
            found = "a ledger with other episodes"
            return [finding("T1", _place(run), expected, found) for run in broken], None
    warnings = [*_repeated_in_part(again, complete, other)]
    edition = again.protocol.edition(complete[0].edition)
    differing = {
        stratum_name(run_id) for run_id in other
    }  # runs that repeat to the bit say nothing of the others
    units = [own for own in units_of(complete) if own.name in differing]
    if not enough(units, edition.seeds):
        more = ", ".join(map(str, more_runs(again.protocol, edition, complete)))
        expected = f"enough runs for a test at {REJECTING_P:.0%}" + (
            f"; play again, too: {more}" if more else ""
        )
        runs = f"{sum(len(own.seeds) for own in units)} runs that differ, too few to decide"
        return [*warnings, finding("T1", WHOLE, expected, runs, "unchecked")], None
    strata = [_stratum(again, own, range(edition.seeds)) for own in units]
    test = rank_test(strata, np.random.Generator(np.random.Philox(key=_ARRANGING_SEED)))
    if test.p_value > REJECTING_P:
        return warnings, test.p_value
    expected = f"claims that the learner earns again: p above {REJECTING_P}"
    words = (
        f"p = {test.p_value:.4f} of {test.arrangements:,} arrangements, runs of {len(units)} kinds played again"
    )
    return [*warnings, finding("T1", WHOLE, expected, words)], test.p_value


def _repeated_in_part(again: Again, complete: Sequence[RunId], other: Sequence[RunId]) -> Iterator[Finding]:
    """A warning where, of runs that were played alike, some repeat to the bit and others do not."""
    alike = [run_id for run_id in complete if _played_alike(again, again.run(run_id))]
    differing = [run_id for run_id in alike if run_id in other]
    if 0 < len(differing) < len(alike):
        found = f"{len(alike) - len(differing)} of {len(alike)} do; not {', '.join(map(str, differing))}"
        yield finding(
            "T1", WHOLE, "runs that were played alike all repeat to the bit, or none", found, "warning"
        )


def _played_alike(again: Again, run: Run) -> bool:
    """True if a claimed run, and its start, had the device, CPU, versions, image and code that are here.

    Otherwise an honest learner may well have another ledger, and is tested as one that is not deterministic.
    """
    runs = [run.run_id] if run.starts_from is None else [run.run_id, run.starts_from]
    for run_id in runs:
        here = again.store.record(run_id)
        claimed = read_record(again.folder, f"{run_id.path}/{RECORD}")
        if any(_played_on(part) != _played_on(here) for part in parts_of(claimed)):
            return False
        if claimed.image_sha256 != here.image_sha256:
            return False
        if claimed.learner_code_sha256 not in (None, here.learner_code_sha256):
            return False
    return True


def _played_on(part: AnyPart) -> tuple[str, str, Mapping[str, str]]:
    return part.device, part.cpu, part.versions


def _stratum(again: Again, units: Units, seeds: Sequence[int]) -> Stratum:
    played = [_figures(again, units, seed, again.played) for seed in units.seeds]
    runs = [*played, *(_figures(again, units, seed, again.claimed) for seed in seeds)]
    figures = {name: np.stack([own[name] for own in runs], axis=1) for name in sorted(units.figures)}
    return Stratum(len(played), units.kind, figures)


def _figures(again: Again, units: Units, seed: int, read: Callable[[Run], LedgerFile]) -> dict[str, Floats]:
    """The figures that are scored of a unit's runs, by name: float (F,), in one order for all units."""
    found: dict[str, list[float]] = {name: [] for name in units.figures}
    for kind in units.kinds:
        run = again.run(replace(kind, seed=seed))
        outcomes = game_outcomes(read(run).columns, run)
        for game in run.games:
            reward = "pretraining" if kind.arm == "pretrain" else "reward"
            found[reward].append(float(outcomes[game].curve[-1]))
            if run.evaluation_episodes:
                returns = outcomes[game].evaluation_returns
                found["mean"].append(float(returns.mean()))
                found["best"].append(float(returns.max()))
    return {name: np.array(values, np.float64) for name, values in found.items()}


def _not_compared(place: Place, error: Exception) -> Finding:
    reason = " ".join(str(error).split())[:300]
    return finding("T1", place, "files to compare with", f"{type(error).__name__}: {reason}", "unchecked")


def _place(run: Run) -> Place:
    return Place.of_run(run.run_id, LEDGER)
