"""Publishing results to a database: once each, and COMPLETED only when whole, whatever is interrupted."""

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import gridfs
import pytest

from protocol import ServerError, StoreError, plan
from suite.results.editions import complete_runs
from suite.results.published import published_folder
from suite.results.store import Store
from suite.run.points import SPEED
from suite.tracking.mongo_url import VARIABLE
from suite.tracking.publish import KEY, MARK, Ending, Publisher
from tests.bench.synthetic import write_results
from tests.starter import AMTLB
from tests.suite.helpers import V1, refused
from tests.suite.tracking.servers import opened

PATIENCE_SECONDS = 0.2


def publish(database, store: Store) -> Counter:
    return Publisher(database, PATIENCE_SECONDS).publish(
        store, complete_runs(store), lambda run_id, ending: None
    )


def assert_one_of_each(database, store: Store) -> None:
    """Every run of a store is there once, whole, with its two files, and nothing else is there."""
    runs = {str(run.run_id): store.record(run.run_id) for run in complete_runs(store)}
    documents = list(database["runs"].find())
    assert sorted(one["config"]["run_id"] for one in documents) == sorted(runs)
    assert len({one["_id"] for one in documents}) == len(runs)
    assert all(isinstance(one["_id"], int) for one in documents)
    assert {one["status"] for one in documents} == {"COMPLETED"}
    files = {one["_id"]: one for one in database["fs.files"].find()}
    assert len(files) == 2 * len(runs)
    metrics = Counter((one["run_id"], one["name"]) for one in database["metrics"].find())
    assert set(metrics.values()) == {1}
    for document in documents:
        record = runs[document["config"]["run_id"]]
        named = {one["name"]: files[one["file_id"]] for one in document["artifacts"]}
        assert named["ledger.parquet"]["metadata"]["sha256"] == record.ledger_sha256
        assert named["record.json"]["filename"] == f"artifact://runs/{document['_id']}/record.json"
        names = {one["name"] for one in document["info"]["metrics"]}
        assert names == {name for number, name in metrics if number == document["_id"]}


def test_published_twice_gives_one_copy(database_url, synthetic):
    """The second time, every run is present, and the documents are those of the first time."""
    with opened(database_url) as database:
        assert publish(database, synthetic) == {Ending.PUBLISHED: 20}
        before = list(database["runs"].find())
        assert publish(database, synthetic) == {Ending.PRESENT: 20}
        assert list(database["runs"].find()) == before
        assert_one_of_each(database, synthetic)


def test_what_is_damaged_there_is_mended(database_url, synthetic):
    """A run that lost a file or metrics, or was abandoned by a publisher, is completed under its number."""
    with opened(database_url) as database:
        publish(database, synthetic)
        first, second, third = list(database["runs"].find().limit(3))
        database["metrics"].delete_many({"run_id": third["_id"], "name": {"$ne": SPEED}})
        gridfs.GridFS(database).delete(first["artifacts"][0]["file_id"])
        left = {"status": "QUEUED", MARK: "another", "artifacts": []}
        database["runs"].update_one({"_id": second["_id"]}, {"$set": left})
        fourth = list(database["runs"].find().limit(4))[-1]
        database["runs"].update_one({"_id": fourth["_id"]}, {"$unset": {"info.ledger_sha256": ""}})
        assert publish(database, synthetic) == {Ending.PRESENT: 16, Ending.COMPLETED: 4}
        assert_one_of_each(database, synthetic)
        assert all(MARK not in one and KEY in one for one in database["runs"].find())


def test_a_publisher_that_was_overtaken_takes_its_files_back(database_url, synthetic, monkeypatch):
    """If a document has another publisher's mark at the last write, our data go and the document stays."""
    with opened(database_url) as database:
        publisher = Publisher(database, PATIENCE_SECONDS)
        whole = publisher._is_whole

        def overtaken(task, document):
            database["runs"].update_one({"_id": document["_id"]}, {"$set": {MARK: "another"}})
            return whole(task, document)

        monkeypatch.setattr(publisher, "_is_whole", overtaken)
        with pytest.raises(ServerError, match="taken over by another publisher"):
            publisher.publish(synthetic, complete_runs(synthetic)[:1], lambda run_id, ending: None)
        (document,) = database["runs"].find()
        assert (document["status"], document[MARK]) == ("QUEUED", "another")
        assert list(database["fs.files"].find()) == []
        assert list(database["metrics"].find()) == []


@pytest.mark.slow
def test_the_command_says_what_it_did(amtlb, server):
    """Baselines are published by name; the JSON gives the server without its secret, and counts by folder."""
    environment = os.environ | {VARIABLE: server.url}
    done = amtlb("publish", "uniform", env=environment)
    assert done.returncode == 0, done.stderr
    assert "20 runs, 20 published, 0 completed, 0 there already" in done.stdout
    again = amtlb("publish", "uniform", "--json", env=environment)
    assert json.loads(again.stdout) == {
        "server": f"127.0.0.1:{server.port}/runs",
        "folders": [
            {
                "folder": str(published_folder("uniform", "smoke")),
                "runs": 20,
                "present": 20,
                "published": 0,
                "completed": 0,
            }
        ],
    }
    with opened(server.url) as database:
        assert_one_of_each(database, Store(published_folder("uniform", "smoke"), V1))


def test_what_cannot_be_published_is_refused(amtlb, database_url, synthetic, tmp_path):
    """No URL, an empty folder, another run's ledger: each gives an error of one line."""
    bare = {name: value for name, value in os.environ.items() if name != VARIABLE}
    refused(amtlb("publish", "uniform", env=bare), 2, "AMTLB_MONGO_URL is not set", "mongodb://")
    environment = bare | {VARIABLE: database_url}
    refused(amtlb("publish", tmp_path, env=environment), 1, "no complete run")
    copy = Store(tmp_path / "copy", V1)
    shutil.copytree(synthetic.folder, copy.folder)
    runs = [run.run_id for run in plan(V1, V1.edition("smoke"))]
    shutil.copy(copy.ledger_path(runs[0]), copy.ledger_path(runs[1]))
    with opened(database_url) as database, pytest.raises(StoreError, match="its record names"):
        publish(database, copy)


def amtlb_publish(url: str, *folders: Path) -> subprocess.Popen[str]:
    command = [AMTLB, "publish", *map(str, folders)]
    environment = os.environ | {VARIABLE: url}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("completed", [0, 3, 11])
def test_broken_off_and_repeated_gives_one_copy(database_url, synthetic, completed):
    """When it is killed after some runs, all COMPLETED runs are whole, and the next call adds the rest."""
    with opened(database_url) as database:
        with amtlb_publish(database_url, synthetic.folder) as process:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                there = [one["status"] for one in database["runs"].find({}, {"status": 1})]
                if there and there.count("COMPLETED") >= completed:
                    break
            process.kill()
        files = {one["_id"] for one in database["fs.files"].find()}
        done = [one for one in database["runs"].find() if one["status"] == "COMPLETED"]
        assert len(done) < 20
        assert all({artifact["file_id"] for artifact in one["artifacts"]} <= files for one in done)
        endings = publish(database, synthetic)
        assert endings[Ending.PRESENT] == len(done)
        assert endings.total() == 20
        assert_one_of_each(database, synthetic)


@pytest.mark.slow
def test_two_publishers_at_once_give_one_copy(database_url, synthetic, results_of_uniform):
    """Equal runs have one document; different runs each have their own number."""
    both = [amtlb_publish(database_url, synthetic.folder, results_of_uniform) for _ in range(2)]
    for process in both:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    with opened(database_url) as database:
        numbers = [one["_id"] for one in database["runs"].find()]
        statuses = Counter(one["status"] for one in database["runs"].find())
    assert statuses == {"COMPLETED": 40}
    assert len(set(numbers)) == 40


@pytest.mark.slow
def test_252_runs_of_lite_come_in(database_url, tmp_path):
    """Three learners' runs of ``lite`` are published and then found present, and the times are printed."""
    stores = [write_results(tmp_path / str(seed), V1, V1.edition("lite"), 10_000, seed) for seed in range(3)]
    with opened(database_url) as database:
        for ending in (Ending.PUBLISHED, Ending.PRESENT):
            begun = time.monotonic()
            assert sum((publish(database, store) for store in stores), Counter()) == {ending: 252}
            print(f"252 runs {ending} in {time.monotonic() - begun:.1f} s")
        assert database["runs"].count_documents({"status": "COMPLETED"}) == 252
