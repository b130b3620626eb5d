"""The command line: what it prints, and how it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protocol import plan
from suite.cli.benchmark import warn_of_left_behind
from suite.cli.play_options import results_folder
from suite.machine import has_gpu
from suite.results.published import published_folder
from tests.suite.helpers import PLAYED_ANEW, SMOKE_DIGEST, V1, refused

RUN = "smoke/fresh/breakout/seed0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["benchmark", "--edition", "huge"], ["'huge'", "smoke, lite, full"]),
        (["benchmark", "--learner", "nowhere:make"], ["'nowhere:make'", "importable"]),
        (["benchmark", "--learner", "baselines.uniform"], ["module:function"]),
        (["run", RUN, "--learner", "my-learner:make"], ["'my-learner:make'", "rename"]),
        (["check", f"{'a' * 200}:make"], ["module:function", "at most 200 characters"]),
        (["benchmark", "--device", "tpu"], ["'tpu'", "cpu, cuda"]),
        (["run", "smoke/fresh/pong/seed0"], ["smoke/fresh/pong/seed0", "--dry-run"]),
        (["run", "nonsense"], ["'nonsense'", "looks like"]),
        (["benchmark", "--box-user", "nobody"], ["--box-user", "--contained process"]),
        (["verify", ".", "--retrain", "4", "--box-user", "nobody"], ["--box-user", "--contained process"]),
        (["run", RUN, "--image", "any", "--box-user", "nobody"], ["--box-user", "--contained process"]),
    ],
)
def test_unknown_names_exit_with_2(amtlb, tmp_path, arguments, words):
    """An unknown edition, learner, device or run id is one line and status 2."""
    refused(amtlb(*arguments, cwd=tmp_path), 2, *words)


@pytest.mark.skipif(has_gpu(), reason="this machine has one")
def test_a_gpu_that_is_not_there_is_refused(amtlb, tmp_path):
    """A run on a GPU is refused where the machine shows none, before anything is played."""
    for command in (["benchmark"], ["run", RUN]):
        options = ("--learner", "baselines.uniform:make", "--device", "cuda", "--out", tmp_path / "out")
        done = amtlb(*command, *options)
        refused(done, 2, "'cuda'", "shows no GPU")
        assert not list(tmp_path.glob("out/*/**/record.json"))


def test_runs_left_behind_are_named(capsys):
    """Complete transfer runs whose pretrain run is missing are named, and no others."""
    runs = plan(V1, V1.edition("smoke"))
    pretrain = next(run for run in runs if run.run_id.arm == "pretrain")
    warn_of_left_behind(runs, [pretrain])
    assert "smoke/transfer/fold0/" in (said := capsys.readouterr().err)
    assert said.count("smoke/") == 1
    warn_of_left_behind(runs, runs)
    assert capsys.readouterr().err == ""


def test_unknown_options_exit_with_2(amtlb):
    """Options and values that do not exist are wrong use."""
    for arguments in (["benchmark", "--nope"], ["benchmark", "--workers", "-1"], ["nope"]):
        done = amtlb(*arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_results_lie_below_one_folder(monkeypatch):
    """`AMTLB_RESULTS` names the folder below which results lie; --out names theirs."""
    monkeypatch.delenv("AMTLB_RESULTS", raising=False)
    assert results_folder(None, "smoke", "baselines.ppo:make") == Path("results/smoke/baselines.ppo")
    monkeypatch.setenv("AMTLB_RESULTS", "/out")
    assert results_folder(None, "lite", "mine:other") == Path("/out/lite/mine.other")
    assert results_folder(Path("here"), "lite", "mine:other") == Path("here")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("AMTLB_RESULTS", "~/all")
    assert results_folder(None, "lite", "mine:make") == Path("/home/me/all/lite/mine")
    assert results_folder(Path("~/here"), "lite", "mine:make") == Path("/home/me/here")
    assert results_folder(Path("~nobody-of-that-name/x"), "lite", "m:m") == Path("~nobody-of-that-name/x")


@pytest.mark.parametrize(
    "arguments",
    [
        ("benchmark", "--snapshot-minutes", "inf"),
        ("benchmark", "--stall-minutes", "inf"),
        ("verify", ".", "--sample", "nan"),
        ("watch", RUN, "--speed", "nan"),
    ],
)
def test_numbers_that_are_none_are_wrong_use(amtlb, arguments):
    """A number that is infinite, or none, is refused like one beyond its limits, by the name of its option."""
    done = amtlb(*arguments)
    assert done.returncode == 2
    assert arguments[-2] in done.stderr
    assert "Traceback" not in done.stderr


def test_unusable_folders_exit_with_1(amtlb, tmp_path):
    """A folder that cannot be written, or holds nothing to score, is one line and status 1."""
    (tmp_path / "file").touch()
    uniform = ["--learner", "baselines.uniform:make"]
    refused(amtlb("benchmark", *uniform, "--out", tmp_path / "file" / "x"), 1, "cannot be written", "file")
    refused(amtlb("scores", tmp_path / "none"), 2, "neither a results folder", "(dqn, multihead_a2c, ppo")


def test_a_foreign_protocol_exits_with_1(amtlb, smoke_results, tmp_path):
    """A record under another protocol digest is refused by name, and left as it is."""
    folder = tmp_path / "fresh/breakout/seed0"
    folder.mkdir(parents=True)
    text = (smoke_results / "fresh/breakout/seed0/record.json").read_text().replace(SMOKE_DIGEST, "0" * 64)
    (folder / "record.json").write_text(text)
    uniform = ["--learner", "baselines.uniform:make"]
    refused(amtlb("benchmark", *uniform, "--out", tmp_path), 1, "000000000000", SMOKE_DIGEST[:12])
    assert (folder / "record.json").read_text() == text


def test_a_broken_rom_exits_with_1(amtlb, tmp_path):
    """A ROM folder with another file is refused before the emulator sees it."""
    (tmp_path / "adventure.bin").write_bytes(b"no game")
    environment = os.environ | {"ALE_ROMS_DIR": str(tmp_path)}
    refused(amtlb("protocol", "check", env=environment), 1, "adventure", "pins", "ALE_ROMS_DIR")
    run = ["run", "smoke/fresh/breakout/seed0", "--learner", "baselines.uniform:make"]
    refused(amtlb(*run, "--out", tmp_path / "out", env=environment), 1, "breakout", "cannot be read", "log: ")


def test_options_that_a_scheduler_leaves_without_meaning_are_refused(amtlb, tmp_path):
    """--jobs with a scheduler, and --detach without one, are wrong use."""
    address = ["--scheduler", "tcp://127.0.0.1:1"]
    refused(amtlb("benchmark", "--out", tmp_path, *address, "--jobs", "2"), 2, "--jobs", "--nthreads")
    refused(amtlb("benchmark", "--out", tmp_path, "--detach"), 2, "--detach", "--scheduler")


def test_a_place_for_snapshots_that_is_none_exits_with_2(amtlb, tmp_path):
    """Nothing is played where snapshots could not be copied; the line names what was given."""
    done = amtlb("run", "smoke/fresh/asterix/seed0", "--out", tmp_path, "--snapshot-url", "nowhere://bucket")
    assert done.returncode == 2
    assert done.stderr == "error: --snapshot-url 'nowhere://bucket': Protocol not known: nowhere\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_exits_with_1(amtlb, tmp_path):
    """An address without a dask scheduler is told in one line."""
    uniform = ["--learner", "baselines.uniform:make", "--out", tmp_path]
    refused(amtlb("benchmark", *uniform, "--scheduler", "tcp://127.0.0.1:1"), 1, "tcp://127.0.0.1:1", "address")
    refused(amtlb("benchmark", *uniform, "--scheduler", "nonsense://1"), 1, "nonsense", "address")
    refused(amtlb("cluster", "check", "--scheduler", "tcp://127.0.0.1:1"), 1, "tcp://127.0.0.1:1", "address")


def test_a_failing_run_names_its_log(amtlb, tmp_path):
    """A learner that fails ends ``run`` with its reason and the log's place."""
    run = ["run", "smoke/fresh/breakout/seed0", "--learner", "tests.suite.bad_learners:Raises"]
    refused(amtlb(*run, "--out", tmp_path), 1, "the learner's own fault", "fresh-breakout-seed0.log")


def test_run_plays_once(amtlb, tmp_path):
    """A run is played, printed, and not played again."""
    run = ["run", "smoke/fresh/breakout/seed0", "--learner", "baselines.uniform:make", "--out", tmp_path]
    first, second = amtlb(*run), amtlb(*run, "--json")
    assert first.returncode == second.returncode == 0, first.stderr
    assert "breakout: 8,000 frames" in first.stdout
    record = json.loads(second.stdout)
    assert record["ledger_sha256"] in first.stdout
    assert json.loads((tmp_path / "fresh/breakout/seed0/record.json").read_text()) == record


@pytest.mark.parametrize(
    ("edition", "runs", "frames"), [("lite", 84, 76_800_000), ("full", 396, 13_230_000_000)]
)
def test_dry_run_lists_every_run_with_its_budget(amtlb, tmp_path, edition, runs, frames):
    """The plan of an edition has one line per run, in a table and in JSON, and plays none."""
    unmeasured = ["--workers", "2"]  # no pace is measured of lanes in processes, and none is asked for here
    asked = ["benchmark", "--edition", edition, "--dry-run", *unmeasured, "--out", tmp_path / "out"]
    plan = json.loads(amtlb(*asked, "--json").stdout)["runs"]
    table = amtlb(*asked).stdout
    assert len(plan) == runs
    for row in plan:
        line = next(line for line in table.splitlines() if row["run_id"] in line)
        assert f"{row['training_frames']:,}" in line
    assert f"{sum(row['training_frames'] for row in plan):,} training frames in all" in table
    assert sum(row["training_frames"] for row in plan) == frames
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_dry_run_measures_a_learner_on_this_machine(amtlb, tmp_path):
    """A dry run without complete runs takes the pace of a short play, estimates hours, and makes no folder."""
    uniform = ["--learner", "baselines.uniform:make", "--out", tmp_path / "out"]
    done = amtlb("benchmark", *uniform, "--dry-run", "--jobs", "3", "--json")
    assert "measuring baselines.uniform:make on this machine: 8,000 agent steps" in done.stderr
    found = json.loads(done.stdout)
    pace, cost = found["pace"], found["estimate"]
    assert len(found["missing"]) == found["volume"]["runs"] == 20
    seconds = 60_000 / pace["training_steps_per_second"] + 144_000 / pace["evaluation_steps_per_second"]
    assert cost["core_hours"] == pytest.approx(seconds / 3600)
    assert cost["jobs"] == 3
    assert cost["longest_chain_hours"] < cost["wall_hours"] < cost["core_hours"]
    assert found["pace_source"] == "a short play of asterix and breakout"
    assert not (tmp_path / "out").exists()


def test_dry_run_reads_the_pace_of_complete_runs(amtlb, smoke_results, tmp_path):
    """Complete runs of this machine in the folder give the pace, and only missing runs are estimated."""
    folder = tmp_path / "out"
    shutil.copytree(smoke_results, folder)
    for run in set(folder.rglob("seed?")) - {folder / path for path in PLAYED_ANEW}:
        shutil.rmtree(run)
    asked = ["benchmark", "--learner", "baselines.uniform:make", "--out", folder, "--dry-run"]
    done = amtlb(*asked)
    assert done.stderr == ""
    for words in (
        "17 runs missing",
        "training  ",
        "52,000",  # 5 fresh, 5 transfer runs of 2,000 steps, 5 pretrain runs of 4,000, 2 generalists of 6,000
        "128,000",  # 5 + 5 + 2 * 3 times 8 episodes of at most 1,000 steps
        "core hours",
        "longest chain",
        "memory",
    ):
        assert words in done.stdout
    assert f"speed: 3 complete runs in {folder}" in done.stdout
    complete = amtlb(*asked[:4], smoke_results, "--dry-run").stdout
    assert "0 runs missing" in complete
    assert "not measured: no run is missing" in complete


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--learner", "nowhere:make"], "not measured: learner 'nowhere:make': No module named 'nowhere'"),
        (["--learner", "tests.suite.bad_learners:Raises"], "status 1: RuntimeError: the learner's own fault"),
        (["--contained", "process"], "not measured: a learner in a box"),
        (["--workers", "2"], "not measured: a learner on lanes in 2 processes"),
    ],
)
def test_dry_run_says_why_a_learner_is_not_measured(amtlb, tmp_path, options, words):
    """A learner without a pace costs one line; what it would play is printed all the same."""
    done = amtlb("benchmark", "--dry-run", "--out", tmp_path, *options)
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr
    assert words in done.stdout
    assert "60,000" in done.stdout
    assert "core hours" not in done.stdout


def test_scores_are_printed_for_people_and_machines(amtlb, smoke_results):
    """``scores`` prints both measures with every fold, and JSON on demand."""
    done = amtlb("scores", smoke_results)
    for word in ("transfer ratio", "transfer contrast", "asterix", "breakout", "space_invaders", "generalist"):
        assert word in done.stdout
    scores = json.loads(amtlb("scores", smoke_results, "--json").stdout)
    assert {game["fold"] for game in scores["transfer"]["games"]} == {0, 1, 2}
    assert scores == json.loads((smoke_results / "scores.json").read_text())


def test_published_baselines_are_scored_by_name(amtlb, tmp_path):
    """``scores`` takes the name of a published baseline, and writes nothing; its tables may be Markdown."""
    before = (published_folder("ppo", "smoke") / "scores.json").stat()
    done = amtlb("scores", "ppo", "--edition", "smoke", "--markdown", cwd=tmp_path)
    assert "\n| breakout | 1 | 15.0 | 12.0 | 0.800 |" in done.stdout
    assert "\n- no transfer is claimed: " in done.stdout
    assert (published_folder("ppo", "smoke") / "scores.json").stat() == before
    assert not list(tmp_path.iterdir())
    refused(amtlb("scores", "ppo", "--edition", "full"), 2, "for edition full (none is)")
    refused(amtlb("scores", "ppo", "--json", "--markdown"), 2, "choose one")


def test_benchmark_of_a_complete_edition_prints_its_scores(amtlb, smoke_results):
    """Called again, ``benchmark`` plays nothing and prints the result."""
    uniform = ["--learner", "baselines.uniform:make"]
    done = amtlb("benchmark", *uniform, "--out", smoke_results)
    assert done.returncode == 0
    assert "20 of 20 runs of smoke are complete" in done.stdout
    assert "transfer ratio" in done.stdout
    asked = amtlb("benchmark", *uniform, "--out", smoke_results, "--json")
    assert json.loads(asked.stdout)["edition"] == "smoke"


def test_the_check_shows_how_far_it_is():
    """On a terminal, ``protocol check`` counts the games that it has played."""
    code = "from suite.cli.protocol import _play_all_vectors as play; from protocol import load; "
    code += "print(play(load('v1'), ['pong', 'breakout']))"
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "games played and compared" in done.stderr
    assert "2/2" in done.stderr
    assert "pong" not in done.stdout


def test_protocol_is_shown(amtlb):
    """``protocol show`` and ``protocol digest`` print what is frozen."""
    lines = amtlb("protocol", "digest").stdout.splitlines()
    assert dict(line.split() for line in lines) == V1.edition_digests
    assert amtlb("protocol", "digest", "lite").stdout.strip() == V1.edition_digests["lite"]
    refused(amtlb("protocol", "digest", "huge"), 2, "huge", "smoke, lite, full")
    assert V1.edition_digests["full"] in amtlb("protocol", "show").stdout
    shown = json.loads(amtlb("protocol", "show", "--json").stdout)
    assert shown["edition_digests"] == V1.edition_digests
    assert len(shown["protocol"]["games"]) == 63
