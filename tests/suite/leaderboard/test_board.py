"""The leaderboard: every learner with its interval, cost, verdict and digest, on a page that needs no other."""

import hashlib
import re
import shutil
from typing import Any

import pytest

from protocol import StoreError, parse_run_id
from suite.leaderboard.audited import audit_results
from suite.leaderboard.entries import read_board
from suite.leaderboard.page import board_text, write_leaderboard
from suite.leaderboard.sections import board_sections
from suite.report.numbers import interval_text, signed, typeset
from suite.results.published import published_folder
from suite.results.run_parts import wall_hours
from suite.results.store import Store
from tests.suite.helpers import V1, refused
from tests.suite.verify.corpus import FRESH, Forged

NAMES = ("uniform", "ppo", "dqn")


@pytest.fixture(scope="module")
def steps() -> list[str]:
    return []


@pytest.fixture(scope="module")
def board(steps):
    return read_board(NAMES, "smoke", steps.append)


def test_every_step_is_told(board, steps):
    """The listener is told of reading, scoring, and of each learner's audit."""
    assert steps == ["reading", "scoring", *(f"auditing {name}" for name in NAMES)]


def test_the_highest_contrast_comes_first(board):
    """Learners stand in the order of their transfer contrasts, in the comparison and in the entries."""
    contrasts = [one.scores.transfer.contrast.value for one in board.comparison.contenders]
    assert contrasts == sorted(contrasts, reverse=True)
    assert list(board.entries) == [one.label for one in board.comparison.contenders]
    assert set(board.entries) == set(NAMES)


def test_a_row_has_interval_null_cost_verdict_and_digest(board):
    """The first table has, for each learner, its figures, the hours of its runs, its verdict and its digest."""
    first = next(iter(board_sections(board))).sheets[0]
    for row, one in zip(first.rows, board.comparison.contenders, strict=True):
        entry, contrast = board.entries[one.label], one.scores.transfer.contrast
        assert row["learner"] == one.label
        assert row["contrast"][1] == interval_text(contrast, signed)
        assert " ".join(row["null"]).startswith(f"{contrast.null.low:+.3f} ..")
        assert float(row["cost"][0]) == pytest.approx(wall_hours(entry.records), rel=0.1)
        assert row["verdict"] == "passes"
        sums = (published_folder(one.label, "smoke") / "SHA256SUMS").read_bytes()
        assert row["digest"] == hashlib.sha256(sums).hexdigest()[:12]


@pytest.mark.parametrize("is_altered", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_copy_is_named(board, tmp_path, is_altered):
    """A learner that has another one's transfer runs is marked, also where single actions differ."""
    copy = tmp_path / "thief"
    shutil.copytree(published_folder("ppo", "smoke"), copy)
    runs = [parse_run_id(record.run_id, V1) for record in board.entries["ppo"].records]
    for run in (run for run in runs if is_altered and run.arm == "transfer"):
        Forged(copy).edit_rows(run.path, with_another_first_action, scores=False)
    copied = read_board(
        ["ppo", str(copy)], "smoke", lambda step: None, {str(copy): board.entries["ppo"].audited}
    )
    assert [entry.verdict for entry in copied.entries.values()] == ["passes", "passes; same runs as ppo"]
    assert all(entry.same_as == "" for entry in board.entries.values())


@pytest.mark.slow
def test_of_two_folders_with_the_same_runs_both_say_so(board, tmp_path):
    """Neither is accused by the order of their names, since it is not known who had them first."""
    for name in ("a", "b"):
        shutil.copytree(published_folder("ppo", "smoke"), tmp_path / name)
    names = [str(tmp_path / name) for name in ("a", "b")]
    found = read_board(names, "smoke", lambda step: None, dict.fromkeys(names, board.entries["ppo"].audited))
    assert {label: entry.same_as for label, entry in found.entries.items()} == {"a": "b", "b": "a"}


def with_another_first_action(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        first, *others = row["actions"]
        row["actions"] = bytes([(first + 1) % 18, *others])


def test_hours_are_of_all_runs_and_all_their_stretches(board):
    """A run that was resumed costs all of its stretches."""
    record = board.entries["ppo"].records[0].model_copy(update={"wall_seconds": 1800.0})
    stretch = {"until_steps": 1, "device": "cpu", "cpu": "x", "code_commit": None, "versions": {}}
    resumed = record.model_validate(
        record.model_dump() | {"resumed_from": ({**stretch, "wall_seconds": 900.0},)}
    )
    assert wall_hours([record, resumed]) == pytest.approx(1.25)


def test_a_panel_per_game_shows_all_learners_in_one_order(board):
    """The multitask vector has a figure per game, which names the learners in the order of the table."""
    _, multitask, *_ = board_sections(board)
    assert [drawing.name for drawing in multitask.drawings] == [
        f"multitask_standard_{game}" for game in board.entries["ppo"].outcomes.games
    ]
    for drawing in multitask.drawings:
        (panel,) = drawing.figure.axes
        names = [label.get_text() for label in panel.get_yticklabels()]
        assert list(reversed(names)) == list(board.entries)


def test_the_page_needs_no_other_file(board, tmp_path):
    """Every link leads into the page itself, nothing is loaded, and equal results give equal bytes."""
    page = write_leaderboard(board, tmp_path / "board").read_text()
    assert page == board_text(board)
    assert set(re.findall(r'(?:href|src)="([^"#]*)', page)) <= {"", "data:,"}
    assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org)[a-z]", page)
    for one in board.comparison.contenders:
        assert typeset(interval_text(one.scores.transfer.contrast, signed)) in page
    anchors = set(re.findall(r'\bid="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors


def test_results_are_audited_before_they_are_packed(tmp_path):
    """Results without description and checksums are audited as they would be packed, and left as they were."""
    folder = tmp_path / "mine"
    shutil.copytree(published_folder("ppo", "smoke"), folder)
    for name in ("submission.toml", "SHA256SUMS"):
        (folder / name).unlink()
    (folder / "logs").mkdir()
    (folder / "logs" / "fresh.log").touch()
    before = sorted(folder.rglob("*"))
    found = audit_results(Store(folder, V1), "mine")
    assert (found.passes, found.words, found.sums_sha256) == (True, "passes", "")
    assert sorted(folder.rglob("*")) == before
    (folder / "scores.json").unlink()
    with pytest.raises(StoreError, match="amtlb scores"):
        audit_results(Store(folder, V1), "mine")


def test_a_forged_submission_fails_by_name_of_the_rule(tmp_path):
    """The verdict names the rules that do not hold."""
    folder = tmp_path / "forged"
    shutil.copytree(published_folder("ppo", "smoke"), folder)
    Forged(folder).change(FRESH, training_seed=7)
    found = audit_results(Store(folder, V1), "forged")
    assert not found.passes
    assert found.words.startswith("fails ")
    assert "D4" in found.words


@pytest.mark.slow
def test_the_command_writes_it(amtlb, tmp_path):
    """``amtlb leaderboard`` names the page and each verdict; refusals are one line."""
    done = amtlb("leaderboard", "ppo", "uniform", "--out", tmp_path / "board")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "board" / "leaderboard.html") in done.stdout
    assert "uniform: audit passes" in done.stdout
    refused(amtlb("leaderboard", tmp_path / "none"), 2, "neither a results folder nor a baseline")
    refused(amtlb("leaderboard", "ppo", "--edition", "tiny"), 2, "tiny")
    refused(amtlb("leaderboard", "ppo", "ppo"), 1, "named twice")
    (tmp_path / "file").touch()
    refused(
        amtlb("leaderboard", "uniform", "--out", tmp_path / "file"), 1, "cannot be written", "another folder"
    )


def test_an_incomplete_folder_is_refused(amtlb, tmp_path):
    """A folder that lacks a run is named, with what is missing and what to do."""
    folder = tmp_path / "mine"
    shutil.copytree(published_folder("ppo", "smoke"), folder)
    shutil.rmtree(folder / "fresh" / "breakout" / "seed0")
    refused(amtlb("leaderboard", folder), 1, "lacks 1 of the 20 runs", "amtlb benchmark")
