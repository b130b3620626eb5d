"""The retraining: chosen runs are played again by the learner that they name, and ledgers are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from protocol import AmtlbError, Protocol, Run, StoreError, UnknownName, describe, parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.contained.spec import BoxSpec
from suite.results.reading import checked_ledger_file, read_record
from suite.results.store import LEDGER, RECORD, SCORES, SUBMISSION, Store
from suite.scoring.ledger_outcomes import game_outcomes
from suite.scoring.measures import contrast
from suite.scoring.scores import Scores
from suite.submission.description import parse_submission
from suite.untrusted.files import MAX_JSON_BYTES, Unreadable, read_bytes
from suite.verify.findings import Finding, Place, finding

LEAST_BAND = 0.05
"""Contrasts closer to 0 than this are taken as equal, where a game's null of few seeds is narrower."""


def retrain(
    folder: Path,
    protocol: Protocol,
    run_ids: Sequence[str],
    scratch: Path,
    box: BoxSpec | None,
    listener: Callable[[str], None],
) -> Iterator[Finding]:
    """Play runs of a submission again and compare them.

    Args:
        folder: the submission, which has been audited.
        protocol: the rules.
        run_ids: which runs; what they start from is played as well.
        scratch: an empty folder for the runs.
        box: where the learner is put; None: it is imported by the name that the record gives, from this
            environment: only where it is installed here and trusted.
        listener: hears of each run that begins.

    Raises:
        UnknownName: there is no such run or learner, or the image is another than the declared one.
    """
    store = Store(scratch, protocol)
    _check_image(folder, box)
    for text in run_ids:
        run = describe(parse_run_id(text, protocol), protocol)
        try:
            for needed in _with_ancestors(run, protocol):
                yield from _play(folder, store, needed, box, listener)
            yield from _compare(folder, store, run)
        except (AmtlbError, Unreadable, ValidationError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            found = f"{type(error).__name__}: {reason}"
            yield finding("T1", _place(run), "files to compare the run with", found, "unchecked")


def _check_image(folder: Path, box: BoxSpec | None) -> None:
    try:
        declared = parse_submission(read_bytes(folder, SUBMISSION, MAX_JSON_BYTES)).image_sha256
    except (Unreadable, StoreError):
        return  # the audit has told
    if box is not None and None not in (declared, box.image_sha256) and declared != box.image_sha256:
        raise UnknownName(
            f"the image has the id {box.image_sha256}, the submission declares {declared}; give that one"
        )


def _with_ancestors(run: Run, protocol: Protocol) -> list[Run]:
    if run.starts_from is None:
        return [run]
    return [*_with_ancestors(describe(run.starts_from, protocol), protocol), run]


def _play(
    folder: Path, store: Store, run: Run, box: BoxSpec | None, listener: Callable[[str], None]
) -> Iterator[Finding]:
    if store.is_complete(run.run_id):
        return
    listener(str(run.run_id))
    try:
        learner = read_record(folder, f"{run.run_id.path}/{RECORD}").learner
    except Unreadable as error:
        yield finding("T1", _place(run), "a record that names the learner", f"it {error}", "unchecked")
        return
    outcome = play_one(run.run_id, store, store.protocol, Settings(learner, "cpu", 1, 0, None, box))
    if outcome.status != "complete":
        found = f"it {outcome.status}: {outcome.error[:200]}"
        yield finding("T1", _place(run), f"a run of {learner}", found, "unchecked")


def _compare(folder: Path, store: Store, run: Run) -> Iterator[Finding]:
    """Equal to the bit; or, where that is not declared, in no game further off than fresh runs are apart."""
    if not store.is_complete(run.run_id):
        return
    record = store.record(run.run_id)
    claimed = read_record(folder, f"{run.run_id.path}/{RECORD}")
    if record.configuration_digest != claimed.configuration_digest:
        expected = f"configuration {record.configuration_digest}, which {record.learner} has here"
        yield finding("T1", _place(run), expected, claimed.configuration_digest)
    if record.ledger_sha256 == claimed.ledger_sha256:
        return
    if parse_submission(read_bytes(folder, SUBMISSION, MAX_JSON_BYTES)).deterministic:
        expected = f"ledger {record.ledger_sha256}, since the learner is declared deterministic"
        yield finding("T1", _place(run), expected, claimed.ledger_sha256)
        return
    file = f"{run.run_id.path}/{LEDGER}"
    ours, theirs = (
        game_outcomes(checked_ledger_file(place, file, run, store.protocol).columns, run)
        for place in (store.folder, folder)
    )
    scores = Scores.model_validate_json(read_bytes(folder, SCORES, MAX_JSON_BYTES))
    bands = {game.game: game.contrast.null for game in scores.transfer.games}
    for game in run.games:
        earned = (np.array([found[game].curve[-1]]) for found in (theirs, ours))
        kappa = float(contrast(*earned)[0])
        null = bands[game]
        half = float(np.sqrt(scores.seeds))  # one run a side varies so many times as much as the means of S do
        low, high = (null.low * half, null.high * half) if null else (0.0, 0.0)
        low, high = min(low, -LEAST_BAND), max(high, LEAST_BAND)
        if not low <= kappa <= high:
            expected = f"the same ledger, or in {game} a contrast from {low:+.3f} to {high:+.3f}"
            yield finding("T1", _place(run), expected, f"{kappa:+.3f}")


def _place(run: Run) -> Place:
    return Place.of_run(run.run_id, LEDGER)
