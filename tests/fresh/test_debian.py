"""README's commands in a fresh Debian, as a normal user with no more than it asks: time, first line, disk."""

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol import plan
from suite.results.store import record_paths
from tests.disks import debootstrap, mount_disk, remove
from tests.golden import ROOT, assert_as_published
from tests.suite.helpers import V1, published_results

pytestmark = pytest.mark.fresh
RELEASE = os.environ.get("AMTLB_TEST_DEBIAN", "trixie")
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
PACKAGES = ("ca-certificates", "python3", "python3-venv", "make", "git")
USER = 1000
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
RESULTS = "results/smoke/baselines.ppo"
INSIDE = (
    "mount -t proc proc $0/proc && mount --rbind /dev $0/dev && "
    "mount -t tmpfs -o mode=1777 tmpfs $0/dev/shm && "
    f'exec chroot --userspec={USER}:{USER} "$@"'
)
"""In a mount and a process namespace of its own, so that nothing of it stays."""
REPRESENTATIVE = (
    "tests/protocol", "tests/test_architecture.py", "tests/test_api.py", "tests/suite/emulator",
    "tests/suite/lanes", "tests/suite/results", "tests/suite/tracking", "tests/suite/cli/test_stopping.py",
    "tests/baselines/test_networks.py",
)  # fmt: skip
"""Of ``make test``: the packages' imports, the emulator, lanes and ledgers, Sacred, signals, torch."""


@dataclass(frozen=True)
class Debian:
    """A Debian in a folder, with a clone of this project in the home of its user."""

    root: Path

    @property
    def clone(self) -> Path:
        """The clone, as it is seen from outside."""
        return self.root / "home/user/amtlb"

    def run(self, command: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Run a command of the shell in the clone, as its user; print how long it took and its first line."""
        variables = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        variables |= {"HOME": "/home/user", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        variables |= {"PIP_CERT": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
        said = [f"{name}={value}" for name, value in variables.items()]
        chroot = [self.root, self.root, "env", "-i", *said, "sh", "-c", f"cd /home/user/amtlb && {command}"]
        unshared = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, *chroot]
        begun = time.monotonic()
        done = subprocess.run(unshared, capture_output=True, text=True, timeout=timeout)
        first = (done.stdout + done.stderr).partition("\n")[0]
        print(f"| {RELEASE} | `{command}` | {time.monotonic() - begun:.0f} s | {first} |")
        return done


@pytest.fixture(scope="module")
def debian() -> Iterator[Debian]:
    """The system, before anything of the project was done in it."""
    assert os.geteuid() == 0, "making a Debian needs root"
    folder = Path(tempfile.mkdtemp(prefix="amtlb-fresh-", dir="/var/tmp"))
    try:
        root = folder / "root"
        root.mkdir()
        mount_disk(root, folder / "disk")
        debootstrap(root, RELEASE, PACKAGES)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        shutil.copy(ssl.get_default_verify_paths().cafile or CERTIFICATES, root / CERTIFICATES[1:])
        subprocess.run(["chroot", root, "useradd", "--create-home", f"--uid={USER}", "user"], check=True)
        made = Debian(root)
        subprocess.run(["git", "clone", "-q", ROOT, made.clone], check=True)
        subprocess.run(["chown", "-R", f"{USER}:{USER}", made.clone], check=True)
        yield made
    finally:
        remove(folder)


@pytest.fixture(scope="module")
def installed(debian) -> Debian:
    """The system after ``make setup``, or its way out where the index of torch's CPU build does not answer."""
    done = debian.run("make setup")
    announced = f"setting up .venv with Python {PYTHONS[RELEASE]} and torch's "
    assert done.stdout.startswith(announced), done.stdout + done.stderr
    assert "GB to download" in done.stdout
    if done.returncode:
        assert "does not answer; TORCH_INDEX= names another index, DEVICE=cuda" in done.stderr
        done = debian.run("make setup DEVICE=cuda", timeout=1400)
    assert done.returncode == 0, done.stdout + done.stderr
    debian.run("du -sh .venv .")
    return debian


@pytest.fixture(scope="module", params=["three runs", pytest.param("all runs", marks=pytest.mark.long)])
def played(installed, request) -> Debian:
    """The system after ``make benchmark``, which plays all runs or finds all but three."""
    results = installed.clone / RESULTS
    shutil.rmtree(results, ignore_errors=True)
    if request.param == "three runs":
        published_results(results, "ppo")
        subprocess.run(["chown", "-R", f"{USER}:{USER}", installed.clone / "results"], check=True)
    done = installed.run("make benchmark", timeout=1400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "transfer ratio" in done.stdout
    return installed


def test_every_run_and_every_fold_has_a_result(played):
    """All runs of smoke are complete, and each fold has a transfer result."""
    assert len(record_paths(played.clone / RESULTS)) == len(plan(V1, V1.edition("smoke")))
    scores = json.loads((played.clone / RESULTS / "scores.json").read_text())
    assert [game["fold"] for game in scores["transfer"]["games"]] == [0, 1, 2]
    assert len(scores["multitask"]) == 3


def test_it_plays_what_is_published(played):
    """Ledgers, checkpoints and scores are the published ones, with any Python."""
    assert_as_published(played.clone / RESULTS, "ppo")
    published = ROOT / "artifacts/v1/smoke/ppo/scores.json"
    assert (played.clone / RESULTS / "scores.json").read_bytes() == published.read_bytes()


def test_results_stand_beside_the_published_ones(played):
    """``make compare`` after ``make benchmark`` shows both, ``make report`` writes the page."""
    done = played.run("make compare")
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    for name in ("baselines.ppo", "dqn", "multihead_a2c", "ppo", "ppo_reset", "uniform"):
        assert name in done.stdout
    done = played.run("make report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (played.clone / RESULTS / "report/report.html").exists()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(f".venv/bin/pytest -q {' '.join(REPRESENTATIVE)}", id="a part"),
        pytest.param("make test", id="all", marks=pytest.mark.long),
    ],
)
def test_the_tests_pass(installed, command):
    """Tests of rules, emulator, lanes, ledgers and networks pass with this Python, and all of ``make test``."""
    done = installed.run(command, timeout=1400)
    print(done.stdout[-2000:])
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
