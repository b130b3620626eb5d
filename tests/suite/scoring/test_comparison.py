"""Learners side by side: published baselines by name, results by folder, and refused inputs."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import StoreError, UnknownName
from suite.report.comparison_tables import sheets_by_division
from suite.results import published
from suite.results.published import published_folder
from suite.results.store import Store
from suite.scoring.claims import holm
from suite.scoring.comparison import (
    Comparison,
    Contender,
    compare,
    compare_contenders,
    labels,
    read_contenders,
)
from suite.scoring.outcomes import read_outcomes
from suite.scoring.published import published_scores
from suite.scoring.score import score
from tests.bench.synthetic import write_results
from tests.suite.helpers import SMOKE_DIGEST, V1, refused

SMOKE = V1.edition("smoke")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(["uniform", "ppo"])


def test_scores_stand_as_they_do_alone(comparison):
    """A contender's scores are those of its folder."""
    for one in comparison.contenders:
        folder = published_folder(one.label, "smoke")
        assert one.scores == score(folder)


def test_duels_are_counted_by_pairs_of_runs(comparison):
    """The probability that one learner beats another is the share of won pairs of seeds, mean over games."""
    there = {duel.ours: duel for duel in comparison.duels}
    ours, theirs = (
        read_outcomes(Store(published_folder(name, "smoke"), V1), SMOKE) for name in ("ppo", "uniform")
    )
    for measure, one, other in (
        ("fresh", ours.curves.fresh[..., -1], theirs.curves.fresh[..., -1]),
        ("transfer", ours.curves.transfer[..., -1], theirs.curves.transfer[..., -1]),
        ("generalist", ours.evaluation_means.generalist, theirs.evaluation_means.generalist),
    ):
        pairs = [
            (mine > yours) + (mine == yours) / 2
            for game in range(3)
            for mine in one[game]
            for yours in other[game]
        ]
        assert there["ppo"].figures()[measure].value == pytest.approx(sum(pairs) / len(pairs)), measure
        assert there["uniform"].figures()[measure].value == pytest.approx(1 - sum(pairs) / len(pairs)), measure


def test_games_with_negative_rewards_of_either_decide_no_duel():
    """A game in which one of two learners had a negative reward counts in no duel of these two."""
    ours, theirs = (
        replace(read_outcomes(Store(published_folder(name, "smoke"), V1), SMOKE), negative=negative)
        for name, negative in (("ppo", (False, True, False)), ("uniform", (False, False, True)))
    )
    both = [Contender("ours", ours, "standard"), Contender("theirs", theirs, "standard")]
    for found in compare_contenders(both, {}).duels:
        one, other = (ours, theirs) if found.ours == "ours" else (theirs, ours)
        for arm in ("fresh", "transfer"):
            mine, yours = (getattr(each.curves, arm)[0, :, -1] for each in (one, other))
            won = [(x > y) + (x == y) / 2 for x in mine for y in yours]
            assert found.figures()[arm].value == pytest.approx(sum(won) / len(won))


def test_scores_of_other_rules_are_compared_with_nothing(tmp_path, monkeypatch):
    """Published scores of another format, or under another digest, are left out."""
    folder = tmp_path / "v1" / "smoke"
    for name, changed in (
        ("uniform", {}),
        ("ppo", {"schema_version": 2, "new": "field"}),
        ("dqn", {"edition_digest": "0" * 64}),
    ):
        scores = json.loads((published_folder(name, "smoke") / "scores.json").read_text())
        (folder / name).mkdir(parents=True)
        (folder / name / "SHA256SUMS").touch()
        (folder / name / "scores.json").write_text(json.dumps(scores | changed))
    monkeypatch.setattr(published, "ARTIFACTS", tmp_path)
    assert published_scores(V1, "smoke").keys() == {"uniform"}


def test_a_learner_against_its_copy_is_even(smoke_results, tmp_path):
    """Equal results beat each other in half of all pairs."""
    shutil.copytree(smoke_results, tmp_path / "copy")
    both = compare([str(smoke_results), str(tmp_path / "copy")])
    assert {duel.fresh.value for duel in both.duels} == {0.5}


def test_claims_are_corrected_for_all_that_are_compared(tmp_path):
    """Each of three learners has its claim, with a p-value for three; copies of one of them change nothing."""
    shutil.copytree(published_folder("ppo", "smoke"), tmp_path / "copy")
    names = ["ppo", "uniform", "dqn"]
    *found, copied = compare([*names, str(tmp_path / "copy")]).contenders
    assert [one.claim for one in found] == [one.claim for one in compare(names).contenders]
    assert copied.claim == found[0].claim
    assert {one.claim.learners for one in found} == {3}
    p_values = [one.scores.transfer.contrast.null.p_value for one in found]
    assert [one.claim.p_value for one in found] == list(holm(p_values))


@pytest.mark.slow
def test_the_command_prints_every_form(amtlb, smoke_results, comparison):
    """The outputs are a table, JSON that parses to the comparison, Markdown, CSV with one row per figure."""
    names = ["uniform", "ppo"]
    table = amtlb("compare", *names)
    assert table.returncode == 0, table.stderr
    for word in ("contrast", "null", "space_invaders", "uniform", "ppo", "random", "human"):
        assert word in table.stdout
    printed = amtlb("compare", *names, "--json").stdout
    assert Comparison.model_validate_json(printed) == comparison
    assert printed == comparison.model_dump_json(indent=2) + "\n"  # another process, the same bytes
    assert "| space_invaders |" in amtlb("compare", *names, "--markdown").stdout
    rows = list(csv.DictReader(io.StringIO(amtlb("compare", *names, "--csv").stdout)))
    found = {(row["learner"], row["against"], row["game"], row["measure"]): row for row in rows}
    assert len(found) == len(rows)
    figure = comparison.contenders[1].scores.transfer.contrast
    row = found["ppo", "", "", "transfer_contrast"]
    assert float(row["value"]) == figure.value
    assert float(row["p_value"]) == figure.null.p_value
    duel = comparison.duels[0]
    assert float(found[duel.ours, duel.theirs, "", "win_probability_fresh"]["value"]) == duel.fresh.value


def test_folders_and_names_go_together(amtlb, smoke_results):
    """A results folder is compared with published baselines under its own name."""
    done = amtlb("compare", smoke_results, "dqn", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["label"] for one in json.loads(done.stdout)["contenders"]] == ["uniform", "dqn"]


def test_a_folder_has_its_name_from_wherever_it_is_named(tmp_path, monkeypatch):
    """The working folder and the one above it are labelled by their names, not by dots."""
    (tmp_path / "mine" / "fresh").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "mine" / "fresh")
    names = [".", "..", "ppo"]
    assert labels(names, [Path(name) for name in names]) == ["fresh", "mine", "ppo"]


def test_no_two_labels_are_equal(tmp_path, monkeypatch):
    """Both folders have their whole names where that of one is the last part of the other."""
    for name in ("data/ppo", "d/ppo", "e/link"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("data/ppo")
    monkeypatch.chdir(tmp_path)
    names = ["link", "d/ppo", "e/link"]
    assert labels(names, [Path(name) for name in names]) == names
    odd = ["a\x1bb", "a\x1cb"]
    with pytest.raises(StoreError, match="2 folders are called a b; name them by other paths"):
        labels(odd, [Path(name) for name in odd])


@pytest.mark.slow
def test_what_cannot_be_compared_is_refused(amtlb, smoke_results, tmp_path):
    """Unknown names, two editions, other rules, the same folder twice: each gives an error of one line."""
    refused(amtlb("compare", "nobody"), 2, "'nobody'", "uniform", "ppo")
    refused(amtlb("compare", "uniform", "--edition", "full"), 2, "'uniform'", "full", "none is")
    refused(amtlb("compare", "uniform", "--json", "--csv"), 2, "--json")
    refused(amtlb("compare", smoke_results, smoke_results), 1, "twice")
    write_results(tmp_path / "lite", V1, V1.edition("lite"), 100, seed=0)
    refused(amtlb("compare", smoke_results, tmp_path / "lite"), 1, "edition lite", "smoke")
    shutil.copytree(smoke_results, tmp_path / "foreign")
    for path in (tmp_path / "foreign").rglob("record.json"):
        path.write_text(path.read_text().replace(SMOKE_DIGEST, "0" * 64))
    refused(amtlb("compare", "uniform", tmp_path / "foreign"), 1, "digest 000000000000")


def test_names_that_need_more_than_their_last_part(smoke_results, tmp_path):
    """Two folders with the same name are distinguished by their paths; an unknown name is UnknownName."""
    shutil.copytree(smoke_results, tmp_path / "uniform")
    found = read_contenders([str(smoke_results), str(tmp_path / "uniform")])
    assert [one.label for one in found] == [str(smoke_results), str(tmp_path / "uniform")]
    with pytest.raises(UnknownName, match="neither"):
        read_contenders(["nobody"], "smoke")
    with pytest.raises(StoreError, match="twice"):
        read_contenders(["ppo", "ppo"], "smoke")


def test_games_that_do_not_count_are_counted_and_marked():
    """The overview says how many games count for a learner; in the table by game, the others have a mark."""
    found = read_outcomes(Store(published_folder("ppo", "smoke"), V1), SMOKE)
    both = [
        Contender("marked", replace(found, negative=(False, True, False)), "standard"),
        Contender("plain", found, "standard"),
    ]
    sheets = sheets_by_division(compare_contenders(both, {}))["standard"]
    assert [row["games"] for row in sheets.overview.rows] == ["2 of 3", "3 of 3"]
    assert [["*" in row[name] for row in sheets.transfer.rows] for name in ("column_0", "column_1")] == [
        [False, True, False],
        [False, False, False],
    ]
    assert "* negative rewards" in sheets.transfer.title


def test_one_folder_is_named_once_however_it_is_spelt(tmp_path, monkeypatch):
    """Its name as a baseline, its path, and its path with dots are the same folder."""
    folder = published_folder("ppo", "smoke")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder.parent)
    for again in (folder, "./ppo/../ppo", tmp_path / "link"):
        with pytest.raises(StoreError, match=f"{again} is named twice, as ppo; name each folder once"):
            read_contenders(["ppo", str(again)], "smoke")
