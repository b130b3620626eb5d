"""Playing in the image: the README's commands, without a network, to the scores that are known outside."""

import os
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from suite.machine import cpu_type
from tests.golden import GOLDEN
from tests.image.conftest import ROOT
from tests.suite.helpers import published_results

pytestmark = pytest.mark.image
USER = 1000
SEALED = ("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp")
REPRESENTATIVE = (
    "tests/protocol", "tests/test_architecture.py", "tests/test_artifacts.py",
    "tests/suite/emulator/test_conformance.py", "tests/suite/emulator/test_stamp.py",
    "tests/suite/lanes/test_workers.py", "tests/suite/results/test_ledger.py",
    "tests/baselines/test_networks.py",
)  # fmt: skip
"""Of ``make test``: files, processes, the emulator, torch, in a minute."""


def shown(words: str) -> list[str]:
    """The one command of the README's section on Docker that has these words."""
    section = (ROOT / "README.md").read_text().partition("\n## Docker\n")[2].partition("\n## ")[0]
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).splitlines()
    (command,) = [line for line in lines if line.startswith("docker ") and words in line]
    return shlex.split(command)[1:]


def mine(folder: Path) -> Path:
    """A folder as the user of the image, who is the README's reader there, would have made it."""
    folder.mkdir()
    os.chown(folder, USER, USER)
    return folder


@pytest.fixture(scope="module", params=["three runs", pytest.param("all runs", marks=pytest.mark.long)])
def results(engine, image, tmp_path_factory, request) -> Path:
    """The results of the README's benchmark in the image, which plays all runs or finds all but three."""
    folder = tmp_path_factory.mktemp("reader")
    mine(folder / "out")
    if request.param == "three runs":
        published_results(folder / "out/smoke/baselines.ppo", "ppo")
        subprocess.run(["chown", "-R", f"{USER}:{USER}", folder / "out"], check=True)
    arguments = [word.replace("$PWD", str(folder)) for word in shown("make benchmark")]
    begun = time.monotonic()
    done = engine.docker(*arguments, timeout=1200)
    print(f"make benchmark in the image took {time.monotonic() - begun:.0f} s")
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "transfer ratio" in done.stdout
    assert "Warning" not in done.stdout + done.stderr
    return folder / "out" / "smoke" / "baselines.ppo"


def test_scores_are_those_outside(results, amtlb, tmp_path, request):
    """The image's scores are the published ones to the byte, or those that this machine plays without it."""
    played = (results / "scores.json").read_bytes()
    if played != (ROOT / "artifacts/v1/smoke/ppo/scores.json").read_bytes():
        assert cpu_type() not in GOLDEN, f"{cpu_type()} is known to play what is published"
        if "three runs" in request.node.callspec.id:
            published_results(tmp_path / "uncontained", "ppo")
        done = amtlb("benchmark", "--out", tmp_path / "uncontained")
        assert done.returncode == 0, done.stdout + done.stderr
        assert played == (tmp_path / "uncontained/scores.json").read_bytes()


def test_results_verify_outside(results, amtlb, tmp_path):
    """Packed and replayed outside the image, every episode is what the ledgers say."""
    about = ("--name", "contained", "--author", "A. Author", "--code", "https://example.org/commit/abc")
    done = amtlb("submit", results, tmp_path / "submission", *about)
    assert done.returncode == 0, done.stdout + done.stderr
    done = amtlb("verify", tmp_path / "submission", "--replay")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_start_is_checked_in_under_a_second(engine, image):
    """The check made at build is confirmed at a start in less than a second of a core, without a network."""
    code = "time amtlb protocol check --stamp /amtlb/.venv/.checked"
    done = engine.docker("run", "--rm", "--network", "none", "--entrypoint", "bash", image, "-c",
        f"{code}; {code}; {code}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("played when this installation was stamped") == 3
    parts = [float(part) for part in re.findall(r"(?:user|sys)\s+0m([0-9.]+)s", done.stderr)]
    seconds = [user + system for user, system in zip(parts[::2], parts[1::2], strict=True)]
    print(f"checks took {seconds} s of a core")
    assert len(seconds) == 3
    assert min(seconds) < 1


def test_a_changed_rom_ends_the_start(engine, image, tmp_path):
    """With another file in the place of a ROM nothing starts, and one line says why."""
    (tmp_path / "pong.bin").write_bytes(b"no game")
    place = "/amtlb/.venv/lib/python3.11/site-packages/ale_py/roms/pong.bin"
    done = engine.docker(*SEALED, "-v", f"{tmp_path}/pong.bin:{place}:ro", image, "echo", "started")
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"error: the ROM of pong .* pins .*\n", done.stderr)


def test_it_plays_read_only_as_anybody(engine, image, tmp_path):
    """A sealed container plays a run as a user that it does not know, and `make setup` has nothing to do."""
    os.chown(tmp_path, 4321, 4321)
    sealed = (*SEALED, "--cap-drop", "ALL", "--user", "4321", "-v", f"{tmp_path}:/out", image)
    assert "Nothing to be done for 'setup'" in engine.answer(*sealed, "make", "setup")
    engine.answer(*sealed, "amtlb", "run", "smoke/fresh/breakout/seed0", "--learner", "baselines.uniform:make")
    record = tmp_path / "smoke/baselines.uniform/fresh/breakout/seed0/record.json"
    assert record.stat().st_uid == 4321
    assert engine.answer("image", "inspect", "--format", "{{.Config.Env}}", image).count("AMTLB_COMMIT") == 1


def test_results_stand_beside_the_published_ones(engine, image, results):
    """``make compare`` in the image finds the results below /out, and the published baselines in itself."""
    out = f"{results.parents[1]}:/out"
    printed = engine.answer(*SEALED, "-v", out, image, "make", "compare")
    assert "multihead_a2c" in printed


def test_a_folder_of_another_user_is_refused_in_a_line(engine, image, tmp_path):
    """A benchmark that cannot read /out, or write to it, ends with one line that says so."""
    for mode, words in ((0o700, "cannot be read"), (0o755, "cannot be written to")):
        tmp_path.chmod(mode)
        done = engine.docker(*SEALED, "-v", f"{tmp_path}:/out", image, "make", "benchmark")
        assert done.returncode == 2  # make's own, for whatever fails
        assert re.search(rf"^error: .*/out.* {words}", done.stderr, re.MULTILINE), done.stderr
        assert "Traceback" not in done.stderr


def test_a_part_of_the_tests_passes_in_it(engine, image):
    """A representative part of `make test` passes in a sealed container."""
    part = "PYTEST_ADDOPTS=-p no:cacheprovider " + " ".join(REPRESENTATIVE)
    done = engine.docker(*SEALED, "--env", part, image, "make", "test")
    print(done.stdout[-1500:])
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr


@pytest.mark.long
def test_all_tests_pass_in_it(engine, image):
    """The README's `make test` passes in a sealed container."""
    done = engine.docker(*shown("make test"), timeout=1400)
    print(done.stdout[-1500:])
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
