"""The tables of docs/results.md, made of the published runs of ``lite``; its sentences are written by hand.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``; ``python -m suite.release.results_page``
writes all of them again. The names are ``played``, ``seeds``, ``pairs``, ``self_transfer``, ``all/SHEET`` for
the sheets of a comparison of all published learners, and ``LEARNER/SHEET`` for those of one learner's scores,
for ``without`` (a game), ``runs``, ``actions`` and ``spending``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from protocol import UnknownName
from suite.digests import short_digest
from suite.release.ledger_tables import action_sheet, spending_sheet
from suite.release.score_tables import pairs_sheet, runs_sheet, seeds_sheet, without_sheet
from suite.release.self_transfer import read_self_transfer, self_transfer_sheet
from suite.report.comparison_tables import sheets_by_division
from suite.report.facts import days
from suite.report.numbers import rough
from suite.report.sheets import Column, Sheet, markdown_table
from suite.report.tables import score_sheets
from suite.results.published import ARTIFACTS, published_baselines
from suite.results.results import open_results
from suite.results.run_parts import wall_hours
from suite.scoring.comparison import Contender, compare_contenders, read_contenders
from suite.scoring.published import published_scores

PAGE = ARTIFACTS.parent / "docs" / "results.md"
EDITION = "lite"
_TABLE = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def tables(edition: str) -> dict[str, str]:
    """All tables of the published baselines of an edition as Markdown, by name.

    Raises:
        StoreError: no baseline of the edition is published.
    """
    contenders = read_contenders(published_baselines(edition), edition)
    protocol = contenders[0].outcomes.protocol
    comparison = compare_contenders(contenders, published_scores(protocol, edition))
    sheets = {
        "played": _played_sheet(contenders),
        "seeds": seeds_sheet(contenders),
        "pairs": pairs_sheet(contenders),
        "self_transfer": self_transfer_sheet(contenders, read_self_transfer(edition)),
    }
    for division in sheets_by_division(comparison).values():
        sheets |= {f"all/{name}": sheet for name, sheet in division._asdict().items()}
    for learner, contender in zip(comparison.contenders, contenders, strict=True):
        results = open_results(contender.label, edition)
        own = score_sheets(learner.scores)._asdict() | {
            "without": without_sheet(contender),
            "runs": runs_sheet(contender),
            "actions": action_sheet(results),
            "spending": spending_sheet(results),
        }
        sheets |= {f"{contender.label}/{name}": sheet for name, sheet in own.items()}
    return {name: markdown_table(sheet) for name, sheet in sheets.items()}


def renewed(page: str, made: Mapping[str, str]) -> str:
    """A page with all its tables written again.

    Raises:
        UnknownName: the page asks for a table that is not made.
    """
    return _TABLE.sub(partial(_filled, made), page)


def _filled(made: Mapping[str, str], place: re.Match[str]) -> str:
    begin, name, end = place.groups()
    if name not in made:
        raise UnknownName(f"there is no table {name!r}; there are {', '.join(made)}")
    return f"{begin}\n{made[name]}\n{end}"


def _played_sheet(contenders: Sequence[Contender]) -> Sheet:
    """The table of where and when the runs were played, and of how long they took."""
    columns = (
        Column("learner", "learner", "label"),
        Column("runs", "runs"),
        Column("cpus", "types of CPU (runs)", "words"),
        Column("commits", "commits of the code", "words"),
        Column("days", "played", "words"),
        Column("hours", "hours of all runs, one after another"),
    )
    rows = []
    for one in contenders:
        records = one.outcomes.records
        cpus = Counter(record.cpu for record in records)
        commits = {short_digest(record.code_commit) for record in records}
        rows.append(
            {
                "learner": one.label,
                "runs": str(len(records)),
                "cpus": "; ".join(f"{cpu} ({count})" for cpu, count in cpus.most_common()),
                "commits": ", ".join(sorted(commits)),
                "days": days(records),
                "hours": rough(wall_hours(records)),
            }
        )
    return Sheet("where and when the runs were played", columns, tuple(rows))


def _main() -> None:
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), tables(EDITION)), encoding="utf-8")
    print(f"written to {PAGE.relative_to(ARTIFACTS.parent)}")


if __name__ == "__main__":
    _main()
