"""The rules that hold between the runs of a submission: which there are, of what, and what starts from what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from protocol import Edition, Protocol, Run, RunId, RunRecord, plan
from suite.results.run_parts import wall_seconds
from suite.results.store import RECORD
from suite.verify.findings import WHOLE, Finding, Place, finding, first

CLOCKS_APART = timedelta(minutes=10)
"""By how much the clocks of the hosts that played may differ."""
_LONGEST_SECONDS = 1e9
_YEARS = range(2000, 3000)
Records = Mapping[RunId, RunRecord]


def check_plan(
    protocol: Protocol, edition: Edition, present: Iterable[str], closed: Sequence[str] = ()
) -> Iterator[Finding]:
    """Every run of the edition and no other, given the folders that hold runs; D1 where a whole seed differs.

    Args:
        present: paths of the run folders, such as ``fresh/pong/seed0``.
        closed: of folders that cannot be listed; what is in them could not be checked.
    """
    expected = {run.run_id.path: run.run_id for run in plan(protocol, edition)}
    seeds: dict[str, list[str]] = {}
    for path in sorted(present):
        seeds.setdefault(path.rpartition("seed")[2], []).append(path)
    wanted_seeds = {str(seed) for seed in range(edition.seeds)}
    for seed in sorted(wanted_seeds - seeds.keys()):
        yield finding("D1", WHOLE, f"runs of seed {seed}", "none", "unchecked" if closed else "error")
    wanted = f"seeds 0 to {edition.seeds - 1} only"
    others = [
        finding("D1", Place.of_file(seeds[seed][0]), wanted, f"{len(seeds[seed])} runs of seed {seed[:20]}")
        for seed in sorted(seeds.keys() - wanted_seeds)
    ]
    yield from first(others, len(others))
    there = {path for paths in seeds.values() for path in paths}
    for path, run_id in expected.items():
        if path not in there and str(run_id.seed) in seeds:
            hidden = any(f"{path}/".startswith(f"{folder}/") for folder in closed)
            yield finding("S2", Place(run_id), "this run", "none", "unchecked" if hidden else "error")
    wanted = f"runs of edition {edition.name} only"
    strangers = [
        finding("S2", Place.of_file(path), wanted, "another")
        for seed in sorted(wanted_seeds & seeds.keys())
        for path in seeds[seed]
        if path not in expected
    ]
    yield from first(strangers, len(strangers))


def check_lineage(runs: Iterable[Run], records: Records, learned: Collection[RunId]) -> Iterator[Finding]:
    """Transfer runs start from what their fold and seed were trained to, and nothing else ended as that.

    Digests of checkpoints are claims: what is found here are mistakes and careless cheats.

    Args:
        runs: that are there.
        records: of those whose record could be read.
        learned: the runs that were paid a reward, so that there was something to learn from.
    """
    present = [run for run in runs if run.run_id in records]
    checkpoints = Checkpoints.of(records, learned)
    known: set[frozenset[RunId]] = set()
    for run in present:
        if run.starts_from is None:
            continue
        start, ancestor = records[run.run_id].checkpoint_in, records.get(run.starts_from)
        if ancestor is not None and start != ancestor.checkpoint_out:
            expected = f"checkpoint {ancestor.checkpoint_out} of {run.starts_from}"
            yield finding("F3", Place.of_run(run.run_id, RECORD), expected, str(start))
        if ancestor is not None:
            yield from _in_time(run, records[run.run_id], run.starts_from, ancestor)
        if (other := _seen_before(run, checkpoints, records)) is not None:
            known.add(frozenset({run.starts_from, other}))
            expected = f"a checkpoint that never saw {run.run_id.game}"
            yield finding("F2", Place.of_run(run.run_id, RECORD), expected, f"that of {other}")
    yield from _shared(present, checkpoints, known)


class Checkpoints(NamedTuple):
    """The runs that ended as each checkpoint, where that means something.

    Runs of one seed begin with the same weights. Where fresh runs of two games ended as one checkpoint, the
    learner has no weights, or has not learned yet, and the checkpoint means nothing; nor does that of a run
    that was paid no reward, since it may have had nothing to learn from.
    """

    ended: Mapping[str, list[RunId]]

    @classmethod
    def of(cls, records: Records, learned: Collection[RunId]) -> Checkpoints:
        """The checkpoints of all runs, given those that were paid a reward."""
        ended: dict[str, list[RunId]] = {}
        for run_id, record in records.items():
            ended.setdefault(record.checkpoint_out, []).append(run_id)
        return cls(
            {
                digest: [one for one in own if one in learned]
                for digest, own in ended.items()
                if len({one.game for one in own if one.arm == "fresh"}) < 2
            }
        )


def _seen_before(run: Run, checkpoints: Checkpoints, records: Records) -> RunId | None:
    """A run that played the held-out game and ended as the very checkpoint that this run starts from.

    The run's own ancestor is held to its games by F1.
    """
    start = records[run.run_id].checkpoint_in
    for other in checkpoints.ended.get(start, ()) if start is not None else ():
        played = any(spending.game == run.run_id.game for spending in records[other].games)
        if played and other not in (run.run_id, run.starts_from):
            return other
    return None


def _shared(
    runs: Iterable[Run], checkpoints: Checkpoints, known: Collection[frozenset[RunId]]
) -> Iterator[Finding]:
    """Runs that ended as one checkpoint though they neither start from each other nor from the same run."""
    roots = {run.run_id: run.starts_from or run.run_id for run in runs}
    for own in checkpoints.ended.values():
        for other in own[1:]:
            pair = frozenset({roots[own[0]], roots[other]})
            if len(pair) > 1 and pair not in known:
                expected = f"a checkpoint that {own[0]} did not end as"
                yield finding("F3", Place.of_run(other, RECORD), expected, "the same one")


def _in_time(run: Run, record: RunRecord, starts_from: RunId, ancestor: RunRecord) -> Iterator[Finding]:
    """A transfer run begins once its pre-training has ended, as far as clocks of several hosts agree."""
    begun, ready = began_at(record.started_at), began_at(ancestor.started_at)
    if begun is None or ready is None:
        return  # S1 reports it
    ready += timedelta(seconds=min(wall_seconds(ancestor), _LONGEST_SECONDS))  # and what lay between its parts
    if begun + CLOCKS_APART < ready:
        ended = ready.isoformat(timespec="seconds")
        expected = f"a start after {starts_from} ended, at {ended}; who plays that again plays this again, too"
        yield finding("F3", Place.of_run(run.run_id, RECORD), expected, record.started_at)


def began_at(started_at: str) -> datetime | None:
    """A record's time of start, with its time zone; None: the text is no such time, or one of other ages."""
    try:
        found = datetime.fromisoformat(started_at)
        return found.astimezone(UTC) if found.tzinfo is not None and found.year in _YEARS else None
    except (ValueError, OverflowError):
        return None
