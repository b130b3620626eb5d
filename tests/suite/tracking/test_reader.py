"""Comparing learners from a database: with the same results as from folders, and the same checks."""

import io
import os
import shutil
from pathlib import Path

import gridfs
import pytest

from protocol import AmtlbError, Edition, ServerError, UnknownName
from suite.results.editions import complete_runs
from suite.results.published import published_folder
from suite.results.store import Store
from suite.scoring.comparison import Comparison, compare
from suite.tracking.mongo_url import VARIABLE
from suite.tracking.publish import Publisher
from suite.tracking.reader import learner_of, read_published
from tests.suite.helpers import V1, refused
from tests.suite.tracking.servers import SECRET, opened

SMOKE = V1.edition("smoke")


@pytest.mark.slow
def test_a_comparison_from_a_database_is_the_one_from_folders(amtlb, server):
    """A named learner comes from the database and compares like its folder; errors name what is there."""
    with opened(server.url) as database:
        for name in ("uniform", "ppo"):
            store = Store(published_folder(name, "smoke"), V1)
            Publisher(database, 0.2).publish(store, complete_runs(store), lambda run_id, ending: None)
    done = amtlb("compare", "uniform", "ppo", "--from", server.url, "--json")
    assert done.returncode == 0, done.stderr
    assert Comparison.model_validate_json(done.stdout) == compare(["uniform", "ppo"])
    by_variable = os.environ | {VARIABLE: server.url}  # which no list of processes shows
    again = amtlb("compare", "uniform", "ppo", "--from", VARIABLE, "--json", env=by_variable)
    assert again.stdout == done.stdout
    refused(amtlb("compare", "uniform", "--from", VARIABLE, env=os.environ | {VARIABLE: ""}), 2, "is empty")
    refused(amtlb("compare", "nobody", "--from", server.url), 2, "'nobody'", "baselines.ppo:make")


def test_a_learner_of_a_database_stands_beside_a_folder(published, synthetic, tmp_path):
    """Folders are read in place, names where they are found, and equal runs are even."""

    def find(name: str, edition: Edition) -> Path:
        read_published(published, name, V1, edition, tmp_path / "found")
        return tmp_path / "found"

    both = compare([synthetic.folder, "synthetic:make"], find=find)
    assert [one.label for one in both.contenders] == [synthetic.folder.name, "synthetic:make"]
    assert {duel.fresh.value for duel in both.duels} == {0.5}


@pytest.mark.slow
def test_what_is_no_database_is_refused(amtlb, server):
    """A wrong URL is reported without its secret, and an edition without runs by its name."""
    refused(amtlb("compare", "uniform", "--edition", "lite", "--from", server.url), 2, "lite", "it has none")
    wrong = amtlb("compare", "uniform", "--from", f"mongo://bob:{SECRET}@host")
    refused(wrong, 2, "--from is not a URL of MongoDB")
    assert SECRET not in wrong.stderr


def test_names_stand_for_learners():
    """A baseline's name is short for its learner; module:function means itself."""
    assert learner_of("ppo") == "baselines.ppo:make"
    assert learner_of("my.module:make") == "my.module:make"


@pytest.fixture
def published(database_url, synthetic):
    with opened(database_url) as database:
        Publisher(database, 0.2).publish(synthetic, complete_runs(synthetic), lambda run_id, ending: None)
        yield database


def replace_file(database, document: dict, name: str, data: bytes) -> None:
    """Replace an artifact with another file."""
    file_id = gridfs.GridFS(database).put(io.BytesIO(data), filename="forged")
    artifacts = [one for one in document["artifacts"] if one["name"] != name]
    artifacts.append({"name": name, "file_id": file_id})
    database["runs"].update_one({"_id": document["_id"]}, {"$set": {"artifacts": artifacts}})


def test_what_a_database_claims_is_held_against_its_files(published, tmp_path, synthetic):
    """A forged ledger, record, claim or size, missing files, a missing or a second run are refused."""
    from suite.scoring.outcomes import read_outcomes

    database, runs = published, published["runs"]
    first, second = list(runs.find().limit(2))

    def refuse(kind: type[AmtlbError], text: str) -> None:
        with pytest.raises(kind, match=text):
            read_published(database, "synthetic:make", V1, SMOKE, tmp_path / "out")
            read_outcomes(Store(tmp_path / "out", V1), SMOKE)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        runs.replace_one({"_id": first["_id"]}, first)

    ledgers = [synthetic.ledger_path(run.run_id).read_bytes() for run in complete_runs(synthetic)[:2]]
    record = (synthetic.run_folder(complete_runs(synthetic)[0].run_id) / "record.json").read_text()
    replace_file(database, first, "ledger.parquet", ledgers[1])
    refuse(AmtlbError, "its record names")
    replace_file(database, first, "ledger.parquet", bytes(20 * 2**20))
    refuse(ServerError, "cannot be right")
    replace_file(database, first, "record.json", b"{}")
    refuse(AmtlbError, "is not a record")
    replace_file(database, first, "record.json", record.replace("synthetic:make", "other:make").encode())
    refuse(ServerError, "do not trust")
    runs.update_one({"_id": first["_id"]}, {"$set": {"info.ledger_sha256": "0" * 64}})
    refuse(ServerError, "do not trust")
    runs.update_one({"_id": first["_id"]}, {"$set": {"artifacts": [{"name": "record.json"}]}})
    refuse(ServerError, "lacks its files")
    runs.update_one({"_id": first["_id"]}, {"$set": {"status": "RUNNING"}})
    refuse(ServerError, "lacks 1 of the 20 runs")
    other = {key: value for key, value in first.items() if key not in ("_id", "amtlb_key")}
    runs.insert_one(other | {"_id": 1000, "info": {"ledger_sha256": "f" * 64}})
    refuse(ServerError, "2 different runs")
    runs.delete_one({"_id": 1000})
    assert second["status"] == "COMPLETED"
    read_published(database, "synthetic:make", V1, SMOKE, tmp_path / "out")
    with pytest.raises(UnknownName, match="synthetic:make"):
        read_published(database, "ppo", V1, SMOKE, tmp_path / "none")
