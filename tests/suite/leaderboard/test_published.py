"""An edition's page ranks complete learners that pass their audit, and says why it ranks no others."""

import shutil

import pytest

from suite.leaderboard.edition_pages import write_edition
from suite.leaderboard.published import LeftOut, learners_of
from suite.report.templates import PageLink
from suite.results import published
from suite.results.published import published_folder
from tests.suite.helpers import POINTER, V1
from tests.suite.verify.corpus import FRESH, Forged

SMOKE = V1.edition("smoke")
UNIFORM = published_folder("uniform", "smoke")


@pytest.fixture
def unfinished(tmp_path, monkeypatch):
    """Published data in which the only learner lacks three of its runs."""
    folder = tmp_path / "artifacts/v1/smoke/ppo"
    shutil.copytree(published_folder("ppo", "smoke"), folder)
    for path in ("SHA256SUMS", "scores.json"):
        (folder / path).unlink()
    shutil.rmtree(folder / "generalist")
    shutil.rmtree(folder / "fresh" / "breakout" / "seed1")
    monkeypatch.setattr(published, "ARTIFACTS", tmp_path / "artifacts")
    return folder


def test_published_baselines_are_ranked(tmp_path):
    """Without submissions, the learners are the published baselines."""
    found = learners_of(V1, SMOKE, tmp_path / "none")
    assert tuple(found.names) == published.published_baselines("smoke")
    assert found.left_out == []


def test_an_unfinished_learner_is_counted(unfinished, tmp_path):
    """An edition without scores has a page that says how many runs of how many are published."""
    found = learners_of(V1, SMOKE, tmp_path / "none")
    assert found.names == []
    assert found.left_out == [LeftOut("ppo", "17 of 20 runs are published")]
    state = write_edition(
        V1, SMOKE, tmp_path / "smoke", [PageLink("Results", "../index.html")], lambda step: None
    )
    assert (state.ranked, state.left_out) == ({}, tuple(found.left_out))
    page = (tmp_path / "smoke/index.html").read_text()
    assert "17 of 20 runs are published" in page
    assert "no scores yet" in page
    assert 'href="../index.html"' in page


def test_an_edition_of_which_nothing_is_published_has_a_page(tmp_path):
    """No run at all is no failure."""
    full = V1.edition("full")
    assert published.published_baselines("full") == ()
    write_edition(V1, full, tmp_path / "full", (), lambda step: None)
    assert "No learner has all of its 396 runs published" in (tmp_path / "full/index.html").read_text()


def test_only_submissions_that_pass_are_ranked(tmp_path):
    """A submission that passes its audit is ranked; of each other one, the page says why it is not."""
    for name in ("mine", "forged", "ppo", "bare", "Big Name", "elsewhere"):
        shutil.copytree(UNIFORM, tmp_path / name)
    Forged(tmp_path / "forged").change(FRESH, training_seed=7)
    (tmp_path / "bare" / "SHA256SUMS").unlink()
    (tmp_path / "elsewhere" / FRESH / "ledger.parquet").write_text(POINTER)
    Forged(tmp_path / "elsewhere").sums()
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").touch()
    found = learners_of(V1, SMOKE, tmp_path)
    assert set(found.audits) == {str(tmp_path / "mine")}
    assert found.names[-1] == str(tmp_path / "mine")
    reasons = dict(found.left_out)
    assert "D4" in reasons["forged"]
    assert "could not check" in reasons["elsewhere"]
    assert "a baseline has its name" in reasons["ppo"]
    assert "no submission" in reasons["bare"]
    assert "no complete run" in reasons["empty"]
    assert "small letters" in reasons["Big Name"]
    assert learners_of(V1, V1.edition("full"), tmp_path).names == []


@pytest.mark.usefixtures("unfinished")
def test_the_name_of_an_unfinished_baseline_is_taken(tmp_path):
    """A baseline whose runs are not all published yet has its name, and no submission takes it."""
    shutil.copytree(UNIFORM, tmp_path / "submissions" / "ppo")
    found = learners_of(V1, SMOKE, tmp_path / "submissions")
    assert not found.audits
    assert LeftOut("ppo", "a baseline has its name") in found.left_out
