"""Rule P5: one learner, one configuration and one image made all runs: those that are declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from protocol import Edition, RunId, RunRecord
from suite.digests import short_digest
from suite.results.published import published_learners
from suite.results.run_parts import parts_of
from suite.results.shared_plays import SharedPlays
from suite.results.store import LEDGER, RECORD, SUBMISSION
from suite.submission.description import Submission
from suite.untrusted.text import counted, listed
from suite.verify.findings import WHOLE, Finding, Place, Severity, finding

_SHOWN_CODES = 5
Shared = Mapping[RunId, Mapping[str, SharedPlays]]


def check_identity(
    edition: Edition,
    records: Mapping[RunId, RunRecord],
    shared: Shared,
    submission: Submission | None,
) -> Iterator[Finding]:
    """Check who made the runs, as far as claims can be compared with each other.

    Args:
        edition: of the runs.
        records: of those whose record could be read.
        shared: by run and published learner, the episodes that both have.
        submission: what is declared of them; None: it could not be read.
    """
    yield from _one_maker(records)
    yield from _one_code(records)
    if submission is not None:
        yield from _declared_image(records, submission)
    yield from _published_before(edition, records, shared)


def _one_maker(records: Mapping[RunId, RunRecord]) -> Iterator[Finding]:
    made_by = {run_id: _made_by(record) for run_id, record in records.items()}
    counts = Counter(made_by.values())
    for run_id, found in made_by.items():
        if found != (most := counts.most_common(1)[0][0]):
            yield finding("P5", Place.of_run(run_id, RECORD), f"{most}, as most runs have", found)


def _made_by(record: RunRecord) -> str:
    image = "no image" if record.image_sha256 is None else f"image {record.image_sha256}"
    return f"{record.learner} with configuration {record.configuration_digest} in {image}"


def _one_code(records: Mapping[RunId, RunRecord]) -> Iterator[Finding]:
    """A warning where the runs name several commits of the suite, or digests of the learner's code."""
    commits = Counter(
        commit for record in records.values() for commit in {part.code_commit for part in parts_of(record)}
    )
    codes = Counter(record.learner_code_sha256 for record in records.values())
    for counts, wanted in ((commits, "one commit of the code"), (codes, "one digest of the learner's code")):
        if len(counts) > 1:
            named = [f"{short_digest(code)} ({counted(runs, 'run')})" for code, runs in counts.most_common()]
            yield finding("P5", WHOLE, wanted, listed(named, _SHOWN_CODES), "warning")


def _declared_image(records: Mapping[RunId, RunRecord], submission: Submission) -> Iterator[Finding]:
    """A run that names an image names the declared one; in a contained submission every run names it.

    A learner that shared the harness's process in an image has none in its record.
    """
    declared = submission.image_sha256
    for run_id, record in records.items():
        due = submission.contained or record.image_sha256 is not None
        if due and record.image_sha256 != declared:
            said = f"image {declared}, which {SUBMISSION} declares" if declared else "no image, as is declared"
            found = f"image {record.image_sha256}" if record.image_sha256 else "no image"
            yield finding("P5", Place.of_run(run_id, RECORD), said, found)


def _published_before(
    edition: Edition, records: Mapping[RunId, RunRecord], shared: Shared
) -> Iterator[Finding]:
    """Runs that are published for others, renamed: transfer runs, and any that make a mixture."""
    learns = {one.learner: one.learns for one in published_learners(edition.name)}
    players = {
        run_id: {learner for learner, plays in own.items() if plays.training.is_most}
        for run_id, own in shared.items()
        if run_id in records
    }
    for run_id, found in players.items():
        if run_id.arm == "transfer" and (known := [learner for learner in found if learns[learner]]):
            learner = max(known, key=lambda one: shared[run_id][one].training.alike)
            yield _copy(run_id, records[run_id].learner, learner, shared[run_id][learner])
    yield from _mixed(players, learns)
    if not learns.keys() & {record.learner for record in records.values()}:
        yield from _alike(players, learns)


def _alike(players: Mapping[RunId, set[str]], learns: Mapping[str, bool]) -> Iterator[Finding]:
    """A warning of runs that are published for others, where an honest learner may have the same ones.

    Before a checkpoint is loaded learners may do the same, and one that learns nothing plays as anybody would.
    """
    for learner, does_learn in learns.items():
        arms = Counter(one.arm for one, found in players.items() if learner in found)
        shared = [f"{count} {arm}" for arm, count in arms.items() if arm != "transfer" or not does_learn]
        if shared:
            found = f"{', '.join(shared)} runs that are published for {learner}"
            yield finding("P5", WHOLE, "runs of its own", found, "warning")


def _copy(run_id: RunId, claimed: str, learner: str, plays: SharedPlays) -> Finding:
    """A transfer run that is published for another learner; a warning if it was evaluated in another way."""
    training, evaluation = plays
    found = f"{training.alike:,} of its {training.compared:,} training episodes are published for {learner}"
    severity: Severity = "error"
    if evaluation.compared and not evaluation.is_most:
        found, severity = f"{found}; its evaluation is another", "warning"
    if claimed == learner:
        found = f"{found} with another configuration"
    return finding("P5", Place.of_run(run_id, LEDGER), f"a run that {claimed} played", found, severity)


def _mixed(players: Mapping[RunId, set[str]], learns: Mapping[str, bool]) -> Iterator[Finding]:
    """Runs that no single learner can have played.

    Learners may share what they do before a checkpoint is loaded. But runs of several published learners are no
    one's, and fresh runs of a learner that never learns do not belong to transfer runs of one that does.
    """
    known = [found for found in players.values() if found]
    if known and not set.intersection(*known):
        counts = Counter(learner for found in known for learner in found)
        named = [f"{learner} ({counted(runs, 'run')})" for learner, runs in counts.most_common()]
        yield finding("P5", WHOLE, "runs of one learner", f"published for {listed(named, _SHOWN_CODES)}")
    idle = {learner for learner, does in learns.items() if not does}
    fresh, transfer = ([own for one, own in players.items() if one.arm == arm] for arm in ("fresh", "transfer"))
    if fresh and all(own & idle for own in fresh) and any(not own & idle for own in transfer):
        found = f"those of {', '.join(sorted(idle))}, which does not learn, with other transfer runs"
        yield finding("P5", WHOLE, "fresh runs of its own", found)
