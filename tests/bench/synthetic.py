"""Results folders of any edition without playing it: invented episodes in the real layout, for speed and size.

Records and ledgers have the real schemas, run ids and budgets; actions are all no-op, rewards are drawn,
games of runs with several take turns, and no digest of RAM or checkpoint is that of anything. Nothing here is
a result.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from protocol import Edition, GameSpending, Protocol, Run, RunRecord, canonical_digest, plan
from suite.ledger import LEDGER_SCHEMA
from suite.store import LEDGER, RECORD, Store, file_digest

REWARDS_AN_EPISODE = 40
_DIGEST = "0" * 64


def write_results(folder: Path, protocol: Protocol, edition: Edition, episodes: int, seed: int) -> Store:
    """Write every run of an edition, with about so many training episodes in all; return its store."""
    store = Store(folder, protocol)
    runs = plan(protocol, edition)
    generator = np.random.Generator(np.random.Philox(key=seed))
    frames = sum(run.total_budget_frames for run in runs)
    for run in runs:
        where = store.run_folder(run.run_id)
        where.mkdir(parents=True)
        share = max(len(run.games), episodes * run.total_budget_frames // frames)
        _write_ledger(where / LEDGER, protocol, run, share, generator)
        record = _record(protocol, run, where / LEDGER)
        (where / RECORD).write_text(record.model_dump_json(), encoding="utf-8")
    return store


def _write_ledger(
    path: Path, protocol: Protocol, run: Run, episodes: int, generator: np.random.Generator
) -> None:
    """Equal episodes, lane by lane in turn, then the evaluation."""
    steps = run.total_budget_frames // protocol.environment.frame_skip
    evaluation = len(run.games) * run.evaluation_episodes
    lengths = np.concatenate(
        [
            np.full(episodes, steps // episodes),
            np.full(evaluation, run.evaluation_max_frames // protocol.environment.frame_skip),
        ]
    ).astype(np.int32)
    rows = np.arange(episodes + evaluation)
    counts = np.minimum(lengths, REWARDS_AN_EPISODE)
    rewards = generator.integers(1, 10, counts.sum(), np.int32)
    ends = np.cumsum(counts)
    at = np.arange(counts.sum()) - np.repeat(ends - counts, counts)  # 0, 1, ... in each episode
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    action_ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int32)]).astype(np.int32)
    columns = {
        "phase": np.where(rows < episodes, "training", "evaluation"),
        "lane": rows % protocol.lanes,
        "number": rows // protocol.lanes,
        "game": np.array(run.games)[rows % len(run.games)],
        "seed": rows.astype(np.uint64),
        "length_steps": lengths,
        "episode_return": np.add.reduceat(rewards, ends - counts, dtype=np.int64),
        "end_reason": np.full(len(rows), "game_over"),
        "actions": _binary(action_ends),
        "reward_steps": _lists(offsets, at * np.repeat(lengths // counts, counts)),
        "rewards": _lists(offsets, rewards),
        "ram_sha256": pa.array([bytes(32)] * len(rows), pa.binary(32)),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in LEDGER_SCHEMA]
    pq.write_table(pa.Table.from_arrays(arrays, schema=LEDGER_SCHEMA), path, compression="zstd")


def _binary(ends: np.ndarray) -> pa.Array:
    data = pa.py_buffer(bytes(int(ends[-1])))
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, [None, pa.py_buffer(ends.tobytes()), data])


def _lists(offsets: np.ndarray, values: np.ndarray) -> pa.Array:
    items = pa.array(values.astype(np.int32))
    return pa.ListArray.from_arrays(pa.array(offsets), items, type=LEDGER_SCHEMA.field("rewards").type)


def _record(protocol: Protocol, run: Run, ledger: Path) -> RunRecord:
    return RunRecord(
        protocol_version=protocol.version,
        protocol_digest=protocol.digest,
        run_id=str(run.run_id),
        learner="synthetic:make",
        configuration={},
        configuration_digest=canonical_digest({}),
        training_seed=0,
        evaluation_seed=0 if run.evaluation_episodes else None,
        device="cpu",
        budget_frames=run.total_budget_frames,
        games=tuple(
            GameSpending(
                game=game,
                rom_sha256=protocol.game(game).rom_sha256,
                conformance_sha256=_DIGEST,
                training_frames=run.budget_frames,
                training_episodes=1,
                evaluation_frames=run.evaluation_episodes * run.evaluation_max_frames,
                evaluation_episodes=run.evaluation_episodes,
            )
            for game in run.games
        ),
        ledger_sha256=file_digest(ledger),
        checkpoint_in=_DIGEST if run.starts_from else None,
        checkpoint_out=_DIGEST,
        code_commit=None,
        versions={},
        cpu="none",
        started_at="2026-01-01T00:00:00+00:00",
        wall_seconds=0.0,
        training_steps_per_second=0.0,
    )
