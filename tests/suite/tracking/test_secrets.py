"""The database's URL contains a password: it is in no file, message or process of a run."""

import os
import pickle
import shutil
from pathlib import Path

import pytest

from protocol import describe, parse_run_id
from suite.benchmark.edition import _task
from suite.benchmark.settings import Settings
from suite.results.published import published_folder
from suite.results.store import Store
from suite.tracking.mongo_url import VARIABLE
from tests.suite.helpers import V1, refused
from tests.suite.tracking.servers import SECRET, opened

RUN = describe(parse_run_id("smoke/fresh/breakout/seed0", V1), V1)


def texts_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_url_reaches_neither_learner_nor_files_nor_output(amtlb, tmp_path, server):
    """A learner that searches its process finds no URL and no Sacred; results and output contain neither."""
    environment = os.environ | {VARIABLE: server.url}
    run = ["run", str(RUN.run_id), "--learner", "tests.suite.tracking.nosy:make", "--out", tmp_path]
    done = amtlb(*run, env=environment)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    notes = tmp_path / RUN.run_id.path / "notes"
    assert (notes / "modules.txt").read_text() == ""
    assert "AMTLB_DEVICE" in (notes / "seen.txt").read_text()
    assert SECRET not in done.stdout + done.stderr
    for path, data in texts_below(tmp_path).items():
        assert SECRET.encode() not in data, path
    with opened(server.url) as database:
        (document,) = database["runs"].find()
    assert document["status"] == "COMPLETED"
    assert SECRET not in repr(document)


@pytest.mark.slow
def test_what_was_not_tracked_is_told_at_the_end(amtlb, tmp_path):
    """Without a server the edition completes; runs, summary and way out are reported without the secret."""
    folder = tmp_path / "results"
    shutil.copytree(published_folder("uniform", "smoke"), folder)
    for seed in (0, 1):
        shutil.rmtree(folder / f"fresh/breakout/seed{seed}")
    url = f"mongodb://bob:{SECRET}@127.0.0.1:1/lab"
    command = ["benchmark", "--learner", "baselines.uniform:make", "--out", folder]
    done = amtlb(*command, env=os.environ | {VARIABLE: url})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("complete, not tracked: MongoDB at bob@127.0.0.1:1/lab failed") == 2
    assert (
        "warning: not tracked, 2 in all: smoke/fresh/breakout/seed0, smoke/fresh/breakout/seed1" in done.stderr
    )
    assert f"`amtlb publish {folder}` brings them in" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    refused(
        amtlb(*command[:-1], tmp_path / "new", env=os.environ | {VARIABLE: f"mongo://{SECRET}"}), 2, VARIABLE
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "arguments",
    [["publish", "uniform"], pytest.param(["compare", "uniform", "ppo", "--from"], marks=pytest.mark.slow)],
)
def test_errors_of_the_server_show_no_secret(amtlb, arguments):
    """Without a server, the warning shows user and host, and no password."""
    url = f"mongodb://bob:{SECRET}@127.0.0.1:1/lab"
    given = [url] if arguments[-1] == "--from" else []
    done = amtlb(*arguments, *given, env=os.environ | {VARIABLE: url})
    assert done.returncode == 1
    assert "bob@127.0.0.1:1/lab" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_a_scheduler_is_told_has_no_url(tmp_path, monkeypatch):
    """The job of a run that goes to dask names the run and not the database."""
    monkeypatch.setenv(VARIABLE, f"mongodb://bob:{SECRET}@127.0.0.1:1/lab")
    settings = Settings("baselines.uniform:make", tracked=True)
    assert SECRET.encode() not in pickle.dumps(_task(RUN, Store(tmp_path, V1), settings, None))
    assert SECRET not in repr(settings)
