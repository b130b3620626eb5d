"""Learners in containers of a real engine: honest ones play as they do outside, hostile ones are held."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest

from protocol import LearnerError, RunRecord, parse_run_id, plan
from suite.contained.boxes import remove_orphans
from suite.contained.containers import image_id
from suite.contained.jail import FOLDER_PREFIX
from suite.contained.referee import contained_maker
from suite.contained.spec import BoxLimits, BoxSpec
from suite.learners.practice import practice_lanes
from suite.results.published import published_folder
from suite.results.store import Store
from suite.verify.findings import Verification
from suite.verify.verification import Levels, verify
from tests import ROOT
from tests.image.engine import DOCKER
from tests.starter import AMTLB
from tests.suite.contained.hostile import OutOfRange
from tests.suite.helpers import V1
from tests.suite.verify.corpus import OTHER_FRESH, Forged

HOSTILE = OutOfRange.__module__
PPO = published_folder("ppo", "smoke")
CONTAINED = ("smoke/pretrain/fold1/seed0", "smoke/transfer/fold1/breakout/seed0", "smoke/generalist/seed0")
pytestmark = pytest.mark.contained

ATTACKS = {
    "WrongShape": (r"actions of shape \(1,\)", {}),
    "WrongType": ("type float64", {}),
    "OutOfRange": ("4711", {}),
    "NoArray": ("cannot be played", {}),
    "Silent": ("no answer came within 5 seconds", {"answer_seconds": 5}),
    "Trickling": ("within 5 seconds", {"answer_seconds": 5}),
    "HalfMessage": ("exit status 0", {}),
    "TooMuch": ("at most", {}),
    "NoJson": ("not JSON", {}),
    "DeepJson": ("not JSON|cannot be played", {}),
    "EarlyExit": ("exit status 3", {}),
    "ForkBomb": (r"no more processes after \d+", {"processes": 64}),
    "MemoryHog": ("512 MiB", {"memory_bytes": 2**29}),
    "DiskFill": ("nowhere to write, /tmp: No space left on device", {"output_bytes": 2**26}),
    "Network": ("ways out: none", {}),
    "Ledger": ("found: nothing", {}),
    "Memory": ("other processes within reach: none", {}),
    "FatStrings": ("no list of at most", {}),
    "DeepConfiguration": ("nested more than 32 deep", {}),
    "Future": ("'peek' where reset or step or safe_point or learned is due", {}),
    "SymlinkCheckpoint": ("neither a file nor a folder", {}),
    "BombCheckpoint": ("saves more than|File too large|No space left", {"output_bytes": 2**26}),
    "EndlessCheckpoint": ("more than 1,000 files", {}),
    "EscapingCheckpoint": ("no plain relative name", {}),
    "ManyConfigurations": ("at most", {}),
    "EscapeCodes": ("all is well error: none", {}),
    "WhoAmI": ("user 65534, root's files open: False", {}),
}
"""By hostile learner: what its run ends with, and the limits that it meets."""


@pytest.fixture
def scratch(monkeypatch) -> Iterator[Path]:
    """The temporary folder of a test and of all that it starts, which no other program has files in.

    Its name is short: the path of a socket has at most 107 bytes.
    """
    get_temp_dir()  # multiprocessing keeps its folder for the life of this process: not one of a test's
    with tempfile.TemporaryDirectory(prefix="amtlb-") as name:
        Path(name).chmod(0o755)  # for the users of boxes, as the system's is
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


@pytest.fixture(autouse=True)
def engine_of_the_tests(engine, monkeypatch, scratch):
    """The code under test finds the engine where any program looks for it, and leaves nothing behind."""
    monkeypatch.setenv("DOCKER_HOST", engine.environment["DOCKER_HOST"])
    images = engine.answer("image", "ls", "--quiet")
    yield
    assert engine.answer("ps", "--all", "--quiet") == ""
    assert engine.answer("volume", "ls", "--quiet") == ""
    assert set(images.split()) <= set(engine.answer("image", "ls", "--quiet").split())
    assert not list(scratch.glob(f"{FOLDER_PREFIX}*"))


def amtlb(*arguments: object, cwd: Path = ROOT, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    command = [AMTLB, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=cwd)


def done(*arguments: object, **options) -> str:
    found = amtlb(*arguments, **options)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def complete(folder: Path) -> list[RunRecord]:
    """The records of the runs of smoke that are complete in a results folder."""
    store, runs = Store(folder, V1), plan(V1, V1.edition("smoke"))
    return [store.record(run.run_id) for run in runs if store.is_complete(run.run_id)]


@pytest.fixture(scope="module")
def contained(engine, image, tmp_path_factory) -> Store:
    """A run of each kind but fresh ones, played by PPO in containers, one of which starts from another."""
    out = tmp_path_factory.mktemp("contained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine.environment["DOCKER_HOST"])
        for run_id in CONTAINED:
            done("run", run_id, "--image", image, "--out", out)
    return Store(out, V1)


@pytest.mark.parametrize("run_id", CONTAINED)
def test_a_contained_run_is_the_same_to_the_bit(contained, image, run_id):
    """Ledger and checkpoint of a contained run are the published ones."""
    record, published = (store.record(parse_run_id(run_id, V1)) for store in (contained, Store(PPO, V1)))
    for name in ("ledger_sha256", "checkpoint_in", "checkpoint_out", "configuration_digest"):
        assert getattr(record, name) == getattr(published, name)
    assert record.image_sha256 == image_id(image)


def trained_again(folder: Path, image: str, run_id: str) -> Verification:
    """A submission's verification, with a run of it trained again in a container."""
    box = BoxSpec(image_sha256=image_id(image))
    return verify(folder, Levels(retrain=(run_id,), box=box), workers=2)


def test_an_honest_run_is_trained_again_to_the_same_bits(image):
    """A transfer run passes when it and the run that it starts from are trained again in containers."""
    found = trained_again(PPO, image, "smoke/transfer/fold1/breakout/seed0")
    assert found.findings == ()
    assert {verdict.rule: verdict.verdict for verdict in found.verdicts}["T1"] == "PASS"


def test_hidden_hyper_parameters_are_found(image, tmp_path):
    """A run that was trained at another rate than it declares fails when it is trained again in a container."""
    subprocess.run(["cp", "-r", PPO, tmp_path / "submission"], check=True)
    forged = Forged(tmp_path / "submission")
    forged.train(OTHER_FRESH, "tests.suite.verify.tuned:make")
    found = trained_again(forged.folder, image, f"smoke/{OTHER_FRESH}")
    assert {finding.rule for finding in found.findings} == {"T1"}


def test_a_box_costs_little(image, tmp_path):
    """Contained training keeps most of its speed; the figure, of the faster of two runs each, is printed."""
    rates: dict[str, list[float]] = {"plain": [], "contained": []}
    for turn in range(2):
        for name, options in (("plain", ()), ("contained", ("--image", image))):
            out = tmp_path / f"{name}{turn}"
            done("run", "smoke/pretrain/fold1/seed0", "--out", out, *options)
            record = json.loads((out / "pretrain/fold1/seed0/record.json").read_text())
            rates[name].append(record["training_steps_per_second"])
    ratio = max(rates["contained"]) / max(rates["plain"])
    print(f"contained / plain: {ratio:.3f} of the steps/s ({rates})")
    assert ratio > 0.7  # a shared machine is noisy; docs/contained.md has the figure


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_ends_its_run_with_a_reason(name, image, tmp_path):
    """A hostile learner is held by its container and told in one printable line; nothing of it is left."""
    expected, limits = ATTACKS[name]
    spec = BoxSpec(image_sha256=image_id(image), limits=BoxLimits(**limits))
    for decoy in ("journal.arrows", "record.json"):  # what lies beside a run that is being played
        (tmp_path / decoy).touch()
    with (
        socket.create_server(("127.0.0.1", 45_217)),  # what the learner must not reach
        pytest.raises(LearnerError) as caught,
        contained_maker(spec, f"{HOSTILE}:{name}", "cpu", lambda text: None) as make,
    ):
        learner = make(1, V1.lanes)
        learner.learn(practice_lanes(steps_per_lane=10))
        learner.save(tmp_path)
    print(f"| {name} | {caught.value} |")
    assert re.search(expected, str(caught.value)), caught.value
    assert str(caught.value).isprintable()
    assert not (tmp_path.parent / "escaped").exists()


@pytest.mark.long
def test_the_other_runs_go_on(image, tmp_path):
    """Runs whose learner ends its box fail with the exit status, and all that do not need them complete."""
    learner = f"{HOSTILE}:OneSeedExits"
    found = amtlb("benchmark", "--image", image, "--learner", learner, "--out", tmp_path / "out")
    assert found.returncode == 1, found.stdout + found.stderr
    ended, failed, skipped = (
        len(re.findall(rf"^\[.*{word}", found.stdout, re.MULTILINE))
        for word in (" complete", "exit status 3", "skipped")
    )
    assert failed
    assert ended + failed + skipped == 20, found.stdout
    assert len(complete(tmp_path / "out")) == ended > 0


def test_a_killed_harness_leaves_no_container_for_long(engine, image, tmp_path):
    """The container and the files of a run that was killed with its whole harness go with the next run."""
    box = BoxSpec(image_sha256=image_id(image))
    command = [
        AMTLB,
        "run",
        "smoke/fresh/breakout/seed0",
        "--image",
        image,
    ]
    options = ["--learner", f"{HOSTILE}:Silent", "--out", str(tmp_path)]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, start_new_session=True) as run:
        deadline = time.monotonic() + 60
        while not (left := engine.answer("ps", "--quiet")):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        remove_orphans(box)
        assert engine.answer("ps", "--quiet") == left  # its harness is alive
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        for process in (run.pid, *map(int, children)):
            os.kill(process, signal.SIGKILL)
    time.sleep(0.5)
    remove_orphans(box)
    assert engine.answer("ps", "--all", "--quiet") == ""


def test_what_cannot_be_had_is_told(image):
    """An image or a limit that does not exist, and options that do not go together, are one line and no run."""
    for status, arguments, complaint in (
        (1, ("--image", "no-such-image"), "no image 'no-such-image'"),
        (2, ("--image", image, "--contained", "process"), "choose one"),
        (2, ("--contained", "jail"), "'jail'"),
        (2, ("--image", image, "--limit", "memory=1"), "memory"),
        (2, ("--image", image, "--limit", "cpus=-1"), "cpus=-1"),
        (2, ("--limit", "cpus=1"), "--image or --contained"),
        (2, ("--image", image, "--device", "cuda"), "cuda"),
    ):
        found = amtlb("run", "smoke/fresh/breakout/seed0", *arguments)
        assert (found.returncode, len(found.stderr.splitlines())) == (status, 1), found.stderr
        assert complaint in found.stderr


def test_images_that_escape_the_limits_are_refused(engine, image, tmp_path):
    """An image with a volume, which is disk without a limit, and one without Python are told in a line."""
    for name, lines, complaint in (
        ("with-volume", f"FROM {image}\nVOLUME /fill\n", "has volumes (/fill)"),
        ("without-python", "FROM scratch\nCOPY nothing /nothing\n", "cannot be started"),
    ):
        (tmp_path / "nothing").touch()
        (tmp_path / "Dockerfile").write_text(lines)
        engine.answer("build", "--quiet", "--tag", name, tmp_path)
        found = amtlb("run", "smoke/fresh/breakout/seed0", "--image", name, "--out", tmp_path / "out")
        assert (found.returncode, len(found.stderr.splitlines())) == (1, 1), found.stderr
        assert complaint in found.stderr


def test_an_engine_that_is_not_there_is_told(monkeypatch, tmp_path):
    """Without an engine the error says so, in one line, with the way out."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    found = amtlb("run", "smoke/fresh/breakout/seed0", "--image", "amtlb")
    assert (found.returncode, len(found.stderr.splitlines())) == (1, 1), found.stderr
    assert "--contained process" in found.stderr


def test_a_process_of_another_user_plays_the_same(engine, image):
    """A learner that root plays with ``--contained process`` runs as nobody, with the published ledger."""
    options = ("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "amtlb", image)
    run = ("run", "smoke/fresh/asterix/seed1", "--contained", "process")
    said = engine.answer(*options, *run, "--json", timeout=300)
    published = json.loads((PPO / "fresh/asterix/seed1/record.json").read_text())
    assert json.loads(said)["ledger_sha256"] == published["ledger_sha256"]
    found = engine.docker(*options, *run, "--learner", f"{HOSTILE}:WhoAmI", timeout=300)
    assert "user 65534, root's files open: False" in found.stderr


@pytest.fixture
def wheels():
    """A folder of the locked wheels, served as a lab's own index would be."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(ROOT / "build/wheelhouse/cpu"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.long
def test_the_template_of_a_submission_works(engine, image, wheels, tmp_path):
    """From the page alone: the template is built, tried on smoke, submitted, and verified by training again."""
    page = (ROOT / "docs/contained.md").read_text()
    _, build, tried = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    base = [] if engine.docker("image", "inspect", "amtlb-base").returncode else ["--build-arg=BASE=amtlb-base"]
    mirror = [f"--build-arg=PIP_FIND_LINKS={wheels}", "--build-arg=PIP_NO_INDEX=1", "--network=host"]
    command = [DOCKER, *build.split()[1:], f"--build-arg=AMTLB={image}", *base, *mirror]
    subprocess.run(command, cwd=ROOT, env=engine.environment, check=True, timeout=300)
    roms = ("find", "/", "-xdev", "-path", "*roms*", "-name", "*.bin")
    assert engine.answer("run", "--rm", "--network=none", "my-learner", *roms) == ""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    for line in tried.splitlines():
        ended = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert ended.returncode == 0, line + ended.stdout + ended.stderr
    assert "compliant" in ended.stdout
