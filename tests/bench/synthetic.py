"""Results folders of any edition without playing it: invented episodes that honour the protocol.

Run ids, seeds, game draws, budgets, lanes, orders and digests are as the harness would make them, so that such
a folder passes an audit; actions are all no-op, rewards are drawn and no digest of RAM or checkpoint is that of
anything. Nothing here is a result, and no replay of it can succeed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from protocol import (
    Edition,
    GameSpending,
    Protocol,
    Run,
    RunRecord,
    canonical_digest,
    load_vectors,
    plan,
)
from suite.digests import file_digest
from suite.lanes.schedules import EvaluationSchedule, TrainingMeter
from suite.results.schema import LEDGER_SCHEMA
from suite.results.store import LEDGER, RECORD, Store

REWARDS_AN_EPISODE = 40
Row = tuple[str, int, int, str, int, str]
"""Phase, lane, number, game, length in steps, end reason."""


def write_results(folder: Path, protocol: Protocol, edition: Edition, episodes: int, seed: int) -> Store:
    """Write every run of an edition, with about so many training episodes in all; return its store."""
    store = Store(folder, protocol)
    generator = np.random.Generator(np.random.Philox(key=seed))
    runs = plan(protocol, edition)
    mean_steps = max(1, sum(run.total_budget_steps for run in runs) // episodes)
    for run in runs:
        where = store.run_folder(run.run_id)
        where.mkdir(parents=True)
        rows = [*_training(protocol, run, mean_steps, generator)]
        _write_ledger(where / LEDGER, protocol, run, rows, generator)
        record = _record(protocol, run, where / LEDGER, rows)
        (where / RECORD).write_text(record.model_dump_json(), encoding="utf-8")
    return store


def _training(protocol: Protocol, run: Run, mean_steps: int, generator: np.random.Generator) -> list[Row]:
    """Episodes of drawn lengths through the run's own meter, then its evaluation at the cap."""
    meter = TrainingMeter.of(run, protocol)
    draw = partial(generator.integers, max(1, mean_steps // 2), mean_steps + mean_steps // 2 + 2)
    left = [int(draw()) for _ in range(protocol.lanes)]
    played = [0] * protocol.lanes
    rows: list[Row] = []
    while meter.playing[0] is not None:
        games, numbers = list(meter.playing), list(meter.numbers)
        steps = min(left)
        if not meter.skip(steps - 1):
            steps = 1  # a game's frames are nearly spent: step by step
        over = [length == steps for length in left]
        cut = meter.advance(over)
        for lane, game in enumerate(games):
            left[lane] -= steps
            played[lane] += steps
            if over[lane] or lane in cut:
                reason = "budget" if lane in cut else "game_over"
                rows.append(("training", lane, numbers[lane], str(game), played[lane], reason))
                left[lane], played[lane] = int(draw()), 0
    if run.evaluation_episodes:
        cap = run.evaluation_max_steps
        schedule = EvaluationSchedule(run.games, run.evaluation_episodes, meter.numbers, cap)
        while schedule.playing[0] is not None:
            rows += [
                ("evaluation", lane, schedule.numbers[lane], str(game), cap, "max_frames")
                for lane, game in enumerate(schedule.playing)
            ]
            schedule.advance([True] * protocol.lanes)
    return rows


def _write_ledger(
    path: Path, protocol: Protocol, run: Run, rows: list[Row], generator: np.random.Generator
) -> None:
    phases, lanes, numbers, games, lengths, reasons = map(list, zip(*rows, strict=True))
    length_steps = np.array(lengths, np.int32)
    counts = np.minimum(length_steps, REWARDS_AN_EPISODE)
    rewards = generator.integers(1, 10, counts.sum(), np.int32)
    ends = np.cumsum(counts)
    at = np.arange(counts.sum()) - np.repeat(ends - counts, counts)  # 0, 1, ... in each episode
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    action_ends = np.concatenate([[0], np.cumsum(length_steps, dtype=np.int32)]).astype(np.int32)
    columns = {
        "phase": phases,
        "lane": lanes,
        "number": numbers,
        "game": games,
        "seed": [run.episode_seed(*place) for place in zip(lanes, numbers, strict=True)],
        "length_steps": length_steps,
        "episode_return": np.add.reduceat(rewards, ends - counts, dtype=np.int64),
        "end_reason": reasons,
        "actions": _binary(action_ends),
        "reward_steps": _lists(offsets, at * np.repeat(length_steps // counts, counts)),
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


def _record(protocol: Protocol, run: Run, ledger: Path, rows: list[Row]) -> RunRecord:
    run_id, skip = str(run.run_id), run.frame_skip
    vectors = load_vectors(protocol.version).games
    spent = dict.fromkeys(((game, phase) for game in run.games for phase in ("training", "evaluation")), (0, 0))
    for phase, _, _, game, length, _ in rows:
        steps, count = spent[game, phase]
        spent[game, phase] = steps + length, count + 1
    return RunRecord(
        schema_version=1,
        protocol_version=protocol.version,
        edition_digest=run.edition_digest,
        run_id=run_id,
        learner="synthetic:make",
        configuration={},
        configuration_digest=canonical_digest({}),
        training_seed=run.learner_seed("training"),
        evaluation_seed=run.learner_seed("evaluation") if run.evaluation_episodes else None,
        device="cpu",
        budget_frames=run.total_budget_frames,
        games=tuple(
            GameSpending(
                game=game,
                rom_sha256=protocol.game(game).rom_sha256,
                conformance_sha256=vectors[game].conformance,
                pictures_sha256=vectors[game].pictures,
                training_frames=skip * spent[game, "training"][0],
                training_episodes=spent[game, "training"][1],
                evaluation_frames=skip * spent[game, "evaluation"][0],
                evaluation_episodes=spent[game, "evaluation"][1],
            )
            for game in run.games
        ),
        ledger_sha256=file_digest(ledger),
        checkpoint_in=canonical_digest([str(run.starts_from)]) if run.starts_from else None,
        checkpoint_out=canonical_digest([run_id]),
        notes_sha256=None,
        image_sha256=None,
        code_commit=None,
        versions={protocol.emulator.package: protocol.emulator.version},
        cpu="none",
        started_at="2026-01-01T00:00:00+00:00",
        wall_seconds=run.total_budget_steps / 1000,
        training_steps_per_second=1000.0,
        workers=0,
        peak_memory_bytes=0,
    )
