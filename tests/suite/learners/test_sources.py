"""A change of a learner's code is seen, and a change of anything else is not."""

import importlib
import shutil
import sys

import pytest

from suite.learners.contract import find_learner
from suite.learners.sources import code_digest
from tests.golden import ROOT


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a learner, a module that it uses, and one that nothing uses."""
    (tmp_path / "nets_of_mine").mkdir()
    (tmp_path / "nets_of_mine/__init__.py").write_text("")
    (tmp_path / "nets_of_mine/deep.py").write_text("WIDTH = 8")
    (tmp_path / "learner_of_mine.py").write_text(
        "from nets_of_mine.deep import WIDTH\ndef make(seed, lanes): ..."
    )
    (tmp_path / "unused_of_mine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if "_of_mine" in name]:
        del sys.modules[name]


@pytest.mark.parametrize("learner", ["learner_of_mine:make", "nets_of_mine.deep:make"])
@pytest.mark.parametrize(
    ("changed", "is_seen"),
    [("nets_of_mine/deep.py", True), ("unused_of_mine.py", False), ("notes.txt", False)],
)
def test_the_digest_is_of_what_is_loaded(folder, learner, changed, is_seen):
    """It changes with the learner's module and those that it uses, wherever they are called from."""
    importlib.invalidate_caches()
    find_learner("learner_of_mine:make")
    before = code_digest(learner)
    assert before is not None
    with (folder / changed).open("a") as file:
        file.write("\n# changed\n")
    assert (code_digest(learner) != before) is is_seen


def test_the_place_does_not_count(folder, tmp_path_factory, monkeypatch):
    """The same code in another folder has the same digest."""
    find_learner("learner_of_mine:make")
    before = code_digest("learner_of_mine:make")
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(folder, other, dirs_exist_ok=True)
    for name in [name for name in sys.modules if "_of_mine" in name]:
        del sys.modules[name]
    sys.path.remove(str(folder))
    monkeypatch.chdir(other)
    importlib.invalidate_caches()
    find_learner("learner_of_mine:make")
    assert str(other) in str(sys.modules["learner_of_mine"].__file__)
    assert code_digest("learner_of_mine:make") == before


def test_of_our_own_learners_their_package_counts():
    """The files of the baselines, and none of the suite or the tests, which the commit tells."""
    find_learner("baselines.uniform:make")
    before = code_digest("baselines.uniform:make")
    assert before is not None
    assert ROOT.joinpath("baselines").is_dir()
    importlib.import_module("tests.suite.bad_learners")
    assert code_digest("baselines.uniform:make") == before


def test_a_learner_in_a_box_has_none():
    """A learner that is not loaded in this process has no digest here."""
    assert code_digest("not_loaded_here:make") is None
