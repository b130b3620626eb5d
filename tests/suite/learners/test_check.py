"""The shipped contract test accepts learners that satisfy the contract and reports violations."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from protocol import LearnerError, UnknownName
from suite.learners.check import check_learner, holds_pickle
from tests.suite.helpers import refused

slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("EarlyStop", "before the budget was spent"),
        ("BadActions", "cannot be played"),
        slow("FloatActions", "cannot be played"),
        slow("IgnoresSeed", "does not use its seed"),
        ("Unseeded", "the same seed and checkpoint act differently"),
        slow("LearnsUnseeded", "the same seed saved another checkpoint"),
        ("Pickles", "pickle"),
        slow("NamesItsFolder", "the name of its folder into settings"),
        slow("SavesNothing", "wrote nothing"),
        slow("ForgetsOnLoad", "load and save give another checkpoint"),
        slow("ActsBeyond", "act gave actions .* integers from 0 to 17"),
        slow("ActsByHalves", "act gave actions of shape .8,. and type float64"),
        ("ActsAsAPair", "a tuple of parts of different shapes cannot be played"),
        ("SavesTheTime", "save, called twice, wrote different files"),
        ("StopsAtOnce", "before the budget was spent"),
        ("returns_nothing", "returned NoneType, which has no configuration, learn, act, save, load"),
        ("takes_more", r"called as takes_more\(seed, lanes\), and missing .*: 'rate'; give every other"),
        ("ConfiguredBeyond", r"configuration.rates.1 is nan, and JSON has finite numbers only"),
        ("LearnsInAct", "must not learn"),
        slow("ConfiguredBySeed", "differs between seeds"),
        slow("NoConfiguration", "JSON-able"),
        slow("ConfiguredAtLength", "has 100,022 bytes as JSON, at most 65,536 fit into a record"),
        slow("ChangesInputs", "changed its inputs"),
        slow("CannotGoOn", "before the budget was spent"),
        slow("HalfResumable", "it has save_state alone"),
        slow("ResumesUntrained", "after load_state it saves another checkpoint"),
        ("ResumesElsewhere", "after load_state it acts otherwise"),
    ],
)
def test_each_broken_contract_is_named(name, complaint):
    """The error for a learner that breaks the contract in one way names that way."""
    with pytest.raises((LearnerError, UnknownName, ValueError), match=complaint):
        check_learner(f"tests.suite.bad_learners:{name}", steps_per_lane=10)


def write_pickle(path, protocol):
    path.write_bytes(pickle.dumps(np.zeros(2), protocol=protocol))


def write_weights(path, name):
    save_file({name: torch.zeros(2)}, path)


@pytest.mark.parametrize(
    ("save", "held"),
    [
        *((partial(write_pickle, protocol=protocol), True) for protocol in range(6)),
        (lambda path: path.write_bytes(pickle.dumps([1.0])), True),
        (lambda path: np.save(path, np.array([{}, 1], dtype=object), allow_pickle=True), True),
        (lambda path: np.savez(path, names=np.array(["a", None], dtype=object)), True),
        (lambda path: torch.save({"weights": torch.zeros(2)}, path), True),
        (lambda path: np.save(path, np.zeros(3)), False),
        (lambda path: np.savez(path, weights=np.zeros(3), bias=np.ones(1)), False),
        (lambda path: save_file({"weights": torch.zeros(2)}, path), False),
        # A header of 128 and more bytes may begin as a pickle does.
        *((partial(write_weights, name="w" * count), False) for count in range(60, 80)),
        (lambda path: path.write_text('{"a": 1}'), False),
        (lambda path: path.write_text("cat\ndog\n.\n"), False),
        (lambda path: path.write_text("0."), False),
        (lambda path: path.write_bytes(b""), False),
    ],
)
def test_files_whose_reading_runs_code_are_told_from_others(tmp_path, save, held):
    """Pickles, arrays of objects and zips that have one are found; arrays of numbers and text are none."""
    save(tmp_path / "file.npz")
    (path,) = tmp_path.iterdir()
    assert holds_pickle(path) == held


def test_what_passed_and_what_was_not_tried_is_said(capsys):
    """A learner that keeps the contract is told so, with the steps played and what they cannot show."""
    check_learner("baselines.uniform:make", steps_per_lane=10)
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0] == "passed: baselines.uniform:make keeps the contract in 80 agent steps of breakout and pong"
    )
    assert lines[1] == "not tried: learning; 10 steps per lane left what it saves as it was"
    assert all(line.startswith("not tried: ") for line in lines[1:])
    check_learner("tests.suite.bad_learners:Counts", steps_per_lane=10)
    assert "not tried: learning" not in capsys.readouterr().out


def test_the_command_checks_in_a_process_of_its_own(amtlb):
    """``amtlb check`` prints what passed, or one error; a learner's own fault is traced into its code."""
    done = amtlb("check", "baselines.uniform:make", "--steps-per-lane", "10")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("passed: baselines.uniform:make keeps the contract in 80 agent steps")
    refused(amtlb("check", "nowhere:make"), 2, "'nowhere:make'")
    refused(amtlb("check", "tests.suite.bad_learners:EarlyStop"), 1, "before the budget was spent")
    done = amtlb("check", "tests.suite.bad_learners:Raises")
    assert done.returncode == 1
    assert "bad_learners.py" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("failed with RuntimeError: the learner's own fault")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Exits", "its process ended with status 0 before the check was over, and said nothing"),
        ("Killed", "its process was ended by SIGKILL"),
        ("DiesLoudly", "its process ended with status 3, incomplete; its log ends with 'out of ideas'"),
        ("LeavesBySysExit", "the learner left the check by sys.exit(0)"),
        ("RaisesItsOwnKind", "failed with KeyboardInterrupt"),
        ("FailsByValue", "failed with ValueError: operands could not be broadcast together"),
        ("GoesOn", "the learner goes on after its 320 frames are spent"),
    ],
)
def test_a_learner_that_ends_the_process_has_not_passed(amtlb, name, said):
    """However a learner leaves the check, it exits with 1, and the last line says how."""
    done = amtlb("check", f"tests.suite.bad_learners:{name}", "--steps-per-lane", "10")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last


@pytest.mark.parametrize(
    "name",
    [
        "",
        "uniform",
        "baselines.uniform",
        ":make",
        "baselines.uniform:",
        "no_such:make",
        "math:nothing",
        "math:pi",
    ],
)
def test_unknown_learners_are_told(name):
    """A malformed name, module or function that does not exist is an UnknownName."""
    with pytest.raises(UnknownName):
        check_learner(name)
