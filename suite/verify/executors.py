"""The players of a replay's shards: processes of this machine, or the workers of a dask scheduler."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from pydantic import TypeAdapter

from protocol import Run
from suite.benchmark.scheduler import threads_of
from suite.results.reading import ledger_limits
from suite.tracking.mongo_url import environment_without_url
from suite.untrusted.processes import Failure, Limits, run_sharded
from suite.verify.findings import Finding
from suite.verify.shards import Shard, replay_shard

Found = tuple[Finding, ...] | Failure
FINDINGS = TypeAdapter(tuple[Finding, ...])
_EMULATORS_BYTES = 512 * 2**20
_SLOWEST_STEPS_PER_SECOND = 300
_ROOM_SECONDS = 120
_WAITING_PER_WORKER = 4


class Executor(Protocol):
    """Plays shards."""

    @property
    def workers(self) -> int:
        """The number of shards that it plays at once."""
        ...

    @property
    def least_steps(self) -> int:
        """Below which a shard is not worth its start."""
        ...

    @property
    def in_words(self) -> str:
        """On what."""
        ...

    def play(self, shards: Sequence[Shard]) -> Iterator[tuple[int, Found]]:
        """(index, what differs or why that is unknown) of each shard, as they end."""
        ...


def limits_of(runs: Iterable[Run], shards: Sequence[Shard]) -> Limits:
    """The limits of a process for one of these shards, of ledgers of these runs."""
    steps = max((shard.steps for shard in shards), default=0)
    reading = ledger_limits(runs)
    return Limits(reading.memory_bytes + _EMULATORS_BYTES, _ROOM_SECONDS + steps / _SLOWEST_STEPS_PER_SECOND)


class LocalProcesses(NamedTuple):
    """Processes of this machine."""

    workers: int
    runs: Sequence[Run]
    least_steps: int = 5_000

    @property
    def in_words(self) -> str:
        """On what."""
        return f"{self.workers} cores"

    def play(self, shards: Sequence[Shard]) -> Iterator[tuple[int, Found]]:
        """See ``Executor``."""
        yield from run_sharded(replay_shard, shards, self.workers, limits_of(self.runs, shards))


class Cluster(NamedTuple):
    """The workers of a dask scheduler; they see the submission under the path that it has here."""

    client: Any
    address: str
    workers: int
    runs: Sequence[Run]
    least_steps: int = 100_000

    @property
    def in_words(self) -> str:
        """On what."""
        return f"{self.workers} threads of {self.address}"

    def play(self, shards: Sequence[Shard]) -> Iterator[tuple[int, Found]]:
        """See ``Executor``; few shards wait at the scheduler, which is not made for millions of them."""
        from distributed import as_completed

        limits, token = limits_of(self.runs, shards), uuid4().hex[:8]
        waiting = iter(enumerate(shards))

        def submitted(most: int) -> list[Any]:
            return [
                self.client.submit(replay_elsewhere, shard, limits, key=f"replay-{token}-{place}", pure=False)
                for place, shard in islice(waiting, most)
            ]

        futures = as_completed(submitted(_WAITING_PER_WORKER * self.workers))
        for future in futures:
            place = int(future.key.rpartition("-")[2])
            try:
                found: Found = future.result()
            except Exception as error:
                found = Failure(f"its dask worker failed with {type(error).__name__}: {error}"[:300])
            future.release()
            futures.update(submitted(1))
            yield place, found


def replay_elsewhere(shard: Shard, limits: Limits) -> Found:
    """Play a shard in a process within bounds; a task for a dask worker, which may be no parent by fork."""
    command = [sys.executable, "-P", "-m", "suite.verify.replay_child", str(limits.memory_bytes)]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(shard._asdict()),
            env=environment_without_url(),
            capture_output=True,
            text=True,
            timeout=limits.seconds,
        )
    except subprocess.TimeoutExpired:
        return Failure(f"it took more than {limits.seconds:g} seconds")
    if done.returncode:
        return Failure(f"its process ended with status {done.returncode}: {done.stderr.strip()[-200:]}")
    return FINDINGS.validate_json(done.stdout)


def cluster(client: Any, address: str, runs: Sequence[Run]) -> Cluster:
    """The executor of a scheduler's workers; raises ServerError where it has none."""
    return Cluster(client, address, threads_of(client, address), runs)
