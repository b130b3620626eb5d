"""The rules that hold between the runs of a submission: which there are, of what, and what starts from what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from protocol import Edition, Protocol, Run, RunId, RunRecord, plan
from suite.results.store import RECORD, SUBMISSION
from suite.submission.description import Submission
from suite.verify.findings import WHOLE, Finding, Place, finding

Records = Mapping[RunId, RunRecord]


def check_plan(protocol: Protocol, edition: Edition, present: Iterable[str]) -> Iterator[Finding]:
    """Every run of the edition and no other, given the folders that hold runs; D1 where a whole seed differs.

    Args:
        present: paths of the run folders, such as ``fresh/pong/seed0``.
    """
    expected = {run.run_id.path: run.run_id for run in plan(protocol, edition)}
    there = set(present)
    seeds = {path.rpartition("seed")[2] for path in there}
    wanted_seeds = {str(seed) for seed in range(edition.seeds)}
    for seed in sorted(wanted_seeds - seeds):
        yield finding("D1", WHOLE, f"runs of seed {seed}", "none")
    for seed in sorted(seeds - wanted_seeds):
        paths = sorted(path for path in there if path.rpartition("seed")[2] == seed)
        wanted, found = f"seeds 0 to {edition.seeds - 1} only", f"{len(paths)} runs of seed {seed[:20]}"
        yield finding("D1", Place.of_file(paths[0]), wanted, found)
    for path, run_id in expected.items():
        if path not in there and str(run_id.seed) in seeds:
            yield finding("S2", Place(run_id), "this run", "none")
    for path in sorted(there - expected.keys()):
        if path.rpartition("seed")[2] in {str(seed) for seed in range(edition.seeds)}:
            yield finding("S2", Place.of_file(path), f"runs of edition {edition.name} only", "another")


def check_lineage(runs: Iterable[Run], records: Records, submission: Submission | None) -> Iterator[Finding]:
    """One configuration for all, and transfer runs that start from what their fold and seed were trained to.

    Args:
        runs: that are there.
        records: of those whose record could be read.
        submission: what is declared of them; None: it could not be read.
    """
    yield from _one_configuration(records)
    if submission is not None and submission.contained:
        yield from _declared_image(records, submission)
    for run in runs:
        if run.starts_from is None or run.run_id not in records:
            continue
        start, ancestor = records[run.run_id].checkpoint_in, records.get(run.starts_from)
        if ancestor is not None and start != ancestor.checkpoint_out:
            expected = f"checkpoint {ancestor.checkpoint_out} of {run.starts_from}"
            yield finding("F3", Place.of_run(run.run_id, RECORD), expected, str(start))
        if start is not None:
            yield from _seen_before(run, start, records)


def _one_configuration(records: Records) -> Iterator[Finding]:
    made_by = {run_id: _made_by(record) for run_id, record in records.items()}
    counts = Counter(made_by.values())
    for run_id, found in made_by.items():
        if found != (most := counts.most_common(1)[0][0]):
            yield finding("P5", Place.of_run(run_id, RECORD), f"{most}, as most runs have", found)


def _made_by(record: RunRecord) -> str:
    image = "no image" if record.image_sha256 is None else f"image {record.image_sha256}"
    return f"{record.learner[:80]} with configuration {record.configuration_digest} in {image}"


def _declared_image(records: Records, submission: Submission) -> Iterator[Finding]:
    for run_id, record in records.items():
        if record.image_sha256 != submission.image_sha256:
            expected = f"image {submission.image_sha256}, which {SUBMISSION} declares"
            yield finding("P5", Place.of_run(run_id, RECORD), expected, record.image_sha256 or "no image")


def _seen_before(run: Run, start: str, records: Records) -> Iterator[Finding]:
    """Runs that played the held-out game and ended as the very checkpoint that this run starts from.

    The run's own ancestor is held to its games by F1. Of a learner with no weights, or so few that runs which
    do not start from each other end as the same checkpoint, a checkpoint tells nothing.
    """
    unrelated = [record.checkpoint_out for other, record in records.items() if other.arm != "pretrain"]
    if len({*unrelated}) < len(unrelated):
        return
    for other, record in records.items():
        played = any(spending.game == run.run_id.game for spending in record.games)
        if record.checkpoint_out == start and played and other not in (run.run_id, run.starts_from):
            expected = f"a checkpoint that never saw {run.run_id.game}"
            yield finding("F2", Place.of_run(run.run_id, RECORD), expected, f"that of {other}")
            return
