"""The shipped contract test accepts learners that satisfy the contract and reports violations."""

import pytest

from protocol import LearnerError, UnknownName
from suite.learners.check import check_learner
from tests.suite.cli.test_cli import refused


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("EarlyStop", "before the budget was spent"),
        ("BadActions", "cannot be played"),
        ("FloatActions", "cannot be played"),
        ("IgnoresSeed", "does not use its seed"),
        ("Unseeded", "same seed"),
        ("Pickles", "pickle"),
        ("SavesNothing", "wrote nothing"),
        ("LearnsInAct", "must not learn"),
        ("ConfiguredBySeed", "differs between seeds"),
        ("NoConfiguration", "JSON-able"),
        ("ChangesInputs", "changed its inputs"),
        ("CannotGoOn", "before the budget was spent"),
    ],
)
def test_each_broken_contract_is_named(name, complaint):
    """The error for a learner that breaks the contract in one way names that way."""
    with pytest.raises((LearnerError, ValueError), match=complaint):
        check_learner(f"tests.suite.bad_learners:{name}", steps_a_lane=10)


def test_what_passed_and_what_was_not_tried_is_said(capsys):
    """A learner that keeps the contract is told so, with the steps played and what they cannot show."""
    check_learner("baselines.uniform:make", steps_a_lane=10)
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0] == "passed: baselines.uniform:make keeps the contract in 80 agent steps of breakout and pong"
    )
    assert lines[1] == "not tried: learning; 10 steps a lane left what it saves as it was"
    assert all(line.startswith("not tried: ") for line in lines[1:])
    check_learner("tests.suite.bad_learners:Counts", steps_a_lane=10)
    assert "not tried: learning" not in capsys.readouterr().out


def test_the_command_checks_in_a_process_of_its_own(amtlb):
    """``amtlb check`` prints what passed, or one error; a learner's own fault is traced into its code."""
    done = amtlb("check", "baselines.uniform:make", "--steps-a-lane", "10")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("passed: baselines.uniform:make keeps the contract in 80 agent steps")
    refused(amtlb("check", "nowhere:make"), 2, "'nowhere:make'")
    refused(amtlb("check", "tests.suite.bad_learners:EarlyStop"), 1, "before the budget was spent")
    done = amtlb("check", "tests.suite.bad_learners:Raises")
    assert done.returncode == 1
    assert "bad_learners.py" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("failed with RuntimeError: the learner's own fault")


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
