"""The replay: every claimed episode is played again from its actions; what follows must be what is claimed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom

from protocol import EpisodeRecord, Protocol, Run, RunId, describe, load, parse_run_id
from suite.emulator.replayer import Replayer
from suite.results.reading import read_ledger_file
from suite.results.store import LEDGER
from suite.untrusted.files import Unreadable
from suite.untrusted.processes import Failure, Limits, run_sharded
from suite.verify.findings import Finding, Place, Replayed, finding
from suite.verify.run_audit import AuditedLedger

SHARD_STEPS = 5_000
"""Episodes are handed to workers in groups of about so many steps, so that all workers end together."""
_MEMORY_BYTES = 2 * 2**30
_SLOWEST_STEPS_PER_SECOND = 100
_ROOM_SECONDS = 60


class Shard(NamedTuple):
    """Some episodes of one run, for one worker; of the very ledger that was audited."""

    folder: str
    version: str
    run_id: str
    ledger_sha256: str
    rows: tuple[int, ...]


class Replays(NamedTuple):
    """What a replay found."""

    replayed: Replayed
    findings: tuple[Finding, ...]


def replay_submission(
    folder: Path,
    protocol: Protocol,
    ledgers: Mapping[RunId, AuditedLedger],
    sample: tuple[float, int] | None,
    workers: int,
    listener: Callable[[int, int], None],
) -> Replays:
    """Play episodes of a submission again, sharded over processes.

    Args:
        folder: the submission.
        protocol: the rules.
        ledgers: of each run whose ledger could be read.
        sample: the share of each run's episodes and the seed that draws them; None: all.
        workers: processes.
        listener: hears how many of how many shards are done.
    """
    chosen = {run_id: _chosen(run_id, ledger.episodes, sample) for run_id, ledger in ledgers.items()}
    shards = [
        shard
        for run_id, rows in chosen.items()
        for shard in _shards(folder, protocol, run_id, ledgers[run_id].sha256, rows)
    ]
    findings: list[Finding] = []
    limits = Limits(_MEMORY_BYTES, _ROOM_SECONDS + 10 * SHARD_STEPS / _SLOWEST_STEPS_PER_SECOND)
    again: list[Shard] = []
    for done, (place, found) in enumerate(run_sharded(replay_shard, shards, workers, limits), 1):
        listener(done, len(shards))
        if isinstance(found, Failure) and len(shards[place].rows) > 1:
            again += [shards[place]._replace(rows=(row,)) for row in shards[place].rows]
        else:
            findings += _found(shards[place], found)
    # A worker that died took its other episodes with it: each of them is tried alone.
    for place, found in run_sharded(replay_shard, again, workers, limits):
        findings += _found(again[place], found)
    total, played = (
        sum(ledger.episodes for ledger in ledgers.values()),
        sum(len(rows) for rows in chosen.values()),
    )
    replayed = Replayed(
        episodes=played,
        of_episodes=total,
        sample_seed=None if sample is None else sample[1],
        chance_of_one_percent=_chance(played, total),
    )
    return Replays(
        replayed, tuple(sorted({*findings}, key=lambda finding: (finding.run_id or "", finding.row or 0)))
    )


def _chosen(run_id: RunId, count: int, sample: tuple[float, int] | None) -> list[int]:
    """The rows of a run that are played: all, or a share of them, one at least."""
    if sample is None:
        return list(range(count))
    share, seed = sample
    own = int.from_bytes(hashlib.sha256(f"{seed} {run_id}".encode()).digest()[:16], "big")
    generator = np.random.Generator(np.random.Philox(key=own))
    some = min(count, max(1, round(share * count)))
    return sorted(generator.choice(count, some, replace=False).tolist())


def _chance(played: int, total: int) -> float:
    """That none of the played episodes is among the false ones, if one in a hundred (one at least) is false.

    Hypergeometric, as if drawn from all episodes alike.
    """
    false = max(1, round(total / 100))
    return float(hypergeom.pmf(0, total, false, played)) if total else 1.0


def _shards(
    folder: Path, protocol: Protocol, run_id: RunId, ledger_sha256: str, rows: Sequence[int]
) -> Iterator[Shard]:
    """Groups of a run's rows; lengths are not known yet, so a group has the rows of an average share."""
    run = describe(run_id, protocol)
    groups = max(1, min(len(rows), round(run.most_steps / SHARD_STEPS)))
    for group in np.array_split(np.asarray(rows), groups):
        yield Shard(str(folder), protocol.version, str(run_id), ledger_sha256, tuple(group.tolist()))


def _found(shard: Shard, found: tuple[Finding, ...] | Failure) -> tuple[Finding, ...]:
    if not isinstance(found, Failure):
        return found
    run_id = parse_run_id(shard.run_id, load(shard.version))
    return (
        finding(
            "R1",
            Place.of_run(run_id, LEDGER, shard.rows[0]),
            "an episode that can be played again",
            found.reason,
            "unchecked",
        ),
    )


@cache
def _replayer(version: str) -> Replayer:
    """A worker's own, whose consoles stay loaded from shard to shard."""
    return Replayer(load(version))


def replay_shard(shard: Shard) -> tuple[Finding, ...]:
    """Play some episodes of one run again; what differs."""
    protocol = load(shard.version)
    run = describe(parse_run_id(shard.run_id, protocol), protocol)
    file = f"{run.run_id.path}/{LEDGER}"
    changed = finding(
        "R1", Place.of_run(run.run_id, LEDGER), "the ledger that was audited", "another by now", "unchecked"
    )
    try:
        ledger = read_ledger_file(Path(shard.folder), file, run)
    except Unreadable:
        return (changed,)
    if ledger.sha256 != shard.ledger_sha256:
        return (changed,)
    player = _replayer(shard.version)
    findings: list[Finding] = []
    for row, values in zip(shard.rows, ledger.table.take(list(shard.rows)).to_pylist(), strict=True):
        lists = {name: tuple(values[name]) for name in ("reward_steps", "rewards")}
        episode = EpisodeRecord(**values | lists)
        findings += _compare(protocol, player, run, row, episode)
    return tuple(findings)


def _compare(
    protocol: Protocol, player: Replayer, run: Run, row: int, episode: EpisodeRecord
) -> Iterator[Finding]:
    """The first divergence of an episode, or none."""
    place = Place.of_run(run.run_id, LEDGER, row)
    known = {game.name for game in protocol.games}
    if (
        episode.game not in known
        or not episode.actions
        or max(episode.actions) >= protocol.environment.actions
        or len(episode.actions) != episode.length_steps
    ):
        return  # rules A1, A2, B1 and F1 tell what is wrong with it
    again = player.replay(run, episode)
    claimed = dict(zip(episode.reward_steps, episode.rewards, strict=False))
    played = dict(zip(again.reward_steps, again.rewards, strict=True))
    for step in sorted(claimed.keys() | played.keys()):
        if claimed.get(step, 0) != played.get(step, 0):
            yield finding(
                "R1", place, f"reward {played.get(step, 0)} in step {step}", f"{claimed.get(step, 0)}"
            )
            break
    if again.over_after is not None and again.over_after < episode.length_steps:
        yield finding(
            "R2", place, f"the game over after step {again.over_after - 1}", f"{episode.length_steps} steps"
        )
    elif again.game_over != (episode.end_reason == "game_over"):
        over = "the game over" if again.game_over else "the game not over"
        yield finding("R2", place, f"{over} after the last step", episode.end_reason)
    if again.ram_sha256 != episode.ram_sha256:
        yield finding("R3", place, f"RAM {again.ram_sha256.hex()}", episode.ram_sha256.hex())
