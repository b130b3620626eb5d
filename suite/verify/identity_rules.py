"""Rule P5: one learner, one configuration and one image made all runs: those that are declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from protocol import Edition, RunId, RunRecord
from suite.digests import short_digest
from suite.results.published import published_plays
from suite.results.run_parts import parts_of
from suite.results.store import LEDGER, RECORD, SUBMISSION
from suite.submission.description import Submission
from suite.untrusted.text import counted, listed
from suite.verify.findings import WHOLE, Finding, Place, finding

_SHOWN_CODES = 5
_SAME_SHARE = 0.5
"""Of a run's episodes: who copies a run may change some of it."""
Plays = Mapping[RunId, frozenset[bytes]]


def check_identity(
    edition: Edition,
    records: Mapping[RunId, RunRecord],
    plays: Plays,
    submission: Submission | None,
) -> Iterator[Finding]:
    """Check who made the runs, as far as claims can be compared with each other.

    Args:
        edition: of the runs.
        records: of those whose record could be read.
        plays: by run, what was played (suite.results.reading).
        submission: what is declared of them; None: it could not be read.
    """
    yield from _one_maker(records)
    yield from _one_code(records)
    if submission is not None:
        yield from _declared_image(records, submission)
    yield from _published_before(edition, records, plays)


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


def _published_before(edition: Edition, records: Mapping[RunId, RunRecord], plays: Plays) -> Iterator[Finding]:
    """Transfer runs that are those of a published baseline which learns, whole or in good part, renamed."""
    published = published_plays(edition.name)
    for run_id, own in plays.items():
        same = {
            learner: len(own & theirs)
            for learner, theirs in published.get(run_id, {}).items()
            if own and len(own & theirs) >= _SAME_SHARE * len(own)
        }
        record = records.get(run_id)
        if not same or record is None or record.learner in same:
            continue
        learner = max(same, key=lambda one: same[one])
        found = f"{same[learner]:,} of its {len(own):,} episodes are published for {learner}"
        yield finding("P5", Place.of_run(run_id, LEDGER), f"a run that {record.learner} played", found)
