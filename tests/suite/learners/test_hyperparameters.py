"""Hyper-parameters from outside: read, handed to the learner, and in its configuration or refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import LearnerError, UnknownName
from suite.cli.hyperparameters import hyperparameters
from suite.learners.contract import checked_configuration, find_learner
from suite.learners.hyperparameters import VARIABLE
from tests.suite.helpers import refused

TUNABLE = "tests.suite.tunable"
RUN = ["run", "smoke/fresh/breakout/seed0", "--learner", f"{TUNABLE}:make"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x=1e-4", 0.0001),
        ("x=3", 3),
        ("x=true", True),
        ("x=[32, 64]", [32, 64]),
        ('x={"a": null}', {"a": None}),
        ('x="3"', "3"),
        ("x=adam", "adam"),
        ("x=a=b", "a=b"),
        ("x=", ""),
    ],
)
def test_values_are_json_or_text(text, value):
    """A value is read as JSON, and what is none is text."""
    assert json.loads(hyperparameters([text], None)) == {"x": value}


@given(
    st.dictionaries(st.from_regex(r"x[a-z_]{0,9}", fullmatch=True), st.integers() | st.booleans() | st.text())
)
def test_whatever_is_json_comes_through(values):
    """Values that JSON knows come out as they were given."""
    said = hyperparameters([f"{name}={json.dumps(value)}" for name, value in values.items()], None)
    assert json.loads(said or "{}") == values


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "=1",
        "a-b=1",
        "x=True",
        "x=None",
        "x=NaN",
        "x=[Infinity]",
        "x=1e999",
        "x=.5",
        "x=+3",
        "x=1_000",
        "x=inf",
        f"x={DEEP}",
        "y" * 10**6,
        "",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_hyperparameter_is_refused(text):
    """A text of another form, or a value that only Python or no JSON has, is named."""
    with pytest.raises(UnknownName, match="--set ") as found:
        hyperparameters([text], None)
    assert len(str(found.value)) < 300


def test_options_go_before_the_file(tmp_path):
    """A file, JSON or TOML, gives hyper-parameters; --set replaces single ones."""
    (tmp_path / "h.toml").write_text("epsilon = 0.1\nlayers = [8]\n")
    (tmp_path / "h.json").write_text('{"epsilon": 0.1, "layers": [8]}')
    for name in ("h.toml", "h.json"):
        said = json.loads(hyperparameters(["epsilon=0.2"], tmp_path / name))
        assert said == {"epsilon": 0.2, "layers": [8]}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("h.yaml", "a: 1", "neither .json nor .toml"),
        ("h.json", "[1]", "no table"),
        ("h.json", "{", "is not JSON"),
        ("h.json", '{"a": NaN}', "is not JSON"),
        ("h.json", '{"a": 1, "a": 2}', "is not JSON"),
        ("h.json", DEEP, "is nested without end"),
        ("h.toml", f"a = {DEEP}", "is nested without end"),
        ("h.toml", "a = inf", "JSON does not know"),
        ("h.toml", "a = 2026-01-01", "JSON does not know"),
        ("h.toml", None, "cannot be read"),
    ],
    ids=lambda text: str(text)[:12],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, text, words):
    """A file of another kind, without a table, or with values that JSON lacks is refused by name."""
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UnknownName, match=words):
        hyperparameters(None, tmp_path / name)


@pytest.mark.parametrize(
    ("function", "chosen"), [("make", {"epsilon": 0.25, "layers": [8, 8]}), ("open_to_all", {"anything": [1]})]
)
def test_they_become_the_configuration(monkeypatch, function, chosen):
    """A learner is made with what was given, and its configuration and digest say so."""
    monkeypatch.delenv(VARIABLE, raising=False)
    before = checked_configuration(find_learner(f"{TUNABLE}:{function}")(1, 8))[1]
    monkeypatch.setenv(VARIABLE, json.dumps(chosen))
    configuration, digest = checked_configuration(find_learner(f"{TUNABLE}:{function}")(1, 8))
    assert {name: configuration[name] for name in chosen} == chosen
    assert digest != before


def test_what_a_learner_does_not_take_is_refused(monkeypatch):
    """A name that its function lacks is refused with those that it has, and a configuration without it, too."""
    monkeypatch.setenv(VARIABLE, '{"epsilom": 1}')
    with pytest.raises(
        UnknownName, match="no hyper-parameter 'epsilom'; its function takes epsilon, layers, name"
    ):
        find_learner(f"{TUNABLE}:make")
    with pytest.raises(UnknownName, match="its function takes seed and lanes only"):
        find_learner("baselines.uniform:make")
    monkeypatch.setenv(VARIABLE, '{"seed": 1}')
    for name in (f"{TUNABLE}:make", "baselines.uniform:make"):
        with pytest.raises(UnknownName, match="seed is no hyper-parameter"):
            find_learner(name)
    monkeypatch.setenv(VARIABLE, '{"epsilon": 1}')
    with pytest.raises(LearnerError, match="was given epsilon=1, and its configuration does not say so"):
        find_learner(f"{TUNABLE}:forgetful")(1, 8)


@pytest.mark.slow
def test_a_run_has_them_in_its_record(amtlb, tmp_path, monkeypatch):
    """`--set` reaches the learner; a folder takes runs of one choice only, and the environment gives none."""
    monkeypatch.setenv(VARIABLE, '{"epsilon": 7}')
    refused(amtlb(*RUN, "--out", tmp_path, "--set", "gamma=1"), 2, "'gamma'", "epsilon, layers, name")
    done = amtlb(*RUN, "--out", tmp_path, "--set", "epsilon=1e-4", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["configuration"] == {
        "algorithm": "tunable",
        "epsilon": 0.0001,
        "layers": [32, 64],
        "name": "plain",
    }
    other = ["--out", tmp_path, "--set", "epsilon=0.2"]
    refused(amtlb(*RUN, *other), 1, "epsilon=0.0001, not with 0.2", "--out")
    refused(amtlb("benchmark", *RUN[2:], *other), 1, "epsilon=0.0001, not with 0.2")


@pytest.mark.slow
def test_they_reach_a_learner_in_a_box(amtlb, tmp_path):
    """A learner in a process of its own is given them as well."""
    box = ["--contained", "process", "--box-user", "root"]
    done = amtlb(*RUN, "--out", tmp_path, "--set", "epsilon=0.25", *box, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["configuration"]["epsilon"] == 0.25
