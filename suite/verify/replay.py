"""The replay: every claimed episode is played again from its actions; what follows must be what is claimed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom

from protocol import Protocol, RunId, StoreError, load, parse_run_id
from suite.results.store import LEDGER
from suite.untrusted.processes import SMALL, Failure, within_bounds
from suite.untrusted.text import duration_text
from suite.verify.executors import Executor
from suite.verify.findings import COST, WHOLE, Finding, Place, Replayed, finding, first, kept
from suite.verify.finished import Finished
from suite.verify.run_audit import AuditedLedger
from suite.verify.shards import Shard, shards_of, steps_per_second

_SHARDS_PER_WORKER = 16
_MOST_SHARD_STEPS = 500_000
_STEPS_WORTH_MEASURING = 100_000
_SECONDS_PER_LINE = 1.0


class Replays(NamedTuple):
    """A replay's extent and findings."""

    replayed: Replayed
    findings: tuple[Finding, ...]


def replay_submission(
    folder: Path,
    protocol: Protocol,
    ledgers: Mapping[RunId, AuditedLedger],
    sample: tuple[float, int] | None,
    executor: Executor,
    finished: Finished,
    listener: Callable[[str], None],
) -> Replays:
    """Play episodes of a submission again, sharded over processes.

    Args:
        folder: the submission.
        protocol: the rules.
        ledgers: of each run whose ledger could be read.
        sample: the share of each run's episodes and the seed that draws them, besides which the best episode of
            each game and phase is played; None: all.
        executor: plays the shards.
        finished: what earlier calls have replayed already; takes in what this one does.
        listener: called with the cost, and then with the progress, in words.
    """
    chosen = {run_id: _chosen(run_id, ledger, sample) for run_id, ledger in ledgers.items()}
    left = {run_id: finished.left(run_id, ledgers[run_id].sha256, rows) for run_id, rows in chosen.items()}
    steps = sum(int(ledgers[run_id].steps[rows].sum()) for run_id, rows in left.items())
    shard_steps = min(_MOST_SHARD_STEPS, steps // (_SHARDS_PER_WORKER * executor.workers))
    shards = [
        shard
        for run_id, rows in left.items()
        for shard in shards_of(
            folder, protocol.version, run_id, ledgers[run_id], rows, max(executor.least_steps, shard_steps)
        )
    ]
    played = sum(map(len, chosen.values()))
    listener(_cost(protocol, sum(map(len, left.values())), played, steps, executor))
    played_now = kept("R1", _play(shards, executor, finished, listener))
    findings = [*finished.findings(chosen, ledgers), *played_now]
    total = sum(len(ledger.steps) for ledger in ledgers.values())
    replayed = Replayed(
        episodes=played,
        of_episodes=total,
        sample_seed=None if sample is None else sample[1],
        chance_of_one_percent=_chance(played, total),
    )
    return Replays(replayed, tuple(_limited({*findings})))


def _limited(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings in order: of a rule in a run the first few, and how many more there are."""
    in_order = sorted(findings, key=lambda one: (one.run_id or "", one.rule, one.severity, one.row or 0))
    for _, own in groupby(in_order, lambda one: (one.run_id, one.rule, one.severity)):
        yield from first(own_findings := list(own), len(own_findings))


def _cost(protocol: Protocol, episodes: int, chosen: int, steps: int, executor: Executor) -> str:
    """The work to be done, and, where that is not soon over, its duration at a rate that is measured."""
    kept = "" if episodes == chosen else f" (of {chosen:,}; the others were before)"
    text = f"{COST}{episodes:,} episodes{kept}, {steps:,} steps, {executor.in_words}"
    if steps < _STEPS_WORTH_MEASURING:
        return text
    rate = within_bounds(steps_per_second, protocol.version, SMALL)
    if isinstance(rate, Failure):
        return text
    duration = duration_text(steps / rate / executor.workers)
    return f"{text}; about {duration} at {rate:,.0f} steps/s per core, as here"


def _play(
    shards: Sequence[Shard], executor: Executor, finished: Finished, listener: Callable[[str], None]
) -> Iterator[Finding]:
    """The findings in shards, as they end; an episode of one that is lost is tried alone."""
    progress = _Progress(sum(shard.steps for shard in shards), listener)
    again: list[Shard] = []
    for place, found in executor.play(shards):
        shard = shards[place]
        progress.add(shard.steps)
        if isinstance(found, Failure) and len(shard.rows) > 1:
            again += [shard._replace(rows=(row,)) for row in shard.rows]
        else:
            yield from _found(shard, found, finished)
    for place, found in executor.play(again):
        yield from _found(again[place], found, finished)


class _Progress:
    """Tells how far a replay is, once a second at most."""

    def __init__(self, steps: int, listener: Callable[[str], None]) -> None:
        self._steps, self._listener = steps, listener
        self._done, self._started, self._told = 0, time.monotonic(), 0.0

    def add(self, steps: int) -> None:
        """So many steps more are done."""
        self._done += steps
        now = time.monotonic()
        if now - self._told >= _SECONDS_PER_LINE:
            self._told = now
            left = (now - self._started) * (self._steps - self._done) / max(1, self._done)
            self._listener(
                f"replaying, {100 * self._done // max(1, self._steps)} %, {duration_text(left)} left"
            )


def _found(shard: Shard, found: tuple[Finding, ...] | Failure, finished: Finished) -> Iterator[Finding]:
    if not isinstance(found, Failure):
        yield from found
        try:
            finished.add(shard, found)
        except StoreError as error:  # the next call plays it again
            yield finding("R1", WHOLE, "a folder that keeps what is replayed", str(error), "warning")
        return
    run_id = parse_run_id(shard.run_id, load(shard.version))
    place = Place.of_run(run_id, LEDGER, shard.rows[0])
    yield finding("R1", place, "an episode that can be played again", found.reason, "unchecked")


def _chosen(run_id: RunId, ledger: AuditedLedger, sample: tuple[float, int] | None) -> list[int]:
    """The rows of a run that are played: all, or a share of them, one at least, and the best ones.

    One false episode that decides what a run earns is then among them, whichever are drawn.
    """
    count = len(ledger.steps)
    if sample is None:
        return list(range(count))
    share, seed = sample
    own = int.from_bytes(hashlib.sha256(f"{seed} {run_id}".encode()).digest()[:16], "big")
    generator = np.random.Generator(np.random.Philox(key=own))
    some = min(count, max(1, round(share * count)))
    return sorted({*generator.choice(count, some, replace=False).tolist(), *ledger.best})


def _chance(played: int, total: int) -> float:
    """That none of the played episodes is among the false ones, if one in a hundred (one at least) is false.

    Hypergeometric, as if drawn from all episodes alike.
    """
    false = max(1, round(total / 100))
    return float(hypergeom.pmf(0, total, false, played)) if total else 1.0
