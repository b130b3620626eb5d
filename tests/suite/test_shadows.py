"""Strangers on the module path are refused by name before they are imported; what lies here hides nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.suite.helpers import refused

MAIN = "from suite.cli import main; main()"
BOOM = "raise SystemExit('imported')\n"
LEARNER = "from baselines.uniform import make\n"
PLAY = ["run", "smoke/fresh/breakout/seed0", "--learner", "mine:make", "--out", "out"]


def write(path: Path, text: str = BOOM) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["protocol.py", "baselines/__init__.py", "queue.py", "selectors/__init__.py"])
def test_a_stranger_before_ours_is_refused(amtlb, tmp_path, name):
    """A file on PYTHONPATH that hides our package or Python's module is named, with the way out, not run."""
    path = write(tmp_path / name)
    path = path.parent if path.name == "__init__.py" else path
    inherited = os.environ.get("PYTHONPATH", "")
    done = amtlb("protocol", "digest", env=os.environ | {"PYTHONPATH": f"{tmp_path}:{inherited}"})
    refused(done, 2, str(path), "hides", "PYTHONPATH")
    assert "imported" not in done.stdout + done.stderr


def test_a_stranger_behind_ours_is_harmless(amtlb, tmp_path):
    """A folder on PYTHONPATH behind ours may hold any package."""
    write(tmp_path / "protocol.py")
    assert amtlb("protocol", "digest", env=os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"}).returncode == 0


@pytest.mark.parametrize("name", ["protocol.py", "baselines/__init__.py", "queue.py"])
def test_a_learner_beside_what_it_cannot_import_is_refused(amtlb, tmp_path, name):
    """A learner's folder with a file that ours or Python's hides does not start; the file is named."""
    write(tmp_path / "mine.py", LEARNER)
    path = write(tmp_path / name)
    path = path.parent if path.name == "__init__.py" else path
    done = amtlb(*PLAY, cwd=tmp_path)
    refused(done, 2, "mine:make", str(path), "rename it")
    assert "imported" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_files_here_hide_nothing(amtlb, tmp_path):
    """Files where the user stands replace no library and no module of Python in any process of a run."""
    for name in ("pyarrow", "numpy", "gymnasium", "dask", "queue", "pickle", "protocol"):
        write(tmp_path / f"{name}.py")
    done = amtlb(*PLAY[:3], "baselines.uniform:make", "--out", "out", "--workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_learner_is_found_here_under_a_safe_path(tmp_path):
    """``PYTHONSAFEPATH=1`` keeps Python from looking here first; a learner here is found all the same."""
    write(tmp_path / "mine.py", LEARNER)
    command = [sys.executable, "-m", "suite.learners.contract", "mine:make"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0


def test_a_learner_that_is_hidden_itself_is_told(amtlb, tmp_path):
    """A learner in a file of the name of Python's module is named with the way out."""
    write(tmp_path / "queue.py", LEARNER)
    done = amtlb(*PLAY[:3], "queue:make", cwd=tmp_path)
    refused(done, 2, "no function make", str(tmp_path / "queue.py"), "rename it")


@pytest.mark.parametrize(
    "options", [[], pytest.param(["--sample", "0.02", "--seed", "1"], marks=pytest.mark.slow)]
)
def test_nothing_beside_a_submission_is_imported(amtlb, tmp_path, options):
    """``verify .`` imports no file of the submission, in none of its processes."""
    results, packed = tmp_path / "results", tmp_path / "packed"
    shutil.copytree(ROOT / "artifacts/v1/smoke/uniform", results)
    said = ["--name", "x", "--author", "A", "--code", "https://example.org/commit/abc"]
    assert amtlb("submit", results, packed, *said).returncode == 0
    names = ("pyarrow", "numpy", "queue", "pickle", "selectors", "protocol", "suite", "tempfile")
    for name in names:
        write(packed / f"{name}.py", f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\n")
    done = amtlb("verify", ".", *options, cwd=packed)
    assert not (tmp_path / "imported").exists()
    assert done.returncode == 1  # the strangers are not in its checksums
    assert "Traceback" not in done.stdout + done.stderr


def start(site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", MAIN, "protocol", "digest"]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "text"), [("baselines/deepq/__init__.py", BOOM), ("baselines/__init__.py", "name = 'theirs'\n")]
)
def test_another_package_in_our_folder_is_refused(installed, name, text):
    """A package of our name, merged into our folder by its installer, is named; ours alone starts."""
    assert start(installed).returncode == 0, start(installed).stderr
    path = installed / name
    before = path.read_text() if path.exists() else None
    write(path, text)
    try:
        refused(
            start(installed), 2, str(path.parent if before is None else path), "pip uninstall baselines amtlb"
        )
    finally:
        shutil.rmtree(path.parent) if before is None else path.write_text(before)
