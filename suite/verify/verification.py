"""A verification: the levels that were asked for, one after another, and the verdict on every rule."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from protocol import AmtlbError, Protocol, UnknownName, current_protocol, describe
from suite.contained.spec import BoxSpec
from suite.machine import available_cores
from suite.results.store import Store
from suite.verify.audit import Audit, audit
from suite.verify.findings import (
    REPLAY_RULES,
    RETRAIN_RULES,
    WHOLE,
    Finding,
    Replayed,
    Retrained,
    Verification,
    finding,
    for_the_reviewer,
    judge,
)

if TYPE_CHECKING:
    from suite.verify.replay import Replays
    from suite.verify.retrain import Retraining


class Levels(NamedTuple):
    """The levels of a verification beyond the audit of the files.

    Attributes:
        replay: whether all episodes are played again, action by action.
        sample: the share of each run's episodes that is played again in place of all, and the seed that draws
            them; None: no sample.
        retrain: the run ids that the learner plays again, such as ``smoke/fresh/breakout/seed0``.
        box: where it is put for that; None: into a process with this environment.
        draw: how many runs are drawn to be played again, and the seed that draws them; None: only those named.
        scheduler: the address of a dask scheduler whose workers replay; None: this machine does.
        finished: a folder outside the submission that keeps what is replayed, so that a second call goes on;
            None: nothing is kept.

    Example:
        >>> import amtlb
        >>> amtlb.Levels(sample=(0.05, 7)).replays
        True
    """

    replay: bool = False
    sample: tuple[float, int] | None = None
    retrain: Sequence[str] = ()
    box: BoxSpec | None = None
    draw: tuple[int, int] | None = None
    scheduler: str | None = None
    finished: str | Path | None = None

    @property
    def replays(self) -> bool:
        """True if any episode is played again."""
        return self.replay or self.sample is not None


_SEEDS = 2**64
AUDIT = Levels()
"""The audit alone: the files, without the emulator and without the learner."""


def _ignore(step: str) -> None:
    """Nobody listens."""


def verify(
    folder: str | Path,
    levels: Levels = AUDIT,
    *,
    workers: int | None = None,
    listener: Callable[[str], None] = _ignore,
) -> Verification:
    """Check a submission by the rules of the protocol (docs/rules.md).

    Args:
        folder: the submission; nothing in it is trusted.
        levels: what is checked beyond the files.
        workers: processes; None: one per core.
        listener: called with a line about each step.

    Returns:
        the verdict on every rule, and every finding; ``exit_status`` is 0 where it complies.

    Raises:
        StoreError: the folder holds no submission.
        UnknownName: there is no such folder; a run or learner to be played again does not exist; a level is out
            of its range, or levels do not go together.

    Example:
        >>> import amtlb
        >>> verification = amtlb.verify(amtlb.open_results("ppo").folder)
        >>> verification.exit_status, verification.runs
        (0, 20)
    """
    _check_levels(levels)
    folder, protocol = Path(folder), current_protocol()
    workers = workers or available_cores()
    listener("auditing")
    audited = audit(folder, protocol, workers)
    findings, checked = list(audited.findings), set(audited.checked)
    replayed: Replayed | None = None
    if levels.replays and audited.edition is not None:
        with _reported(findings, "R1"):
            found = _replay(folder, protocol, audited, levels, workers, listener)
            replayed = found.replayed
            checked |= set(REPLAY_RULES if audited.is_whole else ())
            findings += found.findings
    retrained: Retrained | None = None
    if (levels.retrain or levels.draw) and audited.edition is not None:
        with _reported(findings, "T1"):
            again = _retrain(folder, protocol, audited, levels, listener)
            retrained, checked = again.retrained, checked | set(RETRAIN_RULES)
            findings += again.findings
    return _verification(protocol, audited, findings, checked, replayed, retrained)


def _check_levels(levels: Levels) -> None:
    if not levels.replays and (levels.scheduler is not None or levels.finished is not None):
        raise UnknownName("scheduler and finished are of a replay; ask for replay or sample, too")
    if levels.sample is not None and not 0 <= levels.sample[0] <= 1:
        raise UnknownName(f"a sample of {levels.sample[0]} is no share; name one from 0 to 1")
    if levels.draw is not None and levels.draw[0] < 1:
        raise UnknownName(f"{levels.draw[0]} runs cannot be drawn; name 1 or more")
    for drawn in (levels.sample, levels.draw):
        if drawn is not None and not 0 <= drawn[1] < _SEEDS:
            raise UnknownName(f"seed {drawn[1]} is none; name one from 0 to 2^64 - 1")


@contextmanager
def _reported(findings: list[Finding], rule: str) -> Iterator[None]:
    """A block in which the lack of an emulator or a box, or any error, becomes a finding, and loses none."""
    try:
        yield
    except UnknownName:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, AmtlbError) else f"{type(error).__name__}: {error}"
        findings.append(finding(rule, WHOLE, "what this level needs", reason, "unchecked"))


def _replay(
    folder: Path,
    protocol: Protocol,
    audited: Audit,
    levels: Levels,
    workers: int,
    listener: Callable[[str], None],
) -> Replays:
    """Episodes played again, here or on a cluster."""
    from suite.benchmark.scheduler import cluster_client
    from suite.verify.executors import LocalProcesses, cluster
    from suite.verify.finished import finished_in
    from suite.verify.replay import replay_submission

    ledgers = audited.ledgers
    runs = [describe(run_id, protocol) for run_id in ledgers]
    with ExitStack() as stack:
        kept = None if levels.finished is None else Path(levels.finished)
        finished = stack.enter_context(finished_in(kept, folder, protocol.version))
        if levels.scheduler is None:
            return replay_submission(
                folder, protocol, ledgers, levels.sample, LocalProcesses(workers, runs), finished, listener
            )
        client = stack.enter_context(cluster_client(levels.scheduler))
        executor = cluster(client, levels.scheduler, runs)
        return replay_submission(
            folder.resolve(), protocol, ledgers, levels.sample, executor, finished, listener
        )


def _retrain(
    folder: Path, protocol: Protocol, audited: Audit, levels: Levels, listener: Callable[[str], None]
) -> Retraining:
    """Runs played again, those named and those drawn."""
    from suite.verify.retrain import Again, retrain
    from suite.verify.retrain_plan import draw_runs

    assert audited.edition is not None
    edition = protocol.edition(audited.edition)
    drawn = [] if levels.draw is None else draw_runs(edition, *levels.draw)
    digests = {run_id: ledger.sha256 for run_id, ledger in audited.ledgers.items()}
    runs = dict.fromkeys([*levels.retrain, *drawn])
    with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
        again = Again(folder, Store(Path(scratch), protocol), protocol, digests, audited.submission)
        found = retrain(again, tuple(runs), levels.box, lambda run: listener(f"playing {run}"))
    if levels.draw is None:
        return found
    extent = found.retrained.model_copy(update={"draw_seed": levels.draw[1]})
    return found._replace(retrained=extent)


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
