"""The files of a learner's folder that travel to the workers of a cluster."""

import os
import subprocess
from pathlib import Path

import pytest

from protocol import LearnerError
from suite.benchmark.cluster import learner_folder
from suite.benchmark.cluster.learner_folder import learner_files

LEARNER = "from baselines.uniform import make\n"


def test_the_folder_of_a_learner_travels(tmp_path, monkeypatch):
    """A module in the working folder goes with what lies next to it; results and environments stay."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine.py", "nets/deep.py", "results/ledger", ".git/config", "env/pyvenv.cfg", "env/lib.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(LEARNER)
    assert set(learner_files("mine:make")) == {"mine.py", "nets/deep.py"}
    assert learner_files("baselines.uniform:make") == {}
    assert learner_files("nowhere:make") == {}
    monkeypatch.setattr(learner_folder, "MOST_BYTES", 10)
    with pytest.raises(LearnerError, match="put it into a folder of its own, or install it"):
        learner_files("mine:make")


def test_what_git_ignores_does_not_travel(tmp_path, monkeypatch):
    """In a repository, files that git ignores stay, in any folder; what is new to git goes."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    for name in ("mine.py", "build/large.bin", "nets/deep.py", "nets/\u00fc.ckpt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(LEARNER)
    Path(".gitignore").write_text("/build/\n*.ckpt\n")
    assert set(learner_files("mine:make")) == {"mine.py", "nets/deep.py"}
    Path("build/mine.py").write_text(LEARNER)
    monkeypatch.chdir("build")
    assert set(learner_files("mine:make")) == {"mine.py", "large.bin"}  # who works in there means it


@pytest.mark.parametrize("in_git", [True, False])
def test_what_cannot_be_read_does_not_travel(tmp_path, monkeypatch, in_git):
    """Links to nothing, to themselves or to folders, pipes, and what the system refuses stay."""
    monkeypatch.chdir(tmp_path)
    if in_git:
        subprocess.run(["git", "init", "-q"], check=True)
    Path("mine.py").write_text(LEARNER)
    Path("linked.py").symlink_to("mine.py")
    for name, target in (("nowhere", "gone"), ("circle", "circle"), ("up", ".."), ("init", "/proc/1/cwd")):
        Path(name).symlink_to(target)
    os.mkfifo("pipe")
    Path("unmapped").symlink_to("/proc/1/map_files")  # its folder can be seen, not entered, in many containers
    assert set(learner_files("mine:make")) == {"mine.py", "linked.py"}


def test_a_folder_that_git_ignores_is_not_entered(tmp_path, monkeypatch):
    """A folder that does not travel is not entered: a system unpacked there has folders that cannot be read."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    for name in ("mine.py", "build/deep/a.py", "results/b", "nets/c.py"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(LEARNER)
    Path(".gitignore").write_text("/build/\n")
    entered, real = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: entered.append(Path(path).name) or real(path))
    learner_files("mine:make")
    assert set(entered) - {tmp_path.name} == {"nets"}


def test_the_suite_itself_does_not_travel(monkeypatch):
    """From a clone of the suite, a learner goes without the packages and data that every worker has."""
    monkeypatch.chdir(Path(__file__).resolve().parents[3])
    taken = {name.partition("/")[0] for name in learner_files("tests.suite.bad_learners:Killed")}
    assert "tests" in taken
    assert not taken & {"suite", "protocol", "baselines", "amtlb", "artifacts", "build"}
