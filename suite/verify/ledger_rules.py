"""The rules that one run's ledger and record are held to together; no emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protocol import Protocol, Run, RunRecord
from suite.results.columns import Columns
from suite.results.ledger_faults import faults, rewards_have_steps
from suite.results.store import LEDGER, RECORD
from suite.verify.draw_rules import check_draws, check_seeds
from suite.verify.findings import Finding, Place, finding, kept

LEDGER_RULES = frozenset({"A1", "A2", "B1", "B2", "B3", "B4", "B5", "D2", "D3", "F1", "R4"})
"""The rules that a ledger is held to by itself, or with its record."""


class LedgerCheck(NamedTuple):
    """The check of one run's ledger.

    Attributes:
        findings: what is wrong with it.
        skipped: the rules that it was not held to, since something that they count on is wrong or missing.
    """

    findings: tuple[Finding, ...]
    skipped: frozenset[str] = frozenset()


def check_ledger(protocol: Protocol, run: Run, columns: Columns, record: RunRecord | None) -> LedgerCheck:
    """Hold a ledger, and its record if it could be read, to the rules that need no emulator.

    A check that breaks takes nothing along: what others found is kept, and that it broke is said.
    """
    findings = [
        finding(fault.rule, Place.of_run(run.run_id, LEDGER, fault.row), fault.expected, fault.found)
        for fault in faults(columns, run, protocol)
    ]
    broken = {one.rule for one in findings}
    if "S1" in broken:  # what follows counts on lanes, phases and reasons that exist
        return LedgerCheck(tuple(findings), LEDGER_RULES)
    place, skipped = Place.of_run(run.run_id, LEDGER), set[str]()
    if (columns.game < 0).any():
        skipped |= {"B1", "B2", "D3"}
    if record is None:
        skipped |= {"B2"}
    if {"B1", "B4"} & broken:
        skipped |= {"D3"}
    if not rewards_have_steps(columns):
        skipped |= {"B3"}
    if "B2" not in skipped and record is not None:
        findings += kept("B2", _claims(run, columns, record), place)
    findings += kept("D2", check_seeds(run, columns), place)
    if "D3" not in skipped:
        findings += kept("D3", check_draws(protocol, run, columns), place)
    return LedgerCheck(tuple(findings), frozenset(skipped))


def _claims(run: Run, columns: Columns, record: RunRecord) -> Iterator[Finding]:
    """B2: the frames and episodes that a record claims are those of its ledger."""
    skip = run.frame_skip
    if record.budget_frames != run.total_budget_frames:
        yield _claim(run, "budget_frames", run.total_budget_frames, record.budget_frames)
    claimed = {spending.game: spending for spending in record.games}
    if [spending.game for spending in record.games] != list(run.games):
        yield _claim(run, "games", ", ".join(run.games), ", ".join(claimed)[:200])
        return
    for place, game in enumerate(run.games):
        for phase, in_phase in (("training", columns.training), ("evaluation", columns.evaluation)):
            own = in_phase & (columns.game == place)
            found = {"frames": skip * int(columns.length[own].sum()), "episodes": int(own.sum())}
            for name, value in found.items():
                claim = getattr(claimed[game], f"{phase}_{name}")
                if claim != value:
                    yield _claim(run, f"{phase}_{name} of {game}", value, claim)


def _claim(run: Run, name: str, expected: object, found: object) -> Finding:
    return finding("B2", Place.of_run(run.run_id, RECORD), f"{name} {expected}", str(found))
