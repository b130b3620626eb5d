"""The tables that commands print: plans, costs, verdicts and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from protocol import Edition, Run
from suite.benchmark.cluster.hello import Hello
from suite.benchmark.cost import Estimate, Pace, Volume
from suite.digests import short_digest
from suite.report.numbers import rough
from suite.report.sheets import Column, Sheet, in_markdown, markdown_table
from suite.report.tables import headline, score_sheets
from suite.report.terminal import print_sheet
from suite.scoring.claims import Claim
from suite.scoring.scores import Scores
from suite.untrusted.text import bytes_text, counted, printable
from suite.verify.findings import Finding, Verification

_SHOWN_FINDINGS = 50
WIDTH_ELSEWHERE = 144
"""Columns where there is no terminal: enough for the widest table of scores."""


class _Console(Console):
    """A console that leaves it to the command what to do when nobody reads its output any more."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this while it handles the BrokenPipeError


def output_console(*, stderr: bool = False) -> Console:
    """A console as wide as its terminal; where there is none, wide enough for every table."""
    console = _Console(stderr=stderr)
    return console if console.is_terminal else _Console(stderr=stderr, width=WIDTH_ELSEWHERE)


def print_plan(console: Console, edition: Edition, runs: Sequence[Run]) -> None:
    """Every run of an edition with its budget, one per line."""
    table = Table(title=f"edition {edition.name}: {len(runs)} runs", title_justify="left")
    table.add_column("run", no_wrap=True)
    table.add_column("games", justify="right")
    table.add_column("training frames", justify="right")
    table.add_column("evaluation episodes", justify="right")
    table.add_column("starts from", no_wrap=True)
    for run in runs:
        table.add_row(
            str(run.run_id),
            str(len(run.games)),
            f"{run.total_budget_frames:,}",
            str(run.evaluation_episodes * len(run.games)),
            str(run.starts_from or ""),
        )
    console.print(table)
    console.print(f"{sum(run.total_budget_frames for run in runs):,} training frames in all")


def print_cost(console: Console, amount: Volume, pace: Pace | None, source: str, cost: Estimate | None) -> None:
    """Print the missing runs' steps and bytes and, where the learner's pace is known, their cost."""
    rows = [
        ("agent steps of training", f"{amount.training_steps:,}"),
        ("agent steps of evaluation, at most", f"{amount.evaluation_steps:,}"),
    ]
    if pace is not None and cost is not None:
        at_a_time = "run at a time" if cost.jobs == 1 else "runs at a time"
        rows += [
            ("steps/s of one run, training", f"{pace.training_steps_per_second:,.0f}"),
            ("steps/s of one run, evaluation", f"{pace.evaluation_steps_per_second:,.0f}"),
            ("core hours, if the evaluation takes all its steps", rough(cost.core_hours)),
            ("hours of the longest chain", rough(cost.longest_chain_hours)),
            (f"hours at {cost.jobs} {at_a_time}", rough(cost.wall_hours)),
            (f"memory of {cost.jobs} {at_a_time}, GB", rough(cost.memory_bytes / 1e9)),
            (f"journals of {cost.jobs} {at_a_time} on disk, GB", rough(cost.journal_bytes / 1e9)),
            ("checkpoints on disk, GB", rough(cost.checkpoint_bytes / 1e9)),
        ]
    rows.append(("ledgers on disk, GB, at most", rough(amount.ledger_bytes / 1e9)))
    columns = (Column("what", "", "label"), Column("estimate", "estimate"))
    estimates = tuple({"what": what, "estimate": text} for what, text in rows)
    print_sheet(console, Sheet(f"{counted(amount.runs, 'run')} missing", columns, estimates))
    begin = "not measured: " if pace is None else "speed: "
    console.print(begin + source, markup=False, highlight=False, soft_wrap=True)


def print_hellos(console: Console, hellos: Sequence[Hello], out: Mapping[str, str]) -> None:
    """Print the workers' accounts of themselves, then why some of them cannot play."""
    columns = (
        Column("worker", "worker", "label"),
        Column("threads", "threads"),
        Column("cores", "cores"),
        Column("free", "free disk"),
        Column("commit", "code", "words"),
        Column("configuration", "learner", "words"),
    )
    rows = tuple(
        {
            "worker": one.name,
            "threads": str(one.threads),
            "cores": str(one.cores),
            "free": bytes_text(one.free_bytes),
            "commit": short_digest(None if one.facts is None else one.facts.code_commit),
            "configuration": short_digest(None if one.facts is None else one.facts.configuration_digest),
        }
        for one in hellos
    )
    print_sheet(console, Sheet(f"{counted(len(hellos), 'worker')} of the scheduler", columns, rows))
    for reason in out.values():
        console.print(Text(printable(f"cannot play: {reason}")), soft_wrap=True)


def print_verification(console: Console, found: Verification) -> None:
    """The verdict on every rule, then every finding."""
    columns = (
        Column("rule", "rule", "label"),
        Column("verdict", "verdict", "words"),
        Column("errors", "errors"),
        Column("unchecked", "unchecked"),
        Column("title", "what", "words"),
    )
    rows = tuple(
        {
            "rule": one.rule,
            "verdict": one.verdict,
            "errors": str(one.errors),
            "unchecked": str(one.unchecked),
            "title": one.title,
        }
        for one in found.verdicts
    )
    print_sheet(console, Sheet(found.about, columns, rows))
    if found.brings is not None:
        console.print(Text(printable(f"brings from elsewhere: {found.brings}")), soft_wrap=True)
    for rule in found.for_the_reviewer:
        said = f"{rule.rule} for the reviewer, no program can check it: {rule.title}; warnings: {rule.warnings}"
        console.print(Text(said), soft_wrap=True)
    for finding in found.findings[:_SHOWN_FINDINGS]:
        console.print(Text(_finding_text(finding)), soft_wrap=True)
    if len(found.findings) > _SHOWN_FINDINGS:
        console.print(f"... and {len(found.findings) - _SHOWN_FINDINGS} more; --json prints them all")
    if found.replayed:
        console.print(found.replayed.in_words, highlight=False, soft_wrap=True)
    if found.retrained:
        console.print(found.retrained.in_words, highlight=False, soft_wrap=True)
    console.print(found.in_words)


def _finding_text(finding: Finding) -> str:
    said = f"expected {finding.expected}; found {finding.found}"
    return printable(f"{finding.rule} {finding.severity}: {finding.where}: {said}")


def print_scores(console: Console, scores: Scores, claim: Claim) -> None:
    """The transfer and the multitask results as tables, the headline last."""
    print_text(console, printable(f"{scores.learner} on {scores.edition}"))
    for sheet in score_sheets(scores):
        print_sheet(console, sheet)
    for line in headline(scores, claim):
        print_text(console, line)


def markdown_scores(scores: Scores, claim: Claim) -> str:
    """The tables of ``print_scores``, as Markdown."""
    lines = "".join(f"- {in_markdown(line)}\n" for line in headline(scores, claim))
    return "\n".join([*map(markdown_table, score_sheets(scores)), lines])


def print_text(console: Console, line: str) -> None:
    """A line, broken between words in a terminal, and not at all where there is none."""
    console.print(Text(line), soft_wrap=not console.is_terminal)
