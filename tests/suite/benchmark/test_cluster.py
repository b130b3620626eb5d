"""Runs on workers that share no folder with who asked for them, through a real dask scheduler over loopback."""

import io
import json
import os
import threading
import time
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from protocol import ForeignProtocol, ServerError, StoreError, plan
from suite.benchmark.cluster import client as module
from suite.benchmark.cluster.hello import facts_here
from suite.benchmark.cluster.packed_run import packed, packed_start, put_start, receive, write_files
from suite.benchmark.cluster.scratch import Scratch
from suite.benchmark.cluster.worker import _drop_foreign
from suite.benchmark.edition import play_all
from suite.benchmark.process import RunEnd
from suite.benchmark.scheduler import Notice, Progress
from suite.benchmark.settings import Settings
from suite.results.owner import Owner, claim
from suite.results.store import LEDGER, RECORD, Store
from suite.run.copies import checked_url
from tests.suite.clusters import Cluster, cluster
from tests.suite.helpers import V1, uniform_results

RUNS = plan(V1, V1.edition("smoke"))
PAIR = [run for run in RUNS if (run.run_id.seed, run.run_id.fold) == (0, 1)]
"""A pretrain run, and the transfer run that starts from it."""
UNIFORM = "baselines.uniform:make"
LEARNER = "from baselines.uniform import make\n"
slow = pytest.mark.slow


def settings(address: str, learner: str = UNIFORM, **others: object) -> Settings:
    return replace(Settings(learner, scheduler=address), **others)  # type: ignore[arg-type]


def texts(heard: list[Progress | RunEnd | Notice]) -> list[str]:
    return [news.text for news in heard if isinstance(news, Notice)]


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Store:
    """A results folder with the published pair."""
    folder = tmp_path_factory.mktemp("here") / "out"
    uniform_results(folder, missing=[run.run_id.path for run in RUNS if run not in PAIR])
    return Store(folder, V1)


def ledger(store: Store, run) -> bytes:
    return store.ledger_path(run.run_id).read_bytes()


@slow
def test_runs_come_back_from_workers_that_see_no_folder_of_ours(played, tmp_path):
    """A pretrain and a transfer run have the published bytes; the worker keeps nothing."""
    store, heard = Store(tmp_path / "out", V1), []
    with cluster(tmp_path) as made:
        outcomes = play_all(PAIR, store, settings(made.address), heard.append)
    assert [outcome.status for outcome in outcomes] == ["complete", "complete"]
    for run in PAIR:
        assert ledger(store, run) == ledger(played, run)
        assert store.record(run.run_id).checkpoint_out == played.record(run.run_id).checkpoint_out
    assert store.record(PAIR[1].run_id).checkpoint_in == store.record(PAIR[0].run_id).checkpoint_out
    assert any(isinstance(news, Progress) for news in heard)
    assert not list(tmp_path.glob("one/dask-scratch-space/amtlb/*"))


def test_a_run_that_came_is_put_where_complete_runs_lie(played, tmp_path):
    """A packed_run becomes a complete run of the same bytes; of one that is there already, nothing changes."""
    store, run = Store(tmp_path, V1), PAIR[0]
    packed_run = packed(played, run.run_id, b"printed", "")
    assert receive(store, run, UNIFORM, packed_run)
    assert ledger(store, run) == ledger(played, run)
    before = store.run_folder(run.run_id).stat().st_mtime_ns
    assert receive(store, run, UNIFORM, packed_run)
    assert store.run_folder(run.run_id).stat().st_mtime_ns == before


def test_a_run_that_came_claims_the_folder(played, tmp_path):
    """While another configuration plays in a folder, a run that comes is refused; later the folder is its."""
    store, run = Store(tmp_path, V1), PAIR[0]
    packed_run, ours = packed(played, run.run_id, b"", ""), Owner.of(played.record(run.run_id))
    theirs = ours.model_copy(update={"configuration_digest": "0" * 64})
    with pytest.raises(ForeignProtocol, match="not of baselines"), store.new_run(PAIR[1].run_id):
        claim(store, PAIR[1].run_id, theirs)
        receive(store, run, UNIFORM, packed_run)
    assert not store.is_complete(run.run_id)
    assert receive(store, run, UNIFORM, packed_run)
    with pytest.raises(ForeignProtocol, match="of baselines"):
        claim(store, PAIR[1].run_id, theirs)


def test_batches_that_nobody_asks_for_go(tmp_path):
    """A worker removes other batches that were not used for a month, and none that was."""
    batches = {name: Scratch(str(tmp_path / "worker"), name, V1) for name in ("ours", "old", "used", "new")}
    for name, scratch in batches.items():
        scratch.store.make_folder()
        if name != "new":
            os.utime(scratch.folder, (0, 0))
    batches["used"].use()
    batches["ours"].drop_stale()
    assert {name for name, scratch in batches.items() if scratch.folder.exists()} == {"ours", "used", "new"}


def packed_anew(ledger: bytes) -> bytes:
    """The same rows in other bytes."""
    other = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(ledger)), other, compression="snappy")
    return other.getvalue()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("cut off", "is not a ledger"),
        ("ledger", "has ledger"),
        ("checkpoint", "has checkpoint"),
        ("notes", "has notes"),
        ("learner", "has learner"),
        ("budget", "breaks rule"),
    ],
)
def test_a_run_that_is_not_whole_is_refused(played, tmp_path, changed, told):
    """A run with a file, learner or budget not of its record is refused, and the results stay as they were."""
    store, run = Store(tmp_path, V1), PAIR[0]
    with pytest.raises(ZeroDivisionError), store.new_run(run.run_id) as folder:
        (folder / "journal.arrows").write_bytes(b"hours of play")
        raise ZeroDivisionError
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    packed_run, learner = packed(played, run.run_id, b"", ""), UNIFORM
    if changed == "cut off":
        packed_run = packed_run._replace(ledger=packed_run.ledger[:-8])
    elif changed == "ledger":
        packed_run = packed_run._replace(ledger=packed_anew(packed_run.ledger))
    elif changed == "checkpoint":
        packed_run = packed_run._replace(checkpoint={**packed_run.checkpoint, "more": b"1"})
    elif changed == "notes":
        packed_run = packed_run._replace(notes={"note": b"1"})
    elif changed == "learner":
        learner = "baselines.ppo:make"
    else:
        packed_run = packed_run._replace(ledger=ledger(played, PAIR[1]))
    with pytest.raises(StoreError, match=f"{told}.*play it again"):
        receive(store, run, learner, packed_run)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_run_from_another_start_is_refused(played, tmp_path):
    """A transfer run whose record names another start than the checkpoint of its pretrain run is not stored."""
    store = Store(tmp_path, V1)
    assert receive(store, PAIR[0], UNIFORM, packed(played, PAIR[0].run_id, b"", ""))
    came = packed(played, PAIR[1].run_id, b"", "")
    record = json.loads(came.record) | {"checkpoint_in": "0" * 64}
    with pytest.raises(StoreError, match="has start"):
        receive(store, PAIR[1], UNIFORM, came._replace(record=json.dumps(record).encode()))
    assert receive(store, PAIR[1], UNIFORM, came)


def test_a_worker_keeps_the_runs_of_the_start_that_it_is_given(played, tmp_path):
    """A complete run that starts from the given checkpoint stays; one from another start is removed."""
    store, start = Store(tmp_path / "own", V1), packed_start(played, PAIR[0].run_id)
    for run in PAIR:
        assert receive(store, run, UNIFORM, packed(played, run.run_id, b"", ""))
    put_start(Store(tmp_path / "start", V1), PAIR[0].run_id, start)
    _drop_foreign(store, PAIR[1].run_id, tmp_path / "start", start)
    assert store.is_complete(PAIR[1].run_id)
    path = store.run_folder(PAIR[1].run_id) / RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"checkpoint_in": "0" * 64}))
    _drop_foreign(store, PAIR[1].run_id, tmp_path / "start", start)
    assert not store.is_complete(PAIR[1].run_id)


def test_a_run_that_is_being_played_here_is_left(played, tmp_path):
    """A run of which another process of this machine plays is neither emptied nor replaced."""
    store, run = Store(tmp_path, V1), PAIR[0]
    with pytest.raises(ZeroDivisionError), store.new_run(run.run_id) as folder:
        (folder / "journal.arrows").write_bytes(b"played")
        assert not receive(store, run, UNIFORM, packed(played, run.run_id, b"", ""))
        assert (folder / "journal.arrows").read_bytes() == b"played"
        raise ZeroDivisionError


def test_what_a_transfer_run_needs_is_its_start_alone(played, tmp_path):
    """A worker is sent the record and the checkpoint of the run that another starts from, and no ledger."""
    store, run = Store(tmp_path, V1), PAIR[0]
    put_start(store, run.run_id, packed_start(played, run.run_id))
    assert store.record(run.run_id) == played.record(run.run_id)
    assert (store.run_folder(run.run_id) / RECORD).exists()
    assert not (store.run_folder(run.run_id) / LEDGER).exists()


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up"])
def test_no_file_is_written_outside_of_its_folder(tmp_path, name):
    """A path that leads out of the folder is refused."""
    with pytest.raises(StoreError, match="nothing is written outside"):
        write_files(tmp_path / "in", {name: b""})


@slow
def test_a_worker_with_other_code_is_left_out_by_name(tmp_path):
    """Workers with another commit play nothing, and the error names each of them with both commits."""
    store = Store(tmp_path / "out", V1)
    with Cluster(tmp_path) as made:
        made.worker("old", AMTLB_COMMIT="1" * 40)
        with pytest.raises(ServerError) as told:
            play_all(PAIR, store, settings(made.address), lambda news: None)
    assert "may play: old (tcp://" in str(told.value)
    assert "it has commit 111111111111 of the code, not" in str(told.value)
    assert not list(store.folder.glob("pretrain"))


@slow
def test_what_a_learner_prints_is_not_its_digest(tmp_path):
    """However a learner prints, at its end too, the answer of a machine is the digest of its configuration."""
    (tmp_path / "talks.py").write_text(
        "import atexit, time\n"
        "from baselines.uniform import make as quiet\n"
        "atexit.register(lambda: print('bye', time.time_ns()))\n"
        "def make(seed, lanes):\n"
        "    print('made')\n"
        "    return quiet(seed, lanes)\n"
    )
    facts = [facts_here(learner, V1.lanes, "", 5, str(tmp_path)) for learner in ("talks:make", UNIFORM)]
    assert facts[0] == facts[1]


@pytest.mark.slow
def test_a_worker_whose_runs_fail_at_once_is_left_out(tmp_path):
    """Runs that fail at once on one worker are played by the other; the first is left out, once, by name."""
    store, heard = Store(tmp_path / "out", V1), []
    fresh = [run for run in RUNS if (run.run_id.arm, run.run_id.seed) == ("fresh", 0)]
    with Cluster(tmp_path) as made:
        made.worker("broken", AMTLB_MONGO_URL="nonsense")
        made.worker("good")
        outcomes = play_all(fresh, store, settings(made.address), heard.append)
    assert {outcome.status for outcome in outcomes} == {"complete"}
    (told,) = (text for text in texts(heard) if "left out" in text)
    assert told.startswith("a worker is left out, broken (tcp://")
    assert "is not a URL of MongoDB" in told


@slow
def test_a_run_that_fails_on_two_workers_has_failed(tmp_path):
    """A learner that fails at once fails on both workers, is told as failed once, and both play again."""
    store, heard = Store(tmp_path / "out", V1), []
    with Cluster(tmp_path) as made:
        for name in ("one", "two"):
            made.worker(name)
        chosen = settings(made.address, "tests.suite.bad_learners:Killed")
        outcomes = play_all(PAIR, store, chosen, heard.append)
    assert [outcome.status for outcome in outcomes] == ["failed", "skipped"]
    assert "status -9" in outcomes[0].error
    assert [text.partition(" ")[0] for text in texts(heard)] == ["a", "the"]
    assert "plays again: that run fails on others, too" in texts(heard)[1]


@slow
def test_runs_that_are_left_are_fetched_by_the_same_command(tmp_path):
    """With detach, the call returns at once and the run is played on; the next call fetches it, played once."""
    store = Store(tmp_path / "out", V1)
    with cluster(tmp_path) as made:
        assert play_all(PAIR[:1], store, settings(made.address, detach=True), lambda news: None) == []
        deadline = time.monotonic() + 300
        while not list(tmp_path.glob("one/**/pretrain/**/record.json")) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not store.is_complete(PAIR[0].run_id)
        (record,) = tmp_path.glob("one/**/pretrain/**/record.json")
        began = json.loads(record.read_text())["started_at"]
        outcomes = play_all(PAIR[:1], store, settings(made.address), lambda news: None)
    assert [outcome.status for outcome in outcomes] == ["complete"]
    assert store.record(PAIR[0].run_id).started_at == began


@pytest.mark.parametrize(
    ("disk", "copied"),
    [pytest.param("one", False, marks=pytest.mark.long), pytest.param("two", True, marks=slow)],
)
def test_a_killed_worker_loses_nothing(tmp_path, disk, copied):
    """A run whose worker is killed is resumed on the same disk, and from a copied snapshot on another."""
    store, run = Store(tmp_path / "out", V1), RUNS[0]
    with Cluster(tmp_path) as made:
        first = made.worker("one")
        ended: list[RunEnd] = []
        url = checked_url(str(tmp_path / "copies")) if copied else ""
        chosen = settings(made.address, "baselines.ppo:make", snapshot_minutes=0.02, snapshot_url=url)
        playing = threading.Thread(
            target=lambda: ended.extend(play_all([run], store, chosen, lambda news: None))
        )
        playing.start()
        deadline = time.monotonic() + 300
        wanted = "copies/*/*.tar" if copied else "one/**/snapshot-*"
        while not list(tmp_path.glob(wanted)) and time.monotonic() < deadline:
            time.sleep(0.05)
        first.kill()
        made.worker(disk)
        playing.join(600)
    assert [outcome.status for outcome in ended] == ["complete"]
    assert store.record(run.run_id).resumed_from
    assert list(tmp_path.glob("copies/*/*")) == []


@slow
def test_a_scheduler_that_goes_is_told_in_a_line(tmp_path, monkeypatch, capfd):
    """A scheduler without workers has its line, and so has one that goes; then the command ends by an error."""
    monkeypatch.setattr(module, "RETURN_SECONDS", 3.0)
    store, heard = Store(tmp_path / "out", V1), []
    with Cluster(tmp_path) as made:
        threading.Timer(15, made.scheduler.kill).start()
        with pytest.raises(ServerError, match="has gone and has not come back within"):
            play_all(PAIR, store, settings(made.address), heard.append)
    assert "has no worker that may play; waiting" in texts(heard)[0]
    assert "has gone; waiting" in texts(heard)[1]
    assert capfd.readouterr() == ("", "")


@slow
def test_a_learner_of_the_working_folder_plays_on_workers(tmp_path, monkeypatch, amtlb):
    """A learner that only this folder has is made by a worker, as `amtlb cluster check` says, and plays."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/mine.py").write_text(LEARNER)
    monkeypatch.chdir(tmp_path / "mine")
    with cluster(tmp_path) as made:
        given = ["--scheduler", made.address, "--learner", "mine:make"]
        done = amtlb("cluster", "check", *given, env=os.environ)
        outcomes = play_all(
            PAIR[:1], Store(tmp_path / "out", V1), settings(made.address, "mine:make"), lambda news: None
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "one (tcp://" in done.stdout
    assert [outcome.status for outcome in outcomes] == ["complete"]
