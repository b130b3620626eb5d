"""Rule C1: the published figures are what the ledgers give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from protocol import Edition, Protocol, RunId, RunRecord, plan
from suite.results.store import SCORES
from suite.scoring.ledger_outcomes import GameOutcome
from suite.scoring.outcomes import assemble
from suite.scoring.score import SCORERS
from suite.scoring.scores import SCORING_VERSION, Scores
from suite.untrusted.files import MAX_JSON_BYTES, Pointer, Unreadable, parse_json, read_bytes
from suite.untrusted.processes import Failure, within_bounds
from suite.untrusted.text import first_complaint
from suite.verify.findings import Finding, Place, finding, first, out_of_bounds, unreadable

_RELATIVE = 1e-9
_IN_SCORES = Place.of_file(SCORES)


def check_figures(
    folder: Path,
    protocol: Protocol,
    edition: Edition,
    records: Mapping[RunId, RunRecord],
    outcomes: Mapping[RunId, Mapping[str, GameOutcome]],
) -> Iterator[Finding]:
    """Every figure of ``scores.json`` recomputes from the ledgers.

    Args:
        folder: the submission.
        protocol, edition: the rules.
        records: of the runs whose record could be read.
        outcomes: of the runs whose ledger is one that figures come from.
    """
    published = within_bounds(_read, str(folder))
    if isinstance(published, Failure):
        yield out_of_bounds(_IN_SCORES, published)
        return
    if isinstance(published, Finding):
        yield published
        return
    runs = plan(protocol, edition)
    if published is None or any(run.run_id not in records or run.run_id not in outcomes for run in runs):
        yield finding("C1", _IN_SCORES, "runs to recompute from", "not all can be read", "unchecked")
        return
    assert isinstance(published, Scores)
    if published.scoring_version != SCORING_VERSION:
        found = f"{published.scoring_version}, whose p-values may be others"
        yield finding("C1", _IN_SCORES, f"scoring_version {SCORING_VERSION}, the newest", found, "warning")
    in_order = tuple(records[run.run_id] for run in runs)
    again = SCORERS[published.scoring_version](assemble(protocol, edition, in_order, outcomes))
    different = list(_differences(again.model_dump(), published.model_dump(), "scores"))
    wrong = (
        finding("C1", _IN_SCORES, f"{place} {right}", str(found)[:80]) for place, right, found in different
    )
    yield from first(wrong, len(different))


def _read(folder: str) -> Scores | Finding | None:
    """The published scores, or what is wrong with them; None: they are elsewhere."""
    try:
        data = read_bytes(Path(folder), SCORES, MAX_JSON_BYTES)
        parsed = parse_json(data)
        version = parsed.get("scoring_version") if isinstance(parsed, dict) else None
        if version is not None and (type(version) is not int or version not in SCORERS):
            known = ", ".join(map(str, SCORERS))
            wanted = f"a scoring version out of {known}; `amtlb scores` computes them again"
            return finding("C1", _IN_SCORES, wanted, str(version)[:80])
        return Scores.model_validate_json(data)
    except Pointer:
        return None  # the survey reports it
    except Unreadable as error:
        return unreadable("S1", _IN_SCORES, "the scores", error)
    except ValidationError as error:
        return finding("S1", _IN_SCORES, "the scores", f"they are not: {first_complaint(error)}")


def _differences(right: Any, found: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """The differences between two trees; numbers may differ in their last digits, which are those of a CPU."""
    if isinstance(right, dict) and isinstance(found, dict):
        for key, value in right.items():
            yield from _differences(value, found[key], f"{place}.{key}")
    elif isinstance(right, tuple) and isinstance(found, tuple) and len(right) == len(found):
        for index, (one, other) in enumerate(zip(right, found, strict=True)):
            yield from _differences(one, other, f"{place}[{index}]")
    elif isinstance(right, float) and isinstance(found, float):
        if abs(right - found) > _RELATIVE * max(1.0, abs(right)):
            yield place, right, found
    elif right != found or type(right) is not type(found):
        yield place, right, found
