"""Exported data is, bit for bit, what the lanes showed while the run was played; whole, or not there."""

import io
import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from protocol import BudgetExhausted, StoreError, UnknownName, describe, parse_run_id
from suite.digests import file_digest
from suite.emulator.console import Console
from suite.emulator.roms import checked_cartridge
from suite.episodes.export import Export, _task, _write_shard, check_room, write_export
from suite.episodes.recorded import Recorded, find_recorded
from suite.episodes.shards import FORMATS
from suite.episodes.transitions import Transitions, regenerate
from suite.lanes.environment import LaneEnv
from suite.lanes.schedules import EvaluationSchedule
from suite.results.journal import JournalRecorder
from suite.results.ledger import read_ledger, write_ledger
from suite.results.store import LEDGER, RECORD
from tests.suite.episodes.recordings import FRESH, GENERALIST, changed, copied, published
from tests.suite.helpers import LANES, V1, make_engine, make_meter, seeds_of

RUN_ID = "smoke/generalist/seed0"
GAMES = ["asterix", "breakout", "space_invaders"]
BARREN_STEPS, CAP_STEPS, BUDGET_STEPS = 110, 150, 960  # so that episodes end for every reason, and soon


class Seen(NamedTuple):
    """The values of one episode as its learner saw them: N + 1 observations, N of all else."""

    observations: list[np.ndarray]
    actions: list[int]
    rewards: list[float]
    terminated: list[bool]
    truncated: list[bool]


class Watcher:
    """Notes what the lanes return to a learner, episode by episode."""

    def __init__(self, env: LaneEnv, observations: np.ndarray) -> None:
        self.episodes: dict[tuple[int, int], Seen] = {}
        self._env, self._observations = env, observations
        self._numbers = [0] * LANES
        self._open = [Seen([observations[lane]], [], [], [], []) for lane in range(LANES)]

    def step(self, actions: np.ndarray) -> None:
        playing = [game is not None for game in self._env._schedule.playing]
        observations, rewards, terminated, truncated, infos = self._env.step(actions)
        for lane in np.flatnonzero(playing).tolist():
            over = bool(terminated[lane] or truncated[lane])
            seen = self._open[lane]
            seen.observations.append(infos["final_obs"][lane].copy() if over else observations[lane])
            for values, value in zip(seen[1:], (actions, rewards, terminated, truncated), strict=True):
                values.append(value[lane].item())
            if over:
                self.episodes[lane, self._numbers[lane]] = seen
                self._numbers[lane] += 1
                self._open[lane] = Seen([observations[lane]], [], [], [], [])


def play(folder: Path) -> tuple[Recorded, dict[tuple[int, int], Seen]]:
    """A run with every end: training until the budget, and an evaluation that caps and barren steps cut."""
    rules = V1.environment.model_copy(update={"max_steps_without_reward": BARREN_STEPS})
    protocol = V1.model_copy(update={"environment": rules})
    engine, recorder = make_engine(GAMES, 0), JournalRecorder(folder / "journal", LANES)
    meter = make_meter(GAMES, BUDGET_STEPS, RUN_ID)
    generator = np.random.Generator(np.random.Philox(key=3))
    seen: dict[tuple[int, int], Seen] = {}
    for schedule in (meter, None):
        schedule = schedule or EvaluationSchedule(GAMES, 8, meter.numbers, CAP_STEPS)
        first = tuple(schedule.numbers)
        env = LaneEnv(protocol, seeds_of(RUN_ID), engine, schedule, 4 * BUDGET_STEPS * len(GAMES), recorder)
        watcher = Watcher(env, env.reset()[0])
        watcher._numbers = list(first)
        try:
            while True:
                watcher.step(generator.integers(0, 18, LANES))
        except BudgetExhausted:
            seen |= watcher.episodes
    recorder.close()
    write_ledger(folder / "journal", folder / "ledger.parquet")
    run = describe(parse_run_id(RUN_ID, V1), V1)
    object.__setattr__(run, "evaluation_max_frames", 4 * CAP_STEPS)
    return Recorded("a run", "me", run, "0" * 64, read_ledger(folder / "ledger.parquet")), seen


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return play(tmp_path_factory.mktemp("played"))


@pytest.fixture(scope="module")
def regenerated(played) -> list[Transitions]:
    recorded, _ = played
    rules = V1.environment.model_copy(update={"max_steps_without_reward": BARREN_STEPS})
    protocol = V1.model_copy(update={"environment": rules})
    consoles = {game: Console(checked_cartridge(V1, game), V1.environment) for game in GAMES}
    games = recorded.table["game"].to_pylist()
    return [regenerate(protocol, recorded, row, consoles[game]) for row, game in enumerate(games)]


def test_what_is_regenerated_is_what_the_learner_was_shown(played, regenerated):
    """Observations, actions, rewards and ends are those that the lanes returned, whatever the episode's end."""
    recorded, seen = played
    assert set(recorded.table["end_reason"].to_pylist()) == {"game_over", "max_frames", "no_reward", "budget"}
    assert set(recorded.table["phase"].to_pylist()) == {"training", "evaluation"}
    assert len(regenerated) == len(seen) > 20
    for one in regenerated:
        shown = seen[one.episode.lane, one.episode.number]
        assert (one.observations == np.stack(shown.observations)).all()
        assert one.observations.dtype == np.uint8
        for ours, theirs in zip(
            (one.actions, one.rewards, one.terminated, one.truncated), shown[1:], strict=True
        ):
            assert ours.tolist() == theirs


def same(one: Transitions, observations, actions, rewards, terminated, truncated) -> bool:
    return all(
        np.array_equal(ours, theirs)
        for ours, theirs in (
            (one.observations, observations), (one.actions, actions), (one.rewards, rewards),
            (one.terminated, terminated), (one.truncated, truncated),
        )
    )  # fmt: skip


def test_npz_holds_each_transition(regenerated, tmp_path):
    """A step's observation and the true next one are found by its index into the pictures, across episodes."""
    FORMATS["npz"].write(tmp_path / "shard", iter(regenerated))
    with np.load(tmp_path / "shard") as shard:
        arrays = dict(shard)
    stacks = arrays["at"][:, None] + np.arange(4)
    for one in regenerated:
        own = arrays["rows"] == one.row
        observations, following = (arrays["pictures"][stacks[own] + shift] for shift in (0, 1))
        assert (following[:-1] == observations[1:]).all()
        ends = (arrays[name][own] for name in ("actions", "rewards", "terminated", "truncated"))
        assert same(one, np.concatenate([observations, following[-1:]]), *ends)
        assert set(arrays["games"][own]) == {one.episode.game}


def test_parquet_holds_each_transition(regenerated, tmp_path):
    """Each row is a transition that is complete in itself."""
    FORMATS["parquet"].write(tmp_path / "shard", iter(regenerated))
    table = pq.read_table(tmp_path / "shard").to_pylist()
    stack = partial(np.frombuffer, dtype=np.uint8)
    for one in regenerated:
        own = [row for row in table if row["row"] == one.row]
        assert [row["step"] for row in own] == list(range(one.episode.length_steps))
        observations = [stack(row["observation"]) for row in own] + [stack(own[-1]["next_observation"])]
        shaped = np.stack(observations).reshape(-1, 4, 84, 84)
        assert all(
            (stack(row["next_observation"]) == after.ravel()).all()
            for row, after in zip(own, shaped[1:], strict=True)
        )
        names = ("action", "reward", "terminated", "truncated")
        assert same(one, shaped, *([row[name] for row in own] for name in names))
        assert {row["game"] for row in own} == {one.episode.game}


def an_export(out: Path, name: str = GENERALIST, form: str = "npz", **fields) -> Export:
    return Export(V1, published(name), "smoke", form, fields.get("phase"), fields.get("game"), out)


def quiet(done: int, total: int) -> None:
    pass


def test_minari_loads_the_data_set(tmp_path, monkeypatch):
    """`minari.load_dataset` has every episode, lossless and in the ledger's order, also once it was moved."""
    import minari

    monkeypatch.setattr("suite.episodes.export.SHARD_STEPS", 500)
    export = an_export(tmp_path / "here", FRESH, "minari", phase="evaluation")
    write_export(export, 1, quiet)
    assert len(export.shards()) > 1
    shutil.move(tmp_path / "here", tmp_path / "there")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "there"))
    loaded = minari.load_dataset("ppo-smoke-fresh-breakout-seed0-evaluation-v0")
    rows = export.recorded.rows("evaluation", None)
    assert loaded.total_episodes == len(rows)
    assert loaded.observation_space.shape == (4, 84, 84)
    assert loaded.action_space.n == 18
    console = Console(checked_cartridge(V1, "breakout"), V1.environment)
    steps = 0
    for row, episode in zip(rows, loaded, strict=True):
        one = regenerate(V1, export.recorded, row, console)
        parts = (episode.actions, episode.rewards, episode.terminations, episode.truncations)
        assert same(one, episode.observations, *parts)
        assert repr(episode)
        steps += len(episode)
    assert loaded.total_steps == steps
    assert list(minari.list_local_datasets()) == [export.name]


def test_an_export_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    """Whole shards are kept as they are, and what is missing is written."""
    monkeypatch.setattr("suite.episodes.export.SHARD_STEPS", 500)
    export = an_export(tmp_path / "stopped", FRESH)
    heard: list[tuple[int, int]] = []

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done:
            raise Stopped

    with pytest.raises(Stopped):
        write_export(export, 1, stop)
    there = {path: path.stat().st_mtime_ns for path in export.folder.glob("*.npz")}
    assert 0 < len(there) < len(export.shards())
    write_export(export, 1, lambda done, total: heard.append((done, total)))
    assert heard[0] == (len(there), len(export.shards()))
    assert heard[-1] == (len(export.shards()),) * 2
    assert there == {path: path.stat().st_mtime_ns for path in there}
    assert sorted(path.name for path in export.folder.iterdir()) == sorted(
        ["export.json", *(path.name for path, _ in export.shards())]
    )
    rows = [row for _, part in export.shards() for row in part]
    assert rows == export.recorded.rows(None, None)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    """A folder with another run's export, or with anything else, is not written into."""
    export = an_export(tmp_path, FRESH, phase="evaluation")
    export.folder.mkdir()
    (export.folder / "mine.txt").touch()
    with pytest.raises(StoreError, match="something else"):
        write_export(export, 1, quiet)
    (export.folder / "mine.txt").unlink()
    (export.folder / "export.json").write_text("{}")
    with pytest.raises(StoreError, match="another export"):
        write_export(export, 1, quiet)


def test_a_forged_episode_is_not_exported(played):
    """Regenerating an episode whose ledger claims another RAM is an error."""
    forged = changed(published(FRESH), 0, lambda row: row.update(ram_sha256=bytes(32)))
    with pytest.raises(StoreError, match=r"row 0 of .* RAM"):
        regenerate(V1, forged, 0, Console(checked_cartridge(V1, "breakout"), V1.environment))


@pytest.mark.parametrize(
    "form",
    [pytest.param(form, marks=[pytest.mark.slow] if place else []) for place, form in enumerate(FORMATS)],
)
def test_the_size_is_told_beforehand(tmp_path, form):
    """Steps and episodes are exact, and the bytes on disk right within a third."""
    export = an_export(tmp_path, FRESH, form)
    size = export.size()
    table = export.recorded.table
    assert (size.steps, size.episodes) == (sum(table["length_steps"].to_pylist()), table.num_rows)
    assert size.observation_bytes == (size.steps + size.episodes) * 4 * 84 * 84
    console = Console(checked_cartridge(V1, "breakout"), V1.environment)
    whole = (regenerate(V1, export.recorded, row, console) for row in range(table.num_rows))
    FORMATS[form].write(tmp_path / "whole", whole)
    assert size.disk_bytes == pytest.approx((tmp_path / "whole").stat().st_size, rel=1 / 3)
    check_room(export, size)
    with pytest.raises(StoreError, match="GB left"):
        check_room(export, size._replace(disk_bytes=10**18))


def test_a_ledger_that_changes_meanwhile_is_not_exported(tmp_path):
    """A shard is of the ledger that the export began with, or it is not written."""
    folder = copied(FRESH, tmp_path / "results")
    export = Export(V1, find_recorded(str(folder), V1, "smoke"), "smoke", "npz", None, None, tmp_path / "out")
    (path, rows), *_ = export.shards()
    task = _task(export, path, rows)
    table = pq.read_table(folder / LEDGER)
    pq.write_table(table, folder / LEDGER, compression="snappy")
    record = json.loads((folder / RECORD).read_text()) | {"ledger_sha256": file_digest(folder / LEDGER)}
    (folder / RECORD).write_text(json.dumps(record))
    with pytest.raises(StoreError, match="changed while it was exported"):
        _write_shard(task)
    assert not path.exists()


def test_an_export_that_was_stopped_needs_room_for_the_rest(tmp_path, monkeypatch):
    """Shards that are written already count: the same command goes on where the whole would not fit."""
    export = an_export(tmp_path, FRESH, "npz")
    size = export.size()
    (shard, _), *_ = export.shards()
    shard.parent.mkdir(parents=True)
    shard.write_bytes(bytes(size.disk_bytes - 1000))
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    check_room(export, size)
    shard.write_bytes(bytes(size.disk_bytes - 1001))
    with pytest.raises(StoreError, match="GB left"):
        check_room(export, size)


def test_what_cannot_be_exported_is_named(tmp_path):
    """Other formats, phases and games are errors that name them."""
    for fields, word in (
        ({"form": "zarr"}, "'zarr'"),
        ({"game": "pong"}, "'pong'"),
        ({"phase": "tryout"}, "'tryout'"),
    ):
        with pytest.raises(UnknownName, match=word):
            an_export(tmp_path, **fields)


def test_export_says_what_it_does(amtlb, tmp_path):
    """`amtlb export` says how large it will be, writes on several processes, and says where."""
    arguments = ("export", FRESH, "--format", "npz", "--phase", "evaluation")
    done = amtlb(*arguments, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "on disk" in done.stdout and not list(tmp_path.iterdir())
    done = amtlb(*arguments, "--workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "export" / "ppo-smoke-fresh-breakout-seed0-evaluation-v0"
    with np.load(io.BytesIO((folder / "shard-00000.npz").read_bytes())) as shard:
        assert f"{len(shard['at']):,} steps" in done.stdout
