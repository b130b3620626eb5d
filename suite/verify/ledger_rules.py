"""The rules that one run's ledger and record are held to together; no emulator."""

from __future__ import annotations

from collections.abc import Iterator

from protocol import Protocol, Run, RunRecord
from suite.results.columns import Columns
from suite.results.ledger_faults import faults
from suite.results.store import LEDGER, RECORD
from suite.verify.draw_rules import check_draws, check_seeds
from suite.verify.findings import Finding, Place, finding, kept


def check_ledger(protocol: Protocol, run: Run, columns: Columns, record: RunRecord | None) -> list[Finding]:
    """All that is wrong with a ledger, and with its record if it could be read, without an emulator.

    A check that breaks takes nothing along: what others found is kept, and that it broke is said.
    """
    findings = [
        finding(fault.rule, Place.of_run(run.run_id, LEDGER, fault.row), fault.expected, fault.found)
        for fault in faults(columns, run, protocol)
    ]
    broken = {one.rule for one in findings}
    if "S1" in broken:
        return findings  # what follows counts on lanes, phases and reasons that exist
    foreign, place = bool((columns.game < 0).any()), Place.of_run(run.run_id, LEDGER)
    if not foreign and record is not None:
        findings += kept("B2", _claims(run, columns, record), place)
    findings += kept("D2", check_seeds(run, columns), place)
    if not foreign and not {"B1", "B4"} & broken:
        findings += kept("D3", check_draws(protocol, run, columns), place)
    return findings


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
