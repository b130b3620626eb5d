"""Verifying and submitting through the command line: what passes, what does not, and what cannot be told."""

import json
import math
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pytest

from protocol import UnknownName, parse_run_id, plan
from suite.release.schemas import schemas
from suite.results.published import published_baselines, published_folder
from suite.verify.findings import REVIEWED_RULES, RULES, Verification
from suite.verify.verification import Levels, verify
from tests import ROOT
from tests.suite.helpers import V1, refused
from tests.suite.verify.corpus import FORGERIES, FRESH, Forged

QUICK = (
    "a record cut off",
    "another ROM",
    "one episode with a seed of its own",
    "the checkpoint of another seed",
)
"""Forgeries that are tried in every run of the tests; `make verifier-table` tries all."""
SAMPLED = 65
"""Episodes of the published PPO that a sample of 2 % with seed 7 plays: one per run, and the best ones."""


@pytest.fixture
def submission(tmp_path) -> Path:
    """A copy of a published baseline."""
    shutil.copytree(published_folder("ppo", "smoke"), tmp_path / "submission")
    return tmp_path / "submission"


def audited(folder: Path) -> Verification:
    return verify(folder, workers=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", published_baselines("smoke"))
def test_published_baselines_pass(name):
    """The audit of each published baseline finds nothing, and names what it did not look at."""
    found = audited(published_folder(name, "smoke"))
    assert found.findings == ()
    assert (found.exit_status, found.runs, found.edition) == (0, 20, "smoke")
    told = {verdict.rule: verdict.verdict for verdict in found.verdicts}
    assert [rule for rule, verdict in told.items() if verdict != "PASS"] == ["R1", "R2", "R3", "T1"]
    assert {told[rule] for rule in ("R1", "R2", "R3", "T1")} == {"UNVERIFIABLE"}


@pytest.mark.parametrize(
    "forgery", [forgery for forgery in FORGERIES if forgery.name in QUICK], ids=lambda f: f.name
)
def test_forgeries_fail_by_their_rule(submission, forgery):
    """A forgery is found by its rule alone, with the place, what was expected and what was found."""
    forgery.forge(Forged(submission))
    found = audited(submission)
    errors = [finding for finding in found.findings if finding.severity == "error"]
    assert {finding.rule for finding in errors} == {forgery.rule}
    assert all(finding.run_id and finding.file and finding.expected and finding.found for finding in errors)
    assert found.exit_status == 1


def test_every_rule_has_a_forgery_and_a_page():
    """No rule without a forgery, nor without a page: why, how it looks when broken, how to fix it."""
    assert {forgery.rule for forgery in FORGERIES} == set(RULES)
    assert len(FORGERIES) >= 40
    assert len({forgery.name for forgery in FORGERIES}) == len(FORGERIES)
    page = (ROOT / "docs" / "rules.md").read_text()
    for rule, title in RULES.items():
        section = page.partition(f"### {rule}: {title}\n")[2].partition("\n##")[0]
        for word in ("Why: ", "Broken: ", "Fix: "):
            assert word in section.replace("\n", " "), (rule, word)


def test_rules_of_the_reviewer_have_a_page_of_examples():
    """A rule that no program holds has a page, with four examples or more of each, allowed and not allowed."""
    page = (ROOT / "docs" / "rules.md").read_text()
    for rule, title in REVIEWED_RULES.items():
        section = page.partition(f"### {rule}: {title}\n")[2].partition("\n##")[0]
        assert "Why: " in section
        tables = re.findall(
            r"^\| (allowed|not allowed) \| why \|\n\|---\|---\|\n((?:\|.*\|\n)+)", section, re.MULTILINE
        )
        assert [heading for heading, _ in tables] == ["allowed", "not allowed"]
        assert all(rows.count("\n") >= 4 for _, rows in tables)
    assert {*re.findall(r"^### (\w+):", page, re.MULTILINE)} == {*RULES, *REVIEWED_RULES}


@pytest.mark.slow
def test_a_sample_is_drawn_by_its_seed(submission, amtlb):
    """The same seed replays the same share; the report says how many, which seed, and the chance to pass."""
    sample = ("--sample", "0.02", "--seed", "7", "--json")
    one, again = (amtlb("verify", submission, *sample) for _ in range(2))
    assert one.returncode == 0, one.stdout + one.stderr
    assert one.stdout == again.stdout
    replayed = Verification.model_validate_json(one.stdout).replayed
    assert replayed
    assert (replayed.episodes, replayed.of_episodes, replayed.sample_seed) == (SAMPLED, 487, 7)
    chance = (1 - 5 / 487) ** SAMPLED  # 5 false ones of 487
    assert replayed.chance_of_one_percent == pytest.approx(chance, rel=0.05)


@pytest.mark.slow
def test_an_untold_seed_is_drawn_and_printed(submission, amtlb):
    """Without a seed the verifier picks one and prints it."""
    done = amtlb("verify", submission, "--sample", "0.001")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b\d\d of 487 episodes were played again, drawn with seed", done.stdout)


@pytest.mark.parametrize(("levels", "replayed"), [(Levels(sample=(0.02, 7)), SAMPLED), (Levels(), 0)])
def test_a_sample_alone_is_a_replay(levels, replayed):
    """To ask for a sample is to ask for its replay; without either, no episode is played."""
    found = verify(published_folder("ppo", "smoke"), levels, workers=2)
    assert found.exit_status == 0
    assert (found.replayed.episodes if found.replayed else 0) == replayed


@pytest.mark.parametrize(
    "levels",
    [
        Levels(sample=(-3.0, 1)),
        Levels(sample=(1.5, 1)),
        Levels(sample=(math.nan, 1)),
        Levels(draw=(0, 1)),
        Levels(draw=(3, 2**200)),
        Levels(sample=(0.5, -1)),
    ],
)
def test_levels_out_of_their_range_are_refused(submission, levels):
    """A share that is none, and a number of runs that draws none, are told before anything is read."""
    with pytest.raises(UnknownName, match=r"name (one from 0 to|1 or more)"):
        verify(submission, levels)


def test_levels_that_need_a_replay_say_so(tmp_path):
    """A scheduler, or a folder of what is finished, without a replay is wrong use."""
    for levels in (Levels(scheduler="tcp://127.0.0.1:9"), Levels(finished=tmp_path / "kept")):
        with pytest.raises(UnknownName, match="scheduler and finished are of a replay"):
            verify(published_folder("ppo", "smoke"), levels)


@pytest.mark.slow
def test_a_false_episode_is_found_where_it_diverges(submission):
    """Of a reward that was never earned the replay tells episode, step, what was due and what was found."""
    forged = Forged(submission)

    def invent(rows) -> None:
        rows[0]["reward_steps"], rows[0]["rewards"] = [3], [77]
        rows[0]["episode_return"] = 77

    forged.edit_rows(FRESH, invent)
    found = verify(submission, Levels(replay=True, sample=(0.99, 1)), workers=2)
    first = next(finding for finding in found.findings if finding.rule == "R1")
    assert (first.run_id, first.row, first.expected, first.found) == (
        f"smoke/{FRESH}",
        0,
        "reward 0 in step 3",
        "77",
    )


@pytest.mark.slow
def test_exit_statuses(submission, amtlb, tmp_path):
    """0 compliant, 1 not compliant or no submission, 2 wrong use or no folder, 3 could not check."""
    assert amtlb("verify", submission).returncode == 0
    refused(amtlb("verify", submission, "--seed", "1"), 2, "--sample")
    assert amtlb("verify", submission, "--sample", "2").returncode == 2
    for command in ("verify", "scores", "compare", "report"):
        where = "does not exist" if command == "verify" else "neither a results folder"
        refused(amtlb(command, tmp_path / "none"), 2, where)
    refused(amtlb("verify", submission, "--retrain", "smoke/fresh/pong/seed0"), 2, "smoke/fresh/pong/seed0")
    forged = Forged(submission)
    seed = forged.record(FRESH)["training_seed"]
    forged.change(FRESH, training_seed=1)
    done = amtlb("verify", submission)
    assert done.returncode == 1
    assert "D4 error" in done.stdout
    assert "NOT compliant" in done.stdout
    forged.change(FRESH, training_seed=seed, learner="nowhere:make")
    done = amtlb("verify", submission, "--retrain", f"smoke/{FRESH}")
    assert done.returncode == 1  # the other runs are another learner's
    assert "D4" not in done.stdout.partition("for the reviewer")[2]
    assert "T1 unchecked" in done.stdout
    assert "No module named 'nowhere'" in done.stdout


@pytest.mark.slow
def test_what_cannot_be_checked_is_status_3(tmp_path, amtlb):
    """A learner that cannot be run again leaves its rule unverifiable, and the verification undecided."""
    submission = tmp_path / "submission"
    shutil.copytree(published_folder("uniform", "smoke"), submission)  # anybody may play at random
    forged = Forged(submission)
    for path in submission.rglob("record.json"):
        run = path.parent.relative_to(submission).as_posix()
        forged.write_record(run, forged.record(run) | {"learner": "tests.suite.bad_learners:Raises"})
    scores = json.loads((submission / "scores.json").read_text())
    scores["learner"] = "tests.suite.bad_learners:Raises"
    (submission / "scores.json").write_text(json.dumps(scores))
    forged.sums()
    done = amtlb("verify", submission, "--retrain", f"smoke/{FRESH}", cwd=ROOT)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "T1 unchecked" in done.stdout
    assert "could not check" in done.stdout


def test_a_submission_is_packed_and_passes(smoke_results, amtlb, tmp_path):
    """``amtlb submit`` packs results without checkpoints and logs, which passes, and overwrites nothing."""
    out = tmp_path / "submission"
    options = ("--name", "uniform play", "--author", "A. Author", "--code", "https://example.org/abc")
    done = amtlb("submit", smoke_results, out, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(out.rglob("checkpoint"))
    assert not (out / "logs").exists()
    assert {one.rule for one in audited(out).findings} <= {"P5"}  # runs of the code of today, and of then
    refused(amtlb("submit", smoke_results, out, *options), 1, "exists already")
    refused(
        amtlb("submit", smoke_results, tmp_path / "other", *options, "--image-id", "best"), 2, "image_sha256"
    )
    refused(amtlb("submit", tmp_path / "none", tmp_path / "other", *options), 2, "does not exist")


@pytest.mark.slow
def test_results_whose_audit_fails_are_not_announced(amtlb, tmp_path):
    """``amtlb submit`` of results that break a rule says so, and does not say that they pass."""
    results = tmp_path / "results"
    shutil.copytree(published_folder("uniform", "smoke"), results)
    for name in ("submission.toml", "SHA256SUMS"):
        (results / name).unlink()
    record = json.loads((results / FRESH / "record.json").read_text()) | {"training_seed": 7}
    (results / FRESH / "record.json").write_text(json.dumps(record))
    options = ("--name", "uniform", "--author", "A. Author", "--code", "https://example.org/abc")
    done = amtlb("submit", results, tmp_path / "out", *options)
    assert done.returncode == 1
    assert "D4 error" in done.stdout
    assert "its own audit fails" in done.stderr
    assert "its audit passes" not in done.stdout


@pytest.mark.slow
def test_json_is_as_its_schema_says(submission, amtlb):
    """The output of ``verify --json`` validates against the published schema."""
    printed = json.loads(amtlb("verify", submission, "--json").stdout)
    schema = json.loads((ROOT / "docs/schemas/verification.schema.json").read_text())
    jsonschema.validate(printed, schema)


@pytest.mark.parametrize("name", sorted(schemas()))
def test_published_schemas_are_the_models(name):
    """Each schema in the docs is what its model exports."""
    published = json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text())
    assert published == schemas()[name]


def test_files_are_as_their_schemas_say():
    """The published records and scores validate against the published schemas."""
    folder = published_folder("ppo", "smoke")
    for name, path in (
        ("record", folder / parse_run_id(f"smoke/{FRESH}", V1).path / "record.json"),
        ("scores", folder / "scores.json"),
    ):
        jsonschema.validate(json.loads(path.read_text()), schemas()[name])


def test_nothing_is_written_into_a_submission(submission):
    """Verifying leaves every byte and time of modification as it was."""
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in submission.rglob("*")}
    for path in submission.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert audited(submission).exit_status == 0
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in submission.rglob("*")}
    for path in submission.rglob("*"):
        path.chmod(0o755)


@pytest.mark.slow
def test_unreadable_files_are_told(submission):
    """A ledger that is a folder, a pipe in its place, and an empty file are findings."""
    for place, run in enumerate(list(plan(V1, V1.edition("smoke")))[:3]):
        path = submission / run.run_id.path / "ledger.parquet"
        path.unlink()
        if place == 0:
            path.mkdir()
        elif place == 1:
            os.mkfifo(path)
        else:
            path.touch()
    found = audited(submission)
    assert found.exit_status == 1
    errors = [finding for finding in found.findings if finding.severity == "error"]
    assert {"S1", "S3", "S4"} >= {finding.rule for finding in errors}
    spoilt = [run.run_id.path for run in list(plan(V1, V1.edition("smoke")))[:3]]
    assert all(any(str(one.file).startswith(run) for one in errors) for run in spoilt)
