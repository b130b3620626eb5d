"""A lab's description of its runs is written, read or refused, and divisions are never ranked together."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol import StoreError
from suite.leaderboard.entries import read_board
from suite.leaderboard.games import game_text
from suite.report.comparison_tables import comparison_sheets
from suite.report.page import write_report
from suite.report.sheets import csv_text
from suite.report.tidy import tidy_sheet
from suite.results import published as baselines
from suite.results.store import SUBMISSION, Store
from suite.scoring.comparison import Contender, compare, compare_contenders
from suite.scoring.outcomes import read_outcomes
from suite.submission.description import Submission, division_of, parse_submission, submission_toml
from suite.tracking.mongo_url import VARIABLE
from tests.suite.helpers import V1, refused
from tests.suite.verify.packed import SAID, audited, invented, packed

BRINGS = "a network trained on photographs, from example.org"
OPEN = {"division": "open", "brings": BRINGS}
MARK = "division open"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Store:
    return invented(tmp_path_factory.mktemp("results") / "invented")


@pytest.fixture(scope="module")
def standard(results, tmp_path_factory) -> Path:
    return packed(results, tmp_path_factory.mktemp("standard") / "standard")


@pytest.fixture(scope="module")
def borrowed(results, tmp_path_factory) -> Path:
    return packed(results, tmp_path_factory.mktemp("open") / "borrowed", **OPEN)


@given(st.lists(TEXT, min_size=1, max_size=3), TEXT, TEXT, st.booleans())
def test_what_is_written_is_read(authors, code, brings, deterministic):
    """Any text survives the way through ``submission.toml``."""
    said = {"authors": tuple(authors), "code": code, "deterministic": deterministic}
    for more in ({}, {"division": "open", "brings": brings}, {"contained": True, "image_sha256": "a" * 64}):
        submission = Submission.model_validate(SAID | said | more)
        assert parse_submission(submission_toml(submission).encode()) == submission


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"division": "open"}, "division open needs brings"),
        ({"brings": BRINGS}, "brings belongs to division open"),
        ({"division": "contained"}, "'standard' or 'open'"),
        ({"contained": True}, "image's id"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(more, reason):
    """An open learner says what it brings, no other brings anything, and no third division is known."""
    with pytest.raises(ValidationError, match=reason):
        Submission.model_validate(SAID | more)


@pytest.mark.parametrize(
    ("line", "said"),
    [("", "no schema_version"), ("schema_version = 2\n", "'2'"), ("schema_version = true\n", "'True'")],
)
def test_another_version_is_named(line, said):
    """A description of another version, or of none, is refused with the version that is read."""
    text = submission_toml(Submission.model_validate(SAID)).partition("\n")[2]
    with pytest.raises(StoreError, match="this release reads 1") as refusal:
        parse_submission((line + text).encode())
    assert said in str(refusal.value)


def test_a_folder_without_a_description_is_standard(results, standard, borrowed, tmp_path):
    """Results that nothing is said of count as standard; a description that cannot be read is an error."""
    assert [division_of(folder) for folder in (results.folder, standard, borrowed)] == ["standard"] * 2 + [
        "open"
    ]
    (tmp_path / SUBMISSION).symlink_to(borrowed / SUBMISSION)
    with pytest.raises(StoreError, match=r"division of .* is unknown"):
        division_of(tmp_path)
    (tmp_path / SUBMISSION).unlink()
    (tmp_path / SUBMISSION).write_text("division = ")
    with pytest.raises(StoreError, match=r"division of .* is unknown"):
        division_of(tmp_path)


def test_a_verification_says_the_division(standard, borrowed):
    """Division, and what is brought, are part of a verification; both divisions pass."""
    found = [audited(folder) for folder in (standard, borrowed)]
    assert [one.findings for one in found] == [(), ()]
    assert [(one.division, one.brings) for one in found] == [("standard", None), ("open", BRINGS)]


def test_open_learners_stand_apart(results, standard, borrowed):
    """A learner of the division open has tables of its own, marked, and no duel with a standard one."""
    names = [str(folder) for folder in (results.folder, borrowed, standard)]
    comparison = compare(names)
    assert [one.division for one in comparison.contenders] == ["standard", "open", "standard"]
    assert {(duel.ours, duel.theirs) for duel in comparison.duels} == {
        ("invented", "standard"),
        ("standard", "invented"),
    }
    for sheet in comparison_sheets(comparison):
        cells = {column.title for column in sheet.columns} | {
            cell for row in sheet.rows for cell in row.values()
        }
        assert sheet.rows
        assert ("borrowed" in cells) == (MARK in sheet.title)
        assert not {"borrowed", "standard"} <= cells
    lines = csv_text(tidy_sheet(comparison)).splitlines()[1:]
    assert all(line.split(",")[1] == ("open" if line.startswith("borrowed") else "standard") for line in lines)


def test_open_learners_duel_among_themselves(results, borrowed):
    """Two learners of the division open are set against each other, in the marked tables."""
    outcomes = read_outcomes(results, V1.edition("smoke"))
    both = compare_contenders([Contender("one", outcomes, "open"), Contender("other", outcomes, "open")], {})
    assert len(both.duels) == 2
    assert all(MARK in sheet.title for sheet in comparison_sheets(both))


def test_a_report_ranks_no_open_learner_with_others(results, standard, borrowed, tmp_path, monkeypatch):
    """The page of an open learner says so, and its figures stand in another table than the standard ones."""
    published = tmp_path / "artifacts/v1/smoke"
    for name, folder in (("plain", standard), ("lent", borrowed)):
        shutil.copytree(folder, published / name)
    monkeypatch.setattr(baselines, "ARTIFACTS", tmp_path / "artifacts")
    for folder, marked in ((results.folder, {"lent"}), (borrowed, {"lent", "this learner"})):
        page = write_report(folder, tmp_path / folder.name, watch=False).read_text()
        section = page.partition('<section id="baselines"')[2].partition("</section>")[0]
        ours, _, theirs = section.partition(f"<caption><span>{MARK}")
        for name in ("plain", "lent", "this learner"):
            row = f'class="label">{name}</th>'
            assert (row in ours, row in theirs) == (name not in marked, name in marked)
        assert ("<strong>Division open" in page) == (folder == borrowed)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--division", "open"), ("brings",)),
        (("--brings", BRINGS), ("division open", "standard")),
        (("--division", "closed"), ("division 'closed'", "'standard' or 'open'")),
    ],
)
def test_the_command_refuses_what_does_not_fit(amtlb, results, tmp_path, options, words):
    """``amtlb submit`` says in one line what is missing or too much, and writes nothing."""
    said = ("--name", "invented", "--author", "A", "--code", "none")
    refused(amtlb("submit", results.folder, tmp_path / "out", *said, *options), 2, *words)
    assert not (tmp_path / "out").exists()


def test_results_that_lack_runs_are_not_submitted(amtlb, results, tmp_path):
    """A benchmark that was broken off is told what it lacks, whichever runs these are."""
    folder = shutil.copytree(results.folder, tmp_path / "results")
    shutil.rmtree(folder / "fresh")
    done = amtlb("submit", folder, tmp_path / "out", "--name", "x", "--author", "A. Author", "--code", "none")
    refused(done, 1, "6 of the 20 runs", "continues")
    assert not (tmp_path / "out").exists()


def test_the_command_submits_to_the_division_open(amtlb, results, tmp_path):
    """``amtlb submit --division open --brings`` packs what ``amtlb verify`` then shows."""
    said = ("--name", "invented", "--author", "A", "--code", "none", "--division", "open", "--brings", BRINGS)
    done = amtlb("submit", results.folder, tmp_path / "out", *said)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "division open" in done.stdout
    shown = amtlb("verify", tmp_path / "out")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for words in ("division open", f"brings from elsewhere: {BRINGS}", "I1 for the reviewer", "warnings: 0"):
        assert words in shown.stdout


def test_the_command_tells_the_reviewer_of_mixed_machines(amtlb, results, tmp_path):
    """``amtlb submit`` says on how many types of CPU the runs were played, where that is more than one."""
    mixed = tmp_path / "mixed"
    shutil.copytree(results.folder, mixed)
    path = next(mixed.rglob("record.json"))
    path.write_text(path.read_text().replace('"cpu":"none"', '"cpu":"another"'))
    done = amtlb("submit", mixed, tmp_path / "out", "--name", "mixed", "--author", "A", "--code", "none")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "for the reviewer: the runs were played on 2 types of CPU: none (19 runs)" in done.stdout


def test_a_database_takes_no_open_results(amtlb, borrowed, monkeypatch):
    """The database keeps no division, so ``amtlb publish`` refuses open results before it asks the server."""
    monkeypatch.setenv(VARIABLE, "mongodb://127.0.0.1:1/sacred")
    refused(amtlb("publish", borrowed), 1, "division open", "compare the folder")


def test_a_game_page_ranks_no_open_learner_with_others(results, borrowed, tmp_path):
    """On the page of a game, open learners have tables of their own, and their labels say it."""
    board = read_board([str(results.folder), str(borrowed)], "smoke", lambda step: None)
    page = game_text(board, "breakout", [], [])
    ours, *theirs = page.partition('<section id="scores"')[2].split(f"<caption><span>{MARK}")
    assert len(theirs) == 2
    assert "borrowed" not in ours
    assert all("invented" not in one and "borrowed" in one for one in theirs)
    assert "borrowed (division open)" in page
