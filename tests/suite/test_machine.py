"""Facts of the machine: the commit of the code, and why it is not known."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protocol import StoreError, WorkerDied
from suite.machine import available_cores, is_lack
from tests import ROOT

CODE = "from suite.machine import code_commit as c, why_no_commit as w; print(c() or '-'); print(w() or '-')"


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository with the code in question, and one commit."""
    folder = tmp_path / "repository"
    (folder / "suite").mkdir(parents=True)
    for name in ("__init__.py", "machine.py"):
        shutil.copy(ROOT / "suite" / name, folder / "suite")
    commit = ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first"]
    for arguments in (["init", "-q"], ["add", "suite"], commit):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def said(folder: Path, **variables: str) -> list[str]:
    plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PYTHONPATH": str(folder)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AMTLB", "GIT"))}
    command = [sys.executable, "-P", "-c", CODE]
    done = subprocess.run(command, env=kept | plain | variables, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_commit_that_git_does_not_tell_is_explained(repository, tmp_path):
    """Another owner's repository, a broken one and a missing git are told apart, each with a way out."""
    commit, reason = said(repository)
    assert len(commit) == 40
    assert reason == "-"
    commit, reason = said(repository, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert commit == "-"
    assert "dubious ownership" in reason
    assert f"`git config --global --add safe.directory {repository}`" in reason
    commit, reason = said(repository, PATH=str(tmp_path))
    assert commit == "-"
    assert "install it, or say the commit in AMTLB_COMMIT" in reason
    (repository / ".git/HEAD").write_text("nonsense")
    assert said(repository)[1].endswith("repair the repository, or name the commit in AMTLB_COMMIT")
    assert said(repository, AMTLB_COMMIT=" abcdef0\r\n") == ["abcdef0", "-"]
    for wrong in ("None", "a\tb", "abcdef0\nabcdef1", "f" * 201):
        commit, reason = said(repository, AMTLB_COMMIT=wrong)
        assert commit == "-"
        assert "is no commit; give its hexadecimal digits, or unset it" in reason


def test_without_a_repository_there_is_nothing_to_explain(repository):
    """Code that was installed from a wheel has no commit, and its version says what it is."""
    shutil.rmtree(repository / ".git")
    assert said(repository) == ["-", "-"]


def test_a_run_says_that_its_record_will_name_no_commit(amtlb, tmp_path, monkeypatch):
    """``run`` and ``benchmark`` say before they play why the commit is not known."""
    if not (ROOT / ".git").exists():
        pytest.skip("a copy without git has nothing to ask")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.delenv("AMTLB_COMMIT", raising=False)
    learner = ["--learner", "nowhere:make", "--out", tmp_path]
    for command in (["run", "smoke/fresh/breakout/seed0"], ["benchmark"]):
        assert "warning: records cannot name the commit of the code: " in amtlb(*command, *learner).stderr


class OutOfMemoryError(RuntimeError):
    """As torch tells that a GPU's memory is full."""


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (OSError(errno.EIO, "a disk"), True),
        (OSError(errno.ENOSPC, "full"), True),
        (MemoryError(), True),
        (WorkerDied("killed"), True),
        (OutOfMemoryError("CUDA"), True),
        (FileNotFoundError(errno.ENOENT, "state.npy"), False),
        (PermissionError(errno.EACCES, "state.npy"), False),
        (OSError("of a library"), False),
        (ValueError("another layout"), False),
        (RuntimeError("mistake"), False),
    ],
)
def test_what_a_machine_lacks_is_told_from_faults(error, lacks):
    """Errors of memory, disks and lost workers are the machine's, also behind an error that tells of them."""
    assert is_lack(error) is lacks
    told = StoreError("cannot be read; try again")
    told.__cause__ = error
    assert is_lack(told) is lacks


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", None), ("150000 100000", 2), ("10000 100000", 1), ("", None)]
)
def test_a_containers_quota_counts(tmp_path, monkeypatch, quota, cores):
    """The cores are those of the quota, rounded up, where it allows fewer than there are."""
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr("suite.machine.CPU_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    assert available_cores() == (cores or 64)
