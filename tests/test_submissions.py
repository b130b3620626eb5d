"""The workflows that take submissions: what they may do, and what their steps make of a pull request."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from suite.results.published import published_folder
from suite.verify.findings import Verification
from suite.verify.markdown import main
from tests import ROOT
from tests.suite.verify.corpus import FRESH, Forged

WORKFLOWS = ROOT / ".github/workflows"


def workflow(name: str):
    """A workflow; YAML 1.1 reads its key ``on`` as true."""
    return yaml.safe_load((WORKFLOWS / name).read_text())


def script(name: str, job: str, step: str) -> str:
    (found,) = [own for own in workflow(name)["jobs"][job]["steps"] if own.get("name") == step]
    return found["run"]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Pulled:
    """A runner's folder: the verifier, and a repository to which a pull request adds files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "verifier").mkdir()
        (folder / "verifier/.venv").symlink_to(Path(sys.executable).parent.parent)
        (folder / "pull").mkdir()
        git(folder / "pull", "init", "-q")
        git(folder / "pull", "commit", "-q", "--allow-empty", "-m", "base")
        self.base = git(folder / "pull", "rev-parse", "HEAD")

    def add(self, name: str) -> Forged:
        """A published baseline as a submission of this name."""
        where = self.folder / "pull/submissions" / name
        shutil.copytree(published_folder("ppo", "smoke"), where)
        return Forged(where)

    def run(self, step: str) -> subprocess.CompletedProcess[str]:
        """A step of the workflow, as the runner runs it, after all has been committed."""
        git(self.folder / "pull", "add", "-A")
        git(self.folder / "pull", "commit", "-q", "--allow-empty", "-m", "submit")
        head = git(self.folder / "pull", "rev-parse", "HEAD")
        environment = os.environ | {"BASE": self.base, "HEAD": head}
        return subprocess.run(
            ["bash", "-e", "-c", script("submissions.yml", "verify", step)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture
def pulled(tmp_path) -> Pulled:
    return Pulled(tmp_path)


def test_permissions_are_the_least():
    """The workflow that sees a pull request may only read; the one that comments checks out no pull request."""
    first, second = workflow("submissions.yml"), workflow("submissions-comment.yml")
    assert set(first[True]) == {"pull_request"}
    assert first["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in first["jobs"].values())
    assert set(second[True]) == {"workflow_run"}
    assert second["permissions"] == {}
    wanted = {"actions": "read", "contents": "read", "pull-requests": "write"}
    assert [job["permissions"] for job in second["jobs"].values()] == [wanted]
    for found in (first, second):
        for step in [step for job in found["jobs"].values() for step in job["steps"]]:
            assert "${{" not in step.get("run", "")  # foreign text never becomes a script
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False
    assert not [
        step for step in second["jobs"]["comment"]["steps"] if "ref" in step.get("with", {})
    ]  # the default branch


def test_one_submission_is_found(pulled):
    """A pull request that adds one submission passes on its folder's name."""
    pulled.add("mine")
    done = pulled.run("Find the submission")
    assert done.returncode == 0, done.stderr
    assert (pulled.folder / "folders").read_text() == "submissions/mine/\n"


@pytest.mark.parametrize("path", ["README.md", "submissions/a b/x", "submissions/.github/x", "submissions/x"])
def test_other_changes_are_refused(pulled, path):
    """A pull request that changes anything but a submission of a plain name is refused."""
    (pulled.folder / "pull/submissions/mine").mkdir(parents=True)
    (pulled.folder / "pull/submissions/mine/scores.json").touch()
    (pulled.folder / "pull" / path).parent.mkdir(parents=True, exist_ok=True)
    (pulled.folder / "pull" / path).touch()
    done = pulled.run("Find the submission")
    assert done.returncode == 2
    assert "more than submissions" in done.stderr


def test_a_submission_that_is_there_is_not_changed(pulled):
    """A pull request that changes files of a submission that was merged is refused, whoever sends it."""
    forged = pulled.add("rival")
    assert pulled.run("Find the submission").returncode == 0
    pulled.base = git(pulled.folder / "pull", "rev-parse", "HEAD")
    (forged.folder / "scores.json").write_text("{}")
    done = pulled.run("Find the submission")
    assert done.returncode == 2
    assert "submissions/rival/ is there already" in done.stderr


def test_one_submission_a_pull_request(pulled):
    """Two submissions, or none, are refused."""
    assert pulled.run("Find the submission").returncode == 2
    for name in ("mine", "yours"):
        (pulled.folder / "pull/submissions" / name).mkdir(parents=True)
        (pulled.folder / "pull/submissions" / name / "scores.json").touch()
    done = pulled.run("Find the submission")
    assert done.returncode == 2
    assert "2 submissions" in done.stderr


@pytest.mark.parametrize("left", [None, ""])
def test_a_verification_without_a_verdict_is_told(tmp_path, left):
    """The comment names the first workflow's log if that stopped early and left no file or an empty one."""
    (tmp_path / "verdict").mkdir()
    if left is not None:
        (tmp_path / "verdict/verdict.json").write_text(left)
    step = script("submissions-comment.yml", "comment", "Write the comment")
    named = {"REPOSITORY": "a/b", "RUN": "7"}
    subprocess.run(["bash", "-e", "-c", step], cwd=tmp_path, env=os.environ | named, check=True)
    log = "[its log](https://github.com/a/b/actions/runs/7)"
    said = (tmp_path / "comment.md").read_text()
    assert said == f"The verification ended before a verdict; {log} says why.\n"


@pytest.mark.slow
def test_a_forged_submission_fails_and_a_valid_one_passes(pulled, capsys):
    """The step's status is the verifier's, and the verdict becomes the comment's Markdown."""
    seeds = set()
    for forge, status, said in ((False, 0, "### Compliant"), (True, 1, "### Not compliant")):
        shutil.rmtree(pulled.folder / "pull/submissions", ignore_errors=True)
        forged = pulled.add("mine")
        if forge:
            forged.change(FRESH, training_seed=7)
        assert pulled.run("Find the submission").returncode == 0
        done = pulled.run("Verify")
        assert done.returncode == status, done.stdout + done.stderr
        verdict = pulled.folder / "verdict/verdict.json"
        found = Verification.model_validate_json(verdict.read_text())
        assert found.replayed
        seeds.add(found.replayed.sample_seed)
        assert main([str(verdict)]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(said)
        assert ("| D4 | error |" in printed) is forge
        assert re.search(r"\d+ of 487 episodes were played again, drawn with seed", printed)
    assert len(seeds) == 2  # nobody can choose a submission by what is replayed of it
