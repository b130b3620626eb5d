"""The sources of the project's site: its pages, and the results of every edition.

``python -m suite.release.site FOLDER`` writes them; ``make site`` makes HTML of them with MkDocs.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from protocol import AmtlbError, Protocol, current_protocol, plan
from suite.leaderboard.edition_pages import INDEX, EditionState, write_edition
from suite.leaderboard.entries import Listener
from suite.release.site_pages import write_pages
from suite.report.comparison_tables import division_title
from suite.report.sheets import in_markdown
from suite.report.templates import PageLink
from suite.results.published import ARTIFACTS
from suite.submission.description import DIVISIONS

RESULTS = "results"
ABOVE = (PageLink("AMTLB", "../../index.html"), PageLink("Results", "../index.html"))
"""The pages above each edition's, as links from its folder."""


def write_site(protocol: Protocol, out: Path, listener: Listener) -> list[EditionState]:
    """Write the sources of the site.

    Args:
        protocol: the rules, with their editions.
        out: a folder; what is in it is removed.
        listener: called with a line about each step.

    Returns:
        what is published of each edition.

    Raises:
        AmtlbError: results cannot be read, or a page links to what is not there.
    """
    shutil.rmtree(out, ignore_errors=True)
    listener("pages")
    write_pages(ARTIFACTS.parent, out)
    (out / RESULTS).mkdir()
    states = [
        write_edition(protocol, edition, out / RESULTS / edition.name, ABOVE, listener)
        for edition in protocol.editions
    ]
    (out / RESULTS / "index.md").write_text(results_page(protocol, states), encoding="utf-8")
    return states


def results_page(protocol: Protocol, states: Sequence[EditionState]) -> str:
    """The page that leads to the results of each edition, as Markdown."""
    rows = [
        f"| [{state.edition}]({state.edition}/{INDEX}) | {_ranked(state)} | "
        f"{_left_out(state)} | {len(state.games)} | {len(plan(protocol, protocol.edition(state.edition)))} |"
        for state in states
    ]
    games = [
        f"- **{state.edition}**: "
        + ", ".join(f"[{game}]({state.edition}/games/{game}.html)" for game in state.games)
        for state in states
        if state.ranked
    ]
    return "\n".join(
        (
            "# Results",
            "",
            "Each edition has a leaderboard, and each of its learners a report. All figures come from ledgers",
            "that anybody can [replay](../docs/verification.md).",
            "",
            "| edition | ranked learners | not ranked | games | runs of each learner |",
            "|---|---|---|---:|---:|",
            *rows,
            "",
            "The games, with learning curves and the best episode of each learner to watch:",
            "",
            *games,
            "",
        )
    )


def _ranked(state: EditionState) -> str:
    """The learners of a leaderboard; those of the division open are not ranked with the others."""
    found = [division_title(one, ", ".join(state.ranked[one])) for one in DIVISIONS if one in state.ranked]
    return "; ".join(map(in_markdown, found)) or "none yet"


def _left_out(state: EditionState) -> str:
    return "; ".join(in_markdown(f"{one.name}: {one.reason}") for one in state.left_out)


def _main() -> int:
    try:
        write_site(current_protocol(), Path(sys.argv[1]), lambda step: print(step, flush=True))
    except AmtlbError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
