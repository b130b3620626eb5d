"""The house: imports point down only, light modules stay light, every test says what it claims."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests import ROOT

BELOW = {
    "protocol": set(),
    "suite": {"protocol"},
    "baselines": {"protocol", "suite"},
    "amtlb": {"protocol", "suite"},
}
"""The floors, and what each imports: the front door stands on the suite, and nothing imports the front door."""
ROOMS = (
    "shadows",
    "machine",
    "digests",
    "untrusted",
    "results",
    "emulator",
    "submission",
    "scoring",
    "lanes",
    "episodes",
    "report",
    "learners",
    "contained",
    "run",
    "tracking",
    "benchmark",
    "verify",
    "leaderboard",
    "release",
    "cli",
)
"""The rooms of the suite, bottom to top: each imports only those before it (CONTRIBUTING.md lists them)."""
LIGHT = (
    "protocol",
    "suite.scoring.curves",
    "suite.scoring.score",
    "suite.scoring.comparison",
    "suite.release.baselines",
    "suite.report.page",
    "suite.leaderboard.page",
    "suite.verify.audit",
    "suite.verify.verification",
    "suite.results.store",
    "suite.results.ledger",
    "suite.lanes.schedules",
    "suite.benchmark.edition",
    "suite.benchmark.cost",
    "suite.benchmark.pace",
    "suite.cli.printing",
    "suite.cli.commands",
    "suite.tracking.publish",
    "suite.tracking.reader",
    "suite.tracking.tracker",
)
"""Modules that run anywhere in a second: no emulator, no torch, no client of a database."""


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def arrows() -> set[tuple[str, str]]:
    """The imports in the suite, as (importer, imported), those for types or inside functions included."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / "suite").rglob("*.py")
    }
    found = set()
    for module, path in paths.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                names = {name if name in paths else str(node.module) for name in whole}
            else:
                continue
            found |= {(module, name) for name in names if name in paths and name != module}
    return found


@pytest.mark.parametrize("floor", BELOW)
def test_imports_point_down(floor):
    """A floor imports itself and the floors below it, never one above or the tests."""
    for path in (ROOT / floor).rglob("*.py"):
        ours = imported(path) & {*BELOW, "tests"}
        assert ours <= BELOW[floor] | {floor}, path


def test_every_room_has_its_place():
    """The order names every room of the suite and no other, and CONTRIBUTING.md says what each owns."""
    inside = {
        path.stem
        for path in (ROOT / "suite").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert inside - {"__init__"} == set(ROOMS)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `suite/(\w+)(?:\.py|/)` \|", text, re.MULTILINE) == list(ROOMS)


def texts() -> set[tuple[str, str]]:
    """The modules of the suite that are named in others' texts, to start or load, as (module, named module)."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in (ROOT / "suite").glob("*/**/*.py")
    }
    return {
        (module, node.value)
        for module, path in modules.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in modules
    }


def test_a_room_imports_only_rooms_below_it():
    """No import runs up, be it for types only, inside a function, or by a module's name in a text."""
    place = {room: number for number, room in enumerate(ROOMS)}
    up = [
        f"{importer} -> {imported}"
        for importer, imported in sorted(arrows() | texts())
        if importer != "suite" and place[imported.split(".")[1]] > place[importer.split(".")[1]]
    ]
    assert not up


def test_no_circle_of_modules():
    """The modules of the suite can be put in an order in which each imports only those before it."""
    needs: dict[str, set[str]] = {}
    for importer, imported in arrows():
        needs.setdefault(importer, set()).add(imported)
    list(TopologicalSorter(needs).static_order())  # raises CycleError, which names the circle


def test_the_top_of_the_suite_is_nearly_empty():
    """At most three modules lie next to the rooms."""
    assert len([path for path in (ROOT / "suite").glob("*.py") if path.stem != "__init__"]) <= 3


def test_the_ground_floor_needs_little():
    """The protocol imports the standard library, pydantic and rfc8785."""
    for path in (ROOT / "protocol").rglob("*.py"):
        assert imported(path) <= {*sys.stdlib_module_names, "protocol", "pydantic", "rfc8785"}, path


def test_torch_lives_on_the_top_floor():
    """Only the baselines import torch and Stable-Baselines3."""
    for floor in ("protocol", "suite", "amtlb"):
        for path in (ROOT / floor).rglob("*.py"):
            assert not imported(path) & {"torch", "stable_baselines3", "safetensors"}, path


def test_every_library_that_is_imported_is_named():
    """Each library that the project imports is among its dependencies, not only brought along by one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {*project["dependencies"], *project["optional-dependencies"]["offline"]}
    named |= {*project["optional-dependencies"]["tensorboard"]}
    names = {re.split(r"[\[<>=]", one)[0] for one in named}
    distributions = packages_distributions()
    used = {name for floor in BELOW for path in (ROOT / floor).rglob("*.py") for name in imported(path)}
    libraries = used - {*sys.stdlib_module_names, *BELOW, ""}
    assert len(libraries) > 15
    assert {name for name in libraries if not names & {_normal(own) for own in distributions[name]}} == set()


def _normal(distribution: str) -> str:
    """A distribution's name as the dependencies spell it."""
    return distribution.lower().replace("_", "-")


def test_light_modules_import_no_heavy_library():
    """The modules that plan, store, score and display import no ale-py, torch, Sacred or pymongo."""
    code = """
import sys
from importlib import import_module
heavy = {"ale_py", "torch", "cv2", "gymnasium", "sacred", "pymongo", "gridfs"}
for module in sys.argv[1:]:
    import_module(module)
    if brought := heavy & set(sys.modules):
        raise SystemExit(f"{module} brings {brought}")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *LIGHT], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_process_of_a_run_knows_no_database():
    """The process of a run imports neither Sacred nor pymongo."""
    code = (
        "import sys, suite.run.child; print(sorted({'sacred', 'pymongo', 'gridfs', 'bson'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_every_test_states_a_claim():
    """Each test function has a docstring of its own, and each module says what it owns."""
    for path in (ROOT / "tests").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not path.read_text(encoding="utf-8"):
            continue
        assert ast.get_docstring(tree), path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_docstrings_begin_with_the_thing():
    """Each docstring, that of an attribute too, names its thing first, rather than asking "What" or "How"."""
    question = re.compile(r"\s*(What|How|Which|Who|Where|Whether)\b")
    found = [
        f"{path}:{node.lineno}: {text[:40]}"
        for folder in (*BELOW, "examples", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(text := node.value.value, str) and question.match(text)
    ]
    assert found == []


def test_a_boxed_learner_needs_no_emulator():
    """The learner's side of a contained run imports no emulator, no torch, nothing heavy."""
    heavy = {"ale_py", "cv2", "dask", "docker", "matplotlib", "pyarrow", "sacred", "scipy", "torch"}
    code = f"import sys, suite.contained.client; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
