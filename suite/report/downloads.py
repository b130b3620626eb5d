"""Files that a page carries in itself: scores and tables, as links that hold them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

from protocol import RunRecord
from suite.report.sheets import Column, Sheet, csv_text
from suite.report.tidy import tidy_scores
from suite.results.run_parts import parts_of, wall_seconds
from suite.scoring.score import scores_text
from suite.scoring.scores import Scores


class Download(NamedTuple):
    """A file in a page.

    Attributes:
        name: under which it is saved.
        what: it holds, in words.
        link: a data URL.
        kilobytes: of its contents, rounded up.
    """

    name: str
    what: str
    link: str
    kilobytes: int


def downloads(scores: Scores, records: Sequence[RunRecord]) -> tuple[Download, ...]:
    """The scores as JSON, byte for byte as ``amtlb scores`` writes them, and scores and runs as CSV."""
    return (
        _download("scores.json", "all scores and curves", "application/json", scores_text(scores)),
        _download("scores.csv", "one row per figure", "text/csv", csv_text(tidy_scores(scores))),
        _download("runs.csv", "one row per run", "text/csv", csv_text(_runs(records))),
    )


def _download(name: str, what: str, kind: str, text: str) -> Download:
    data = text.encode()
    link = f"data:{kind};charset=utf-8;base64,{base64.b64encode(data).decode()}"
    return Download(name, what, link, -(-len(data) // 1000))


def _runs(records: Sequence[RunRecord]) -> Sheet:
    fields = (
        *("run_id", "learner", "device", "cpu", "budget_frames", "training_steps_per_second", "wall_seconds"),
        *("started_at", "code_commit", "configuration_digest", "ledger_sha256", "checkpoint_out"),
    )
    columns = tuple(Column(field, field, "label") for field in fields)
    rows = [
        {field: str(getattr(record, field) or "") for field in fields}
        | {"wall_seconds": str(wall_seconds(record))}
        | {"cpu": "; ".join(sorted({played.cpu for played in parts_of(record)}))}
        for record in records
    ]
    return Sheet("runs", columns, tuple(rows))
