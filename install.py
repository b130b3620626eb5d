"""Sets up the virtual environment for `make setup`; runs on the standard library alone.

``python install.py FOLDER`` says what it will fetch and how large that is before it begins, and stops in one
line where something is missing. It fetches torch's CPU build unless there is a GPU; ``--device`` asks for
one or the other, in an environment that is there already, too.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

OLDEST, NEWEST = (3, 11), (3, 13)
"""The versions that pyproject.toml allows, which have been tried."""
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
DOWNLOAD_GB, INSTALLED_GB = {"cpu": 0.6, "cuda": 2.9}, {"cpu": 2.1, "cuda": 5.9}
MINUTES = {"cpu": "two to five", "cuda": "five to fifteen"}
INDEX_SECONDS = 10
ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Set up the environment, or end with one line that says why not."""
    asked = _asked()
    found = sys.version_info[:2]
    if not OLDEST <= found <= NEWEST:
        _end(
            f"{sys.executable} is Python {_words(found)}; the pins allow {_words(OLDEST)} to {_words(NEWEST)}: "
            "install one of these, or name it with `make setup PYTHON=`"
        )
    present = os.path.lexists(python_of(asked.folder))
    if present:
        _check_runs(asked.folder)
        present = _has_pip(asked.folder)  # without, its making was broken off: it is made once more
    if not present:
        _check_tools()
    has = torch_build(asked.folder)
    wanted, reason = wanted_build(asked.device, bool(asked.torch_index), has, has_gpu())
    switched = has is not None and has != wanted
    if has is None or switched:
        _announce(asked.folder, wanted, reason)
    if not present:
        _run([sys.executable, "-m", "venv", asked.folder], f"python -m venv {asked.folder}")
    if switched:
        goes_along = asked.cuda_packages.split() if has == "cuda" else []
        _pip(asked.folder, "uninstall", "--yes", "torch", *goes_along)
    _install(asked, wanted, has != wanted)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Set up the virtual environment.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="", help="cpu or cuda: which build of torch; empty: what fits")
    parser.add_argument("--torch-index", default="", help="where the CPU build comes from")
    parser.add_argument("--cuda-packages", default="", help="what goes with the CUDA build when that goes")
    asked = parser.parse_args()
    if asked.device not in ("", "cpu", "cuda"):
        _end(f"device {asked.device!r} does not exist; choose one of: cpu, cuda")
    return asked


def python_of(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / "bin" / "python"


def torch_build(folder: Path) -> str | None:
    """The build of torch that an environment has, ``cpu`` or ``cuda``; None: it has none."""
    for path in folder.glob("lib/python3.*/site-packages/torch/version.py"):
        no_cuda = re.search(r"^cuda\b.*= None", path.read_text(encoding="utf-8"), re.MULTILINE)
        return "cpu" if no_cuda else "cuda"
    return None


def has_gpu() -> bool:
    """True if NVIDIA's driver lists a GPU."""
    if shutil.which("nvidia-smi") is None:
        return False
    done = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode == 0 and b"GPU" in done.stdout


def wanted_build(device: str, names_index: bool, has: str | None, gpu: bool) -> tuple[str, str]:
    """The build of torch to have, and why.

    Args:
        device: what was asked for; empty: nothing.
        names_index: whether an index of the CPU build was named, which asks for it.
        has: what is there.
        gpu: whether this machine has one.
    """
    if device:
        return device, f"DEVICE={device}"
    if names_index:
        return "cpu", "TORCH_INDEX names an index of it"
    if has is not None:
        return has, "as before"
    return ("cuda", "there is a GPU") if gpu else ("cpu", "no GPU was found; DEVICE=cuda asks for the other")


def _check_runs(folder: Path) -> None:
    python = python_of(folder)
    if not python.exists() or subprocess.run([python, "-c", ""], stderr=subprocess.DEVNULL).returncode:
        _end(f"the Python that {folder} was made with is gone; `make clean setup` makes {folder} again")


def _has_pip(folder: Path) -> bool:
    done = subprocess.run([python_of(folder), "-m", "pip", "--version"], capture_output=True)
    return done.returncode == 0


def _check_tools() -> None:
    """The needs of the set-up from the system."""
    packages = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = _words(sys.version_info[:2])
        default = os.path.realpath(shutil.which("python3") or "") == os.path.realpath(sys.executable)
        packages.append("python3-venv" if default else f"python{version}-venv")
    missing = [*packages, *(["git"] if shutil.which("git") is None else [])]
    hint = f"on Debian and Ubuntu, `sudo apt-get install {' '.join(missing)}` installs what is missing"
    if packages:
        _end(f"{', '.join(missing)} not found; {hint}")
    if missing:
        print(f"git not found: records cannot name the commit of the code; {hint}", flush=True)


def _announce(folder: Path, build: str, reason: str) -> None:
    """Say what comes, before it does; end where the disk is too small for it."""
    needed = DOWNLOAD_GB[build] + INSTALLED_GB[build]
    disk = folder.absolute().parent
    free = shutil.disk_usage(disk).free / 1e9
    print(
        f"setting up {folder} with Python {_words(sys.version_info[:2])} and torch's {build.upper()} build "
        f"({reason}): {DOWNLOAD_GB[build]} GB to download, {INSTALLED_GB[build]} GB on the disk, "
        f"{MINUTES[build]} minutes",
        flush=True,
    )
    if free < needed:
        _end(
            f"{disk} has {free:.1f} GB free and {needed:.1f} GB are needed; free some, or `make setup VENV=` "
            "with a folder elsewhere"
        )


def _install(asked: argparse.Namespace, build: str, fetch: bool) -> None:
    requirements = ROOT / "requirements.txt"
    version = re.findall(r"^torch==([0-9.]+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)[0]
    if fetch:
        print(f"fetching torch {version} ...", flush=True)
    if fetch and build == "cpu":
        _fetch_cpu_build(asked, version)
    elif fetch:
        _pip(asked.folder, "install", f"torch==={version}")  # no local version: not the CPU build of a mirror
    print("fetching the packages that requirements.txt pins and that are missing ...", flush=True)
    _pip(asked.folder, "install", "-r", requirements)
    os.environ["PYTHONWARNINGS"] = "ignore"  # setuptools warns of every editable installation
    # compat: otherwise a checkout called amtlb hides the package from whoever stands in the folder above it.
    mode = ("--config-settings", "editable_mode=compat")
    _pip(asked.folder, "install", "--no-build-isolation", "--no-deps", *mode, "-e", ROOT)
    if torch_build(asked.folder) != build:
        _end(f"pip found no {build.upper()} build of torch {version} here; TORCH_INDEX= names another index")


def _fetch_cpu_build(asked: argparse.Namespace, version: str) -> None:
    """The CPU build from its index or, where that does not answer, from where pip is told to look for files."""
    index = asked.torch_index or CPU_INDEX
    pin = f"torch=={version}+cpu"
    if _answers(index):
        _pip(asked.folder, "install", "--no-deps", "--index-url", index, pin)
    elif _pip(asked.folder, "install", "--no-deps", "--no-index", pin, may_fail=True):
        said = f"{_without_user(index)} does not answer"
        _end(f"{said}; TORCH_INDEX= names another index, DEVICE=cuda takes PyPI's build")


def _without_user(url: str) -> str:
    """An address without the name and the password that it may have."""
    scheme, separator, rest = url.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]


def _answers(index: str) -> bool:
    try:
        with urllib.request.urlopen(index.rstrip("/") + "/torch/", timeout=INDEX_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _pip(folder: Path, command: str, *arguments: str | Path, may_fail: bool = False) -> int:
    quiet = [] if sys.stdout.isatty() else ["-q"]
    line = [python_of(folder), "-m", "pip", command, "--disable-pip-version-check", *quiet, *arguments]
    return _run(line, f"pip {command}", may_fail)


def _run(line: Sequence[str | Path], what: str, may_fail: bool = False) -> int:
    output = subprocess.DEVNULL if may_fail else None
    status = subprocess.run(line, stdout=output, stderr=output).returncode
    if status and not may_fail:
        _end(f"{what} failed with what stands above; the same command goes on")
    return status


def _words(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version[:2]))


def _end(reason: str) -> NoReturn:
    sys.exit(f"error: {reason}")


if __name__ == "__main__":
    main()
