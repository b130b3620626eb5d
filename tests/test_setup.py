"""The set-up: which Python, which build of torch, what is said before a download, and how make quotes."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import ROOT

SPEC = importlib.util.spec_from_file_location("install", ROOT / "install.py")
install = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(install)


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    ours = ("MAKE", "AMTLB", "TORCH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = ["make", "-C", str(ROOT), "--no-print-directory", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=kept | variables)


@pytest.fixture
def programs(tmp_path) -> Path:
    """A folder that is the whole PATH: no Python yet."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "make", "grep"):
        (folder / name).symlink_to(subprocess.check_output(["which", name], text=True).strip())
    return folder


@pytest.fixture
def venv(tmp_path) -> Path:
    """An environment that make takes for installed: its amtlb says what it is called with, a line a word."""
    folder = tmp_path / "venv"
    script(folder / "bin/amtlb", "printf '%s\\n' \"$@\"")
    (folder / "bin/python").symlink_to(sys.executable)
    (folder / ".installed").touch()
    return folder


def has_torch(venv: Path, cuda: str) -> None:
    place = venv / "lib/python3.11/site-packages/torch"
    place.mkdir(parents=True)
    (place / "version.py").write_text(f"cuda: Optional[str] = {cuda}\n")


NO, NO_VENV, WHOLE = "exit 1", 'case "$2" in *ensurepip*) exit 1;; esac', "exit 0"


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"python3": WHOLE}, "python3"),
        ({"python3.13": WHOLE, "python3": WHOLE}, "python3.13"),
        ({"python3.11": NO_VENV, "python3.12": NO, "python3.13": WHOLE}, "python3.13"),
        ({"python3.11": NO_VENV, "python3": NO}, "python3.11"),
    ],
)
def test_make_finds_a_python(programs, tmp_path, there, chosen):
    """The first Python that fits is taken, one that can make environments before one that cannot."""
    for name, text in there.items():
        script(programs / name, text)
    done = make("-n", "setup", f"VENV={tmp_path / 'new'}", PATH=str(programs))
    assert f"\n{chosen} install.py" in done.stdout, done.stderr


def test_without_a_python_make_says_what_to_do(programs, tmp_path):
    """The error names the versions of Python and how to get one, in one line, if none fits."""
    script(programs / "python3", NO)
    done = make("setup", f"VENV={tmp_path / 'new'}", PATH=str(programs))
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "no Python from 3.11 to 3.13 was found" in line
    assert "python3-venv" in line
    assert not (tmp_path / "new").exists()


def test_an_environment_keeps_its_python(venv):
    """An environment that exists is set up by its own Python."""
    (venv / ".installed").unlink()
    assert f"\n{venv}/bin/python install.py" in make("-n", "setup", f"VENV={venv}").stdout


def test_the_versions_are_told_once(venv):
    """pyproject.toml, the installer and make allow the same versions of Python."""
    (oldest, newest) = install.OLDEST, install.NEWEST
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
    text = (ROOT / "Makefile").read_text()
    assert f"{oldest} <= sys.version_info[:2] <= {newest}" in text
    named = re.search(r"^PYTHONS := (.*)", text, re.MULTILINE)[1].split()
    assert named == [*(f"python3.{minor}" for minor in range(oldest[1], newest[1] + 1)), "python3"]


@pytest.mark.parametrize(
    ("cuda", "arguments", "installs"),
    [
        ("None", ["setup"], False),
        ("None", ["setup", "DEVICE=cuda"], True),
        ("None", ["setup", "DEVICE=cpu"], False),
        ("None", ["setup", "TORCH_INDEX=https://example.org"], False),
        ("None", ["benchmark"], False),
        ("None", ["benchmark", "DEVICE=cuda"], True),
        ("'13.0'", ["setup"], False),
        ("'13.0'", ["setup", "DEVICE=cpu"], True),
        ("'13.0'", ["setup", "TORCH_INDEX=https://example.org"], True),
        ("'13.0'", ["setup", "DEVICE=cuda", "TORCH_INDEX=https://example.org"], False),
        ("'13.0'", ["benchmark", "DEVICE=cpu"], False),
        ("'13.0'", ["benchmark", "DEVICE=cuda"], False),
    ],
)
def test_the_build_of_torch_is_switched_on_demand(venv, cuda, arguments, installs):
    """An environment keeps its build of torch until the other one is asked for, or CUDA's is needed."""
    has_torch(venv, cuda)
    assert ("install.py" in make("-n", *arguments, f"VENV={venv}").stdout) == installs


@pytest.mark.parametrize(
    ("asked", "build"),
    [
        (("", False, None, False), "cpu"),
        (("", False, None, True), "cuda"),
        (("", True, None, True), "cpu"),
        (("cuda", True, "cpu", False), "cuda"),
        (("cpu", False, "cuda", True), "cpu"),
        (("", False, "cuda", False), "cuda"),
        (("", True, "cuda", True), "cpu"),
    ],
)
def test_the_build_of_torch_is_what_fits(asked, build):
    """DEVICE decides, then a named index, then what is there, then whether there is a GPU."""
    assert install.wanted_build(*asked)[0] == build


def test_the_build_of_torch_is_read_from_the_environment(tmp_path):
    """The build that is installed is told without importing it."""
    assert install.torch_build(tmp_path) is None
    has_torch(tmp_path, "'13.0'")
    assert install.torch_build(tmp_path) == "cuda"
    import torch

    assert install.torch_build(Path(sys.prefix)) == ("cpu" if torch.version.cuda is None else "cuda")


def test_size_and_time_are_said_first(tmp_path, capsys):
    """Before the first byte is fetched, a line says how large and how long it will be."""
    install._announce(tmp_path / "new", "cpu", "no GPU was found")
    said = capsys.readouterr().out
    for words in ("CPU", "no GPU was found", "GB to download", "GB on the disk", "minutes"):
        assert words in said


def test_a_small_disk_is_told_before_the_download(tmp_path, monkeypatch):
    """A disk on which it cannot fit ends the set-up with what is free, what is needed and the way out."""
    monkeypatch.setitem(install.INSTALLED_GB, "cpu", 1e6)
    with pytest.raises(SystemExit, match=r"GB free and 1000000.6 GB are needed; .* `make setup VENV=`"):
        install._announce(tmp_path / "new", "cpu", "")


def test_missing_packages_are_told_by_name(programs, monkeypatch, capsys):
    """Without venv the set-up ends, without git it goes on; both are named as Debian names them."""
    monkeypatch.setenv("PATH", str(programs))
    install._check_tools()
    assert "sudo apt-get install git`" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    minor = sys.version_info.minor
    with pytest.raises(SystemExit, match=rf"apt-get install python3.{minor}-venv git`"):
        install._check_tools()
    (programs / "python3").symlink_to(sys.executable)
    with pytest.raises(SystemExit, match="apt-get install python3-venv git`"):
        install._check_tools()


@pytest.mark.slow
def test_an_environment_whose_making_was_broken_off_is_made_again(tmp_path, monkeypatch):
    """Python without pip, as an interrupt leaves it, is no environment: the same command makes it whole."""
    folder, called = tmp_path / "venv", []
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    monkeypatch.setattr(sys, "argv", ["install.py", str(folder), "--device", "cpu"])
    monkeypatch.setattr(install, "_announce", lambda *_: None)
    monkeypatch.setattr(install, "_install", lambda *_: called.append(install._has_pip(folder)))
    install.main()
    assert called == [True]


def test_an_environment_whose_python_is_gone_is_told(venv):
    """A .venv from before a system's upgrade is named, with how to make it anew."""
    (venv / ".installed").unlink()
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to("/usr/bin/python3.none")
    done = make("setup", f"VENV={venv}")
    assert done.returncode != 0
    assert f"error: the Python that {venv} was made with is gone; `make clean setup`" in done.stderr


@pytest.mark.parametrize(
    ("variable", "word"),
    [
        ("OUT=my results", "my results"),
        ("OUT=two  spaces", "two  spaces"),
        ('OUT=it\'s "mine"; $HOME', 'it\'s "mine"; $HOME'),
        ("OUT=~/my results", "/home/me/my results"),
        ("AMTLB_RESULTS=~/all of them", "/home/me/all of them/smoke/baselines.ppo"),
    ],
)
def test_any_name_of_a_folder_reaches_the_command(venv, variable, word):
    """Results may lie in a folder with spaces and quotes in its name, or below ~; it stays one word."""
    done = make("-s", "report", f"VENV={venv}", variable.replace("$", "$$"), HOME="/home/me")
    assert done.stdout.splitlines() == ["report", word], done.stderr
    if variable.startswith("OUT"):
        named = variable.replace("$", "$$").replace("OUT", "SUBMISSION")
        done = make("-s", "verify", f"VENV={venv}", named, HOME="/home/me")
        assert done.stdout.splitlines() == ["verify", word, "--replay"]


def test_make_hands_the_device_on(venv):
    """`make benchmark DEVICE=` is `amtlb benchmark --device`."""
    has_torch(venv, "'13.0'")
    said = make("-s", "benchmark", f"VENV={venv}", "DEVICE=cuda", "OUT=a b").stdout.splitlines()
    assert said[-4:] == ["--out", "a b", "--device", "cuda"]
