"""Learners in boxes of the process kind: as without a box, and ended where they attack."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from pydantic import ValidationError

from protocol import BoxError, LearnerError
from suite.contained.boxes import open_box, remove_orphans
from suite.contained.jail import FOLDER_PREFIX, SOCKET, has_ended, owner
from suite.contained.referee import contained_maker
from suite.learners.check import check_learner
from suite.learners.contract import find_learner
from suite.learners.practice import practice_lanes
from tests import ROOT
from tests.suite.contained.boxed import SELF, Witness, limited
from tests.suite.contained.hostile import OutOfRange
from tests.suite.helpers import V1

HOSTILE = OutOfRange.__module__


ATTACKS = (
    ("WrongShape", r"actions of shape \(1,\)", {}),
    ("WrongType", "type float64", {}),
    ("OutOfRange", "4711", {}),
    ("NoArray", "cannot be played", {}),
    ("FatStrings", "no list of at most", {}),
    ("DeepConfiguration", "nested more than 32 deep", {}),
    ("Silent", "no answer came within 3 seconds", {"answer_seconds": 3}),
    ("Trickling", "within 3 seconds", {"answer_seconds": 3}),
    ("HalfMessage", "ended", {}),
    ("TooMuch", "at most", {}),
    ("NoJson", "not JSON", {}),
    ("DeepJson", "not JSON|cannot be played", {}),
    ("EarlyExit", "status 3", {}),
    ("MemoryHog", "MemoryError", {"memory_bytes": 2**30}),
    ("Future", "'peek' where reset or step or safe_point or learned is due", {}),
    ("SymlinkCheckpoint", "neither a file nor a folder", {}),
    ("BombCheckpoint", "saves more than|File too large", {"output_bytes": 10**6}),
    ("EndlessCheckpoint", "more than 1,000 files", {}),
    ("EscapingCheckpoint", "no plain relative name", {}),
    ("ManyConfigurations", "at most", {}),
    ("EscapeCodes", r"RuntimeError:  \]0;owned  \[2J all is well error: none", {}),
    ("NoSuchLearner", "no function NoSuchLearner", {}),
)
"""Hostile learner, what its run ends with, the limits that it meets."""
QUICK = ("OutOfRange", "EarlyExit", "TooMuch", "FatStrings", "Future", "EscapingCheckpoint", "EscapeCodes")
"""Attacks that are tried whenever tests are run; slow tests try all, `make test-contained` in containers."""


def attack(name: str, saved: Path, **limits) -> str:
    """The error with which the run of a hostile learner ends."""
    with (
        pytest.raises(LearnerError) as caught,
        contained_maker(limited(**limits), f"{HOSTILE}:{name}", "cpu", lambda text: None) as make,
    ):
        learner = make(1, V1.lanes)
        learner.learn(practice_lanes(steps_per_lane=10))
        learner.save(saved)
    return str(caught.value)


@pytest.fixture
def saved(tmp_path) -> Iterator[Path]:
    """An empty folder, outside which nothing may be written."""
    (tmp_path / "saved").mkdir()
    yield tmp_path / "saved"
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_remote_lanes_are_the_lanes(saved):
    """Over the wire a learner sees what it sees without: every array, flag, space, and refusal."""
    name = f"{Witness.__module__}:Witness"
    seen = []
    local = find_learner(name)(1, V1.lanes)
    with pytest.raises(Exception, match="spent"):
        local.learn(practice_lanes(steps_per_lane=300))
    local.save(saved)
    seen.append((saved / "seen").read_text())
    (saved / "seen").unlink()
    with contained_maker(SELF, name, "cpu", lambda text: None) as make:
        remote = make(1, V1.lanes)
        remote.learn(practice_lanes(steps_per_lane=300))
        remote.save(saved)
    seen.append((saved / "seen").read_text())
    assert seen[0] == seen[1]


def test_a_box_tells_of_its_learner():
    """A mistake in a learner's actions, and the digest of its code, are told as without a box."""
    name = "tests.suite.bad_learners:ActsAsAPair"
    code = (
        "from suite.learners.contract import find_learner\n"
        "from suite.learners.sources import code_digest\n"
        f"find_learner({name!r})\n"
        f"print(code_digest({name!r}))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    observations, _ = practice_lanes(steps_per_lane=10).reset()
    with contained_maker(SELF, name, "cpu", lambda text: None) as make:
        learner = make(1, V1.lanes)
        assert learner.code_sha256 == told.strip()
        with pytest.raises(LearnerError, match=r"a tuple of parts of different shapes .*\(8,\)"):
            learner.act(observations, np.ones(V1.lanes, np.bool_))


@pytest.mark.slow
def test_a_boxed_learner_keeps_the_contract():
    """The shipped contract test passes over the wire, and still names what breaks the contract."""
    check_learner("tests.suite.contained.boxed:uniform")
    with pytest.raises(LearnerError, match="does not use its seed"):
        check_learner("tests.suite.contained.boxed:ignores_seed", steps_per_lane=10)


@pytest.mark.slow
def test_a_boxed_ppo_keeps_the_contract():
    """The shipped contract test passes with a reference learner at the other end of the wire."""
    check_learner("tests.suite.contained.boxed:ppo", steps_per_lane=150)


@pytest.mark.parametrize(
    ("name", "complaint", "limits"),
    [pytest.param(*attack, marks=[] if attack[0] in QUICK else [pytest.mark.slow]) for attack in ATTACKS],
)
def test_each_attack_ends_its_run_with_a_reason(name, complaint, limits, saved):
    """A learner that attacks the wire, its checkpoint or its limits is told, in one printable line."""
    found = attack(name, saved, **limits)
    assert re.search(complaint, found), found
    assert found.isprintable()


@pytest.mark.slow
def test_a_run_has_an_end(saved):
    """A box that runs for longer than its wall time is ended, whatever it says meanwhile."""
    assert "more than its 4 seconds" in attack("Silent", saved, wall_seconds=4)


@pytest.mark.slow
def test_whoever_keeps_the_connection_cannot_keep_the_run(saved):
    """The wall time ends a run although a process that left the box's session holds the socket open."""
    assert "more than its 4 seconds" in attack("Survivor", saved, wall_seconds=4)


@pytest.mark.parametrize("limits", [{"wall_seconds": float("inf")}, {"cpus": 1e-11}, {"answer_seconds": -1.0}])
def test_limits_that_are_none_are_refused(limits):
    """A limit that is infinite, negative, or so small that an engine takes it for none is no limit."""
    with pytest.raises(ValidationError):
        limited(**limits)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root chooses the user")
def test_users_that_cannot_be_are_told():
    """A user that does not exist is named, with the way out."""
    spec = SELF.model_copy(update={"user": "no-such-user"})
    with (
        pytest.raises(BoxError, match=r"no user 'no-such-user'.*--box-user"),
        contained_maker(spec, "baselines.uniform:make", "cpu", lambda text: None) as make,
    ):
        make(1, V1.lanes)


def test_a_box_leaves_nothing(saved, monkeypatch):
    """After a run no process and no file of the box is left, and what the learner printed is kept."""
    monkeypatch.setattr("tempfile.tempdir", str(saved))
    printed: list[str] = []
    with (
        pytest.raises(LearnerError),
        contained_maker(SELF, f"{HOSTILE}:EscapeCodes", "cpu", printed.append) as make,
    ):
        make(1, V1.lanes).learn(practice_lanes(steps_per_lane=10))
    assert "RuntimeError" in "".join(printed)
    assert not list(saved.iterdir())
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(str(saved).encode() in command for command in running)


def test_only_the_learner_of_a_box_is_listened_to(monkeypatch):
    """Whoever else calls first is turned away, and the learner's own call is taken."""
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setattr("tempfile.tempdir", name)
        turned_away: list[bool] = []

        def intrude(path: Path) -> None:
            stranger = socket.socket(socket.AF_UNIX)
            stranger.connect(str(path))
            stranger.settimeout(60)
            with stranger, suppress(ConnectionResetError):
                turned_away.append(stranger.recv(1) == b"")

        with open_box(SELF, f"{HOSTILE}:EscapeCodes", "cpu", lambda text: None) as box:
            (path,) = Path(name).glob(f"{FOLDER_PREFIX}*/*/{SOCKET}")
            intruder = Thread(target=intrude, args=(path,))
            intruder.start()
            with box.connect() as called:
                assert b"hello" in called.recv(1000)
            intruder.join()
    assert turned_away == [True]


def test_what_a_killed_run_left_goes_with_the_next(monkeypatch):
    """The folder of a box whose process was killed is removed; that of one that runs is not."""
    code = (
        "from suite.contained.boxes import open_box\n"
        "from tests.suite.contained.boxed import SELF\n"
        "with open_box(SELF, 'baselines.uniform:make', 'cpu', print):\n"
        "    print('open', flush=True)\n"
        "    input()\n"
    )
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setattr("tempfile.tempdir", name)
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"TMPDIR": name},
        ) as harness:
            assert harness.stdout is not None
            assert harness.stdout.readline() == b"open\n"
            remove_orphans(SELF)
            (left,) = Path(name).glob(f"{FOLDER_PREFIX}*")
            harness.kill()
        assert left.exists()
        remove_orphans(SELF)
        assert not left.exists()


def test_owners_are_told_apart():
    """A process runs under its own name and has ended under an earlier one; of elsewhere nothing is said."""
    place, pid, ticks = owner().split(".")
    assert not has_ended(owner())
    assert has_ended(f"{place}.{pid}.1")
    assert has_ended(f"{place}.4194304000.{ticks}")
    assert not has_ended(f"elsewhere.{pid}.1")
    assert not has_ended("nonsense")
