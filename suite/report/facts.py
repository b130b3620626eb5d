"""The facts that a report opens with: what was played, with which budget, and when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from protocol import Edition, Protocol, RunRecord
from suite.results.mixture import mixtures

SMOKE_NOTE = "The smoke edition shows that everything works and is no scientific result."
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=T)")


class Fact(NamedTuple):
    """A name and what is said of it."""

    name: str
    text: str


def facts(protocol: Protocol, edition: Edition, records: Sequence[RunRecord]) -> tuple[Fact, ...]:
    """Edition, sizes, budgets, the days on which the runs began, and whether they were played on the same."""
    return (
        Fact("Edition", f"{edition.name}, protocol {protocol.version}"),
        Fact("Games", f"{len(edition.games)} in {len(edition.folds)} folds"),
        Fact("Runs", f"{len(records)}, with {edition.seeds} seeds"),
        Fact("Budget", f"{edition.budget_frames:,} frames per game"),
        Fact(
            "Evaluation",
            f"{edition.evaluation_episodes} episodes per game, of {edition.evaluation_max_frames:,} frames at "
            "most",
        ),
        Fact("Played", days(records)),
        Fact("Machines", "; ".join(mixtures(records)) or "alike: device, type of CPU, code and libraries"),
    )


def days(records: Sequence[RunRecord]) -> str:
    """The first and the last day on which a run was started, as the records say it."""
    found = sorted({day[0] for record in records if (day := _DAY.match(record.started_at))})
    if not found:
        return "unknown"
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"
