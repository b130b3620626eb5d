"""A verification: the levels that were asked for, one after another, and the verdict on every rule."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from protocol import Protocol
from suite.contained.spec import BoxSpec
from suite.verify.audit import Audit, audit
from suite.verify.findings import (
    REPLAY_RULES,
    RETRAIN_RULES,
    Finding,
    Replayed,
    Retrained,
    Verification,
    for_the_reviewer,
    judge,
)

if TYPE_CHECKING:
    from suite.verify.retrain import Retraining


class Levels(NamedTuple):
    """What is asked for beyond the audit.

    Attributes:
        replay: whether episodes are played again.
        sample: the share of each run's episodes that is, and the seed that draws them; None: all are.
        retrain: the runs that the learner plays again.
        box: where it is put for that; None: into a process with this environment.
        draw: how many runs are drawn to be played again, and the seed that draws them; None: only those named.
    """

    replay: bool
    sample: tuple[float, int] | None
    retrain: Sequence[str]
    box: BoxSpec | None = None
    draw: tuple[int, int] | None = None


def verify(
    folder: Path, protocol: Protocol, levels: Levels, workers: int, listener: Callable[[str], None]
) -> Verification:
    """Hold a submission to the protocol.

    Args:
        folder: the submission; nothing in it is trusted.
        protocol: the rules.
        levels: what is asked for.
        workers: processes.
        listener: hears what is being done.

    Raises:
        StoreError: there is no submission in the folder.
        UnknownName: a run or learner to be played again does not exist.
    """
    listener("auditing")
    audited = audit(folder, protocol, workers)
    findings, checked = list(audited.findings), set(audited.checked)
    replayed: Replayed | None = None
    if levels.replay and audited.edition is not None:
        from suite.verify.replay import replay_submission

        def tell(done: int, of: int) -> None:
            listener(f"replaying, {100 * done // of} %")

        found = replay_submission(folder, protocol, audited.ledgers, levels.sample, workers, tell)
        replayed, checked = found.replayed, checked | set(REPLAY_RULES)
        findings += found.findings
    retrained: Retrained | None = None
    if (levels.retrain or levels.draw) and audited.edition is not None:
        again = _retrain(folder, protocol, audited.edition, levels, listener)
        retrained, checked = again.retrained, checked | set(RETRAIN_RULES)
        findings += again.findings
    return _verification(protocol, audited, findings, checked, replayed, retrained)


def _retrain(
    folder: Path, protocol: Protocol, edition: str, levels: Levels, listener: Callable[[str], None]
) -> Retraining:
    """Runs played again, those named and those drawn."""
    from suite.verify.retrain import retrain
    from suite.verify.retrain_plan import draw_runs

    drawn = [] if levels.draw is None else draw_runs(protocol.edition(edition), *levels.draw)
    runs = dict.fromkeys([*levels.retrain, *drawn])
    with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
        found = retrain(
            folder, protocol, tuple(runs), Path(scratch), levels.box, lambda run: listener(f"playing {run}")
        )
    if levels.draw is None:
        return found
    told = found.retrained.model_copy(update={"draw_seed": levels.draw[1]})
    return found._replace(retrained=told)


def _verification(
    protocol: Protocol,
    audited: Audit,
    findings: Sequence[Finding],
    checked: Iterable[str],
    replayed: Replayed | None,
    retrained: Retrained | None,
) -> Verification:
    """The verdicts on all that was found, next to what the audit read of the submission."""
    return Verification(
        protocol_version=protocol.version,
        edition=audited.edition,
        edition_digest=protocol.edition_digests[audited.edition] if audited.edition else None,
        learner=audited.learner,
        division=audited.submission.division if audited.submission else None,
        brings=audited.submission.brings if audited.submission else None,
        runs=len(audited.ledgers),
        replayed=replayed,
        retrained=retrained,
        verdicts=judge(findings, checked),
        for_the_reviewer=for_the_reviewer(findings),
        findings=tuple(findings),
    )
