"""The shipped contract test accepts learners that satisfy the contract and reports violations."""

import pytest

from protocol import LearnerError, UnknownName
from suite.learners.check import check_learner


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
    ],
)
def test_each_broken_contract_is_named(name, complaint):
    """The error for a learner that breaks the contract in one way names that way."""
    with pytest.raises((LearnerError, ValueError), match=complaint):
        check_learner(f"tests.suite.bad_learners:{name}", steps_a_lane=10)


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
