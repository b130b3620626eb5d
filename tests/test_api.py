"""The front door: every public name is there, is explained, and costs nothing before it is used."""

import ast
import doctest
import importlib.metadata
import inspect
import re
import subprocess
import sys

import pytest

import amtlb
from suite.results.schema import LEDGER_SCHEMA
from tests import ROOT

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")
NAMES = [name for name in amtlb.__all__ if name != "__version__"]
READING_AND_JUDGING = (
    "compare",
    "current_protocol",
    "open_results",
    "published_baselines",
    "read_ledger",
    "score",
    "verify",
    "write_report",
)


def loaded_by(code: str) -> set[str]:
    """The top packages that a fresh interpreter has loaded after some code, beside those of the library."""
    script = f"import sys; {code}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) - set(sys.stdlib_module_names)


def test_the_import_alone_loads_nothing():
    """``import amtlb`` loads no room, no numpy, no emulator and no torch."""
    assert loaded_by("import amtlb") & {"protocol", "suite", "baselines", "numpy", "pydantic"} == set()


def test_a_learner_needs_no_emulator():
    """The names that a boxed learner uses load neither emulator nor torch."""
    loaded = loaded_by("import amtlb; amtlb.BudgetExhausted, amtlb.Learner")
    assert "protocol" in loaded
    assert loaded & {"ale_py", "cv2", "gymnasium", "pyarrow", "torch"} == set()


def test_reading_and_judging_need_no_emulator():
    """The names that read and judge results load neither emulator nor torch, nor a client of a database."""
    loaded = loaded_by("import amtlb; " + "; ".join(f"amtlb.{name}" for name in READING_AND_JUDGING))
    assert "pyarrow" in loaded
    assert loaded & {"ale_py", "cv2", "gymnasium", "torch", "sacred", "pymongo"} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_resolves_and_has_a_docstring(name):
    """A public name is the object of its room, and says itself what it is."""
    found = getattr(amtlb, name)
    assert found.__name__ == name
    assert len(inspect.getdoc(found) or "") > 20


def test_a_name_that_is_not_public_is_refused():
    """Any other name is an AttributeError, as of any module; ``dir`` lists those that are."""
    with pytest.raises(AttributeError, match="'amtlb' has no attribute 'plan'"):
        amtlb.plan  # noqa: B018
    assert set(amtlb.__all__) <= set(dir(amtlb))


def test_the_version_is_the_packages():
    """``__version__`` is the version that is installed."""
    assert amtlb.__version__ == importlib.metadata.version("amtlb")


def test_type_checkers_see_what_the_interpreter_loads():
    """The imports for type checkers bring each public name, from the module where the interpreter finds it."""
    tree = ast.parse((ROOT / "amtlb/__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("protocol", "suite")
        for alias in node.names
    }
    assert imported == {name: amtlb._HOMES.get(name, "protocol") for name in NAMES}


def test_the_page_explains_every_name_and_no_other():
    """The tables of docs/api.md hold each public name once, and each column of a ledger."""
    rows = re.findall(r"^\| `(\w+)` \| .{20,}\|$", PAGE, re.MULTILINE)
    columns = re.findall(r"^\| `(\w+)` \|", PAGE.partition("| column |")[2].partition("\n\n")[0], re.MULTILINE)
    assert columns == LEDGER_SCHEMA.names
    assert sorted(set(rows) - set(columns)) == sorted(amtlb.__all__)
    assert len([row for row in rows if row not in columns]) == len(amtlb.__all__)
    assert set(re.findall(r"amtlb\.(\w+)", PAGE)) <= set(amtlb.__all__)


def examples_of(name: str) -> list[doctest.DocTest]:
    """The example in a public name's own docstring, if there is one."""
    found = getattr(amtlb, name)
    text = inspect.getdoc(found) or ""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    return [test] if test.examples else []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "write_report" else [])  # it plays episodes
        for name in NAMES
        if examples_of(name)
    ],
)
def test_the_example_of_a_name_runs(name, tmp_path, monkeypatch):
    """The example in a docstring runs as it is shown."""
    monkeypatch.chdir(tmp_path)
    (test,) = examples_of(name)
    runner = doctest.DocTestRunner(verbose=False)
    said: list[str] = []
    assert runner.run(test, out=said.append).failed == 0, "".join(said)


def test_most_functions_show_an_example():
    """Each public function has an example that runs."""
    functions = [name for name in NAMES if inspect.isfunction(getattr(amtlb, name))]
    assert [name for name in functions if not examples_of(name)] == []
