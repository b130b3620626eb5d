"""A shard of a replay: some episodes of one ledger, played again from their actions and compared."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from protocol import EpisodeRecord, Protocol, Run, RunId, describe, load, parse_run_id
from suite.emulator.console import Console
from suite.emulator.replayer import Replayer
from suite.emulator.roms import checked_cartridge
from suite.results.ledger import episodes_of
from suite.results.reading import read_ledger_file
from suite.results.store import LEDGER
from suite.untrusted.files import Unreadable
from suite.verify.findings import Finding, Place, finding
from suite.verify.run_audit import AuditedLedger

_MEASURED_STEPS = 5_000


class Shard(NamedTuple):
    """Some episodes of one run, for one worker; of the very ledger that was audited.

    Attributes:
        folder: the submission.
        version: of the protocol.
        run_id: whose ledger.
        ledger_sha256: of the bytes that were audited.
        rows: of the ledger, ascending.
        steps: that these episodes have together.
    """

    folder: str
    version: str
    run_id: str
    ledger_sha256: str
    rows: tuple[int, ...]
    steps: int


def shards_of(
    folder: Path, version: str, run_id: RunId, ledger: AuditedLedger, rows: Sequence[int], shard_steps: int
) -> Iterator[Shard]:
    """Groups of a run's rows that have about so many steps each, so that all workers end together."""
    chosen = np.asarray(rows, np.int64)
    steps = ledger.steps[chosen].astype(np.int64)
    group = (np.cumsum(steps) - steps) // shard_steps
    for part in np.split(np.arange(len(chosen)), np.flatnonzero(np.diff(group)) + 1):
        if len(part):
            own = tuple(chosen[part].tolist())
            yield Shard(str(folder), version, str(run_id), ledger.sha256, own, int(steps[part].sum()))


def replay_shard(shard: Shard) -> tuple[Finding, ...]:
    """Play the episodes of a shard again; what differs."""
    protocol = load(shard.version)
    run = describe(parse_run_id(shard.run_id, protocol), protocol)
    table = _table(shard.folder, shard.version, shard.run_id, shard.ledger_sha256)
    if table is None:
        place = Place.of_run(run.run_id, LEDGER)
        return (finding("R1", place, "the ledger that was audited", "another by now", "unchecked"),)
    player = _replayer(shard.version)
    findings: list[Finding] = []
    for row, episode in zip(shard.rows, episodes_of(table.take(list(shard.rows))), strict=True):
        findings += _compare(protocol, player, run, row, episode)
    return tuple(findings)


@lru_cache(maxsize=1)
def _table(folder: str, version: str, run_id: str, ledger_sha256: str) -> pa.Table | None:
    """A ledger, read once for all shards of its run that a worker gets; None: it has another digest."""
    protocol = load(version)
    run = describe(parse_run_id(run_id, protocol), protocol)
    try:
        ledger = read_ledger_file(Path(folder), f"{run.run_id.path}/{LEDGER}", run)
    except Unreadable:
        return None
    return ledger.table if ledger.sha256 == ledger_sha256 else None


@cache
def _replayer(version: str) -> Replayer:
    """A worker's own, whose consoles stay loaded from shard to shard."""
    return Replayer(load(version))


def steps_per_second(version: str) -> float:
    """The steps per second that a core of this machine replays, measured on one game."""
    protocol = load(version)
    console = Console(checked_cartridge(protocol, protocol.games[0].name), protocol.environment)
    console.begin(0)
    started = time.perf_counter()
    for _ in range(_MEASURED_STEPS):
        console.step(0)
    return _MEASURED_STEPS / (time.perf_counter() - started)


def _compare(
    protocol: Protocol, player: Replayer, run: Run, row: int, episode: EpisodeRecord
) -> Iterator[Finding]:
    """The first divergence of an episode, or none."""
    place = Place.of_run(run.run_id, LEDGER, row)
    if (
        episode.game not in protocol.played_games
        or not episode.actions
        or max(episode.actions) >= protocol.environment.actions
        or len(episode.actions) != episode.length_steps
    ):
        return  # rules A1, A2, B1 and F1 report it
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
