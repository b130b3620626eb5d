"""All that was found is told whatever breaks later; a rule that was not looked at everywhere does not pass."""

import shutil
from pathlib import Path

import pytest

from protocol import StoreError, canonical_digest
from suite.results.published import published_folder
from suite.scoring.score import score, write_scores
from suite.untrusted.processes import Limits
from suite.verify.executors import LocalProcesses
from suite.verify.finished import Finished
from suite.verify.ledger_rules import LEDGER_RULES
from suite.verify.verification import Levels, verify
from tests.suite.helpers import POINTER
from tests.suite.verify.corpus import FRESH, Forged


@pytest.fixture
def forged(tmp_path) -> Forged:
    """A copy of a published baseline."""
    shutil.copytree(published_folder("ppo", "smoke"), tmp_path / "submission")
    return Forged(tmp_path / "submission")


def told(folder: Path) -> dict[str, str]:
    return {one.rule: one.verdict for one in verify(folder, workers=2).verdicts}


def damage(forged: Forged, name: str, text: str) -> None:
    (forged.folder / FRESH / name).write_text(text)
    forged.sums()


@pytest.mark.parametrize(
    ("name", "text", "unknown"),
    [
        ("../../../scores.json", "{", {"C1"}),
        ("../../../submission.toml", "name = 3", {"P5"}),
        ("ledger.parquet", POINTER, LEDGER_RULES),
        ("ledger.parquet", "no ledger", LEDGER_RULES),
        ("record.json", "{}", {"B2", "D4", "F3", "F4", "P1", "P2", "P3", "P5"}),
    ],
)
def test_a_rule_of_what_cannot_be_read_does_not_pass(forged, name, text, unknown):
    """The rules that a file of one run would be held to are UNVERIFIABLE where it cannot be read."""
    damage(forged, name, text)
    verdicts = told(forged.folder)
    assert {verdicts[rule] for rule in unknown} == {"UNVERIFIABLE"}
    assert verdicts["D1"] == "PASS"


@pytest.mark.slow
def test_a_rule_that_counts_on_a_broken_one_does_not_pass(forged):
    """An episode in a lane that does not exist cannot be held to any rule of the ledger."""
    forged.edit_rows(FRESH, lambda rows: rows[0].update(lane=8), scores=False)
    assert {told(forged.folder)[rule] for rule in LEDGER_RULES} == {"UNVERIFIABLE"}


@pytest.mark.slow
def test_a_replay_of_some_runs_proves_nothing_of_others(forged):
    """The rules of a replay do not pass where one ledger cannot be read, though all other episodes do."""
    damage(forged, "ledger.parquet", POINTER)
    found = verify(forged.folder, Levels(sample=(0.001, 1)), workers=2)
    assert {one.verdict for one in found.verdicts if one.rule in ("R1", "R2", "R3")} == {"UNVERIFIABLE"}
    assert found.replayed is not None
    assert found.replayed.episodes >= found.runs == 19


def test_a_false_record_is_found_whatever_becomes_of_its_ledger(forged, monkeypatch):
    """Records are held to the rules by themselves where reading their ledgers takes too long."""
    forged.change(FRESH, training_seed=7)
    monkeypatch.setattr("suite.verify.audit.ledger_limits", lambda runs: Limits(2**30, 0.0))
    found = verify(forged.folder, workers=1)
    assert {one.rule for one in found.findings if one.severity == "error"} == {"D4"}
    assert {one.rule for one in found.findings if one.severity == "unchecked"} >= {"S3"}
    assert found.exit_status == 1


@pytest.mark.slow
def test_a_replay_that_cannot_be_kept_goes_on(forged, monkeypatch):
    """All is played, and what it proves is told, where no room is left to keep what is replayed."""

    def full(*_: object) -> None:
        raise StoreError("no space left")

    def invent(rows: list[dict]) -> None:
        for row in rows:
            row["reward_steps"], row["rewards"], row["episode_return"] = [3], [77], 77

    forged.edit_rows(FRESH, invent)
    monkeypatch.setattr(Finished, "add", full)
    found = verify(forged.folder, Levels(sample=(0.001, 1)), workers=1)
    of_replay = {(one.severity, one.found) for one in found.findings if one.rule == "R1"}
    assert of_replay == {("error", "77"), ("warning", "no space left")}


def test_a_replay_that_breaks_loses_nothing(forged, monkeypatch):
    """An error of the replay itself leaves what it and the audit have found, and is told."""
    forged.change(FRESH, training_seed=7)

    def broken(*_: object) -> None:
        raise OSError("the scheduler is gone")

    monkeypatch.setattr(LocalProcesses, "play", broken)
    found = verify(forged.folder, Levels(sample=(0.001, 1)), workers=1)
    assert [(one.rule, one.severity) for one in found.findings] == [("D4", "error"), ("R1", "unchecked")]
    assert found.findings[-1].found == "OSError: the scheduler is gone"


@pytest.mark.slow
def test_the_name_of_a_baseline_hides_no_copy(forged):
    """Runs of published PPO under its own name, with a configuration that never played them, are found."""
    for path in forged.folder.rglob("record.json"):
        run = path.parent.relative_to(forged.folder).as_posix()
        configuration = forged.record(run)["configuration"] | {"learning_rate": 1.0}
        changes = {"configuration": configuration, "configuration_digest": canonical_digest(configuration)}
        forged.write_record(run, forged.record(run) | changes)
    write_scores(score(forged.folder), forged.folder)
    forged.sums()
    found = [one for one in verify(forged.folder, workers=2).findings if one.severity == "error"]
    assert {(one.rule, one.found.endswith("with another configuration")) for one in found} == {("P5", True)}
    assert len(found) == 6


def test_a_missing_list_of_digests_lets_no_digest_pass(forged):
    """Without SHA256SUMS it is not known whether the files are those that were submitted."""
    (forged.folder / "SHA256SUMS").unlink()
    assert told(forged.folder)["S4"] != "PASS"


@pytest.mark.slow
def test_the_best_episodes_are_in_every_sample(forged):
    """A single false episode that decides what a run earns is played, whichever seed draws the sample."""

    def one_high(rows: list[dict]) -> None:
        row = max(rows, key=lambda one: (one["phase"] == "training", one["episode_return"]))
        row["reward_steps"], row["rewards"], row["episode_return"] = [3], [7777], 7777

    forged.edit_rows(FRESH, one_high)
    for seed in range(5):
        found = verify(forged.folder, Levels(sample=(0.0, seed)), workers=2)
        assert [one.found for one in found.findings if one.rule == "R1"] == ["7777"]


@pytest.mark.slow
def test_findings_of_a_replay_are_counted(forged):
    """Of a rule in a run the first 20 are told, and how many more there are."""

    def all_false(rows: list[dict]) -> None:
        for row in rows:
            row["reward_steps"], row["rewards"], row["episode_return"] = [3], [77], 77

    forged.edit_rows(FRESH, all_false)
    found = [
        one for one in verify(forged.folder, Levels(sample=(1.0, 1)), workers=2).findings if one.rule == "R1"
    ]
    assert len(found) == 21
    assert found[-1].found == f"{len(forged.rows(FRESH)) - 20} more"


@pytest.mark.slow
def test_findings_of_one_kind_are_counted(forged):
    """The first 20 of a kind are told with their rows, and how many more there are."""

    def other_seeds(rows: list[dict]) -> None:
        for row in rows:
            row["seed"] += 1

    forged.edit_rows(FRESH, other_seeds, scores=False)
    found = [one for one in verify(forged.folder, workers=2).findings if one.rule == "D2"]
    assert [one.row for one in found[:-1]] == [*range(20)]
    assert found[-1].found == f"{len(forged.rows(FRESH)) - 20} more"
