"""The cost of each edition with each reference learner: a Markdown table for docs/performance.md.

Steps come from the protocol's plan, the pace of each learner from a short play on this machine, as in ``amtlb
benchmark --dry-run``; measure where nothing else is running. ``--learners`` and ``--editions`` choose.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from protocol import Edition, Protocol, load, plan
from suite.benchmark.cost import Pace, estimate, volume
from suite.benchmark.pace import measure, measured_games
from suite.machine import cpu_type
from suite.report.numbers import rough
from suite.report.sheets import Column, Sheet, markdown_table

LEARNERS = ("uniform", "ppo", "multihead_a2c", "dqn")
EDITIONS = ("smoke", "lite", "full")
STEPS_HEADER = ("edition", "runs", "training steps", "evaluation steps, at most", "ledgers, MB")
COST_HEADER = (
    *("edition", "learner", "steps/s, training", "steps/s, evaluation", "core hours", "longest chain, hours"),
    *("memory of a run, GB", "checkpoints, MB"),
)


def steps_row(protocol: Protocol, edition: Edition) -> tuple[str, ...]:
    """The runs, steps and ledgers of an edition, the same for every learner, as a table row."""
    amount = volume(plan(protocol, edition))
    steps = (f"{amount.training_steps:,}", f"{amount.evaluation_steps:,}")
    return edition.name, str(amount.runs), *steps, rough(amount.ledger_bytes / 1e6)


def cost_row(protocol: Protocol, edition: Edition, learner: str, pace: Pace) -> tuple[str, ...]:
    """The cost of an edition with one learner, as a table row."""
    cost = estimate(plan(protocol, edition), protocol, pace, jobs=1)
    rates = (pace.training_steps_per_second, pace.evaluation_steps_per_second)
    hours = (cost.core_hours, cost.longest_chain_hours)
    sizes = (cost.memory_bytes / 1e9, cost.checkpoint_bytes / 1e6)
    return edition.name, learner, *(f"{rate:,.0f}" for rate in rates), *map(rough, (*hours, *sizes))


def sheet_text(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], labels: int) -> str:
    """A Markdown table whose first columns name the row."""
    columns = [Column(name, name, "label" if place < labels else "number") for place, name in enumerate(header)]
    cells = tuple(dict(zip(header, row, strict=True)) for row in rows)
    return markdown_table(Sheet(title, tuple(columns), cells))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each learner on two games of each edition and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", nargs="+", default=LEARNERS)
    parser.add_argument("--editions", nargs="+", default=EDITIONS)
    options = parser.parse_args(arguments)
    protocol = load("v1")
    editions = [protocol.edition(name) for name in options.editions]
    print(sheet_text("steps", STEPS_HEADER, [steps_row(protocol, edition) for edition in editions], labels=1))
    rows = []
    for edition in editions:
        for learner in options.learners:
            pace = measure(f"baselines.{learner}:make", measured_games(edition), "cpu")
            rows.append(cost_row(protocol, edition, learner, pace))
    print(sheet_text(cpu_type(), COST_HEADER, rows, labels=2))


if __name__ == "__main__":
    main()
