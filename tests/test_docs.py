"""Prose is tested: every command that the pages show runs, or a reason says why it cannot here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import amtlb
from protocol import BudgetExhausted, load
from suite.learners.practice import practice_lanes
from suite.results.published import published_folder
from suite.tracking.mongo_url import VARIABLE
from tests import ROOT
from tests.bench.cost import steps_row
from tests.starter import AMTLB
from tests.suite.tracking.servers import a_database

RUN_ELSEWHERE = {
    "make benchmark": "takes minutes: tests/fresh runs it in a clean clone on a fresh system",
    "make compare": "needs a benchmark's results: tests/fresh runs it after one",
    "make report": "likewise",
    "make verify SUBMISSION=submission": "make verifier-table replays all published baselines likewise",
    "make verify-baselines EDITION=lite SAMPLE=0.005": "takes minutes: .ci/run does it",
    "make baselines EDITION=smoke": "takes minutes where runs are missing: tests/slow/test_end_to_end.py",
    "make test": "is what runs this test",
    "make image TORCH_INDEX=https://download.pytorch.org/whl/cpu": "needs Docker: "
    "tests/image/test_build.py runs it with the files that this machine finds",
    'docker run --rm --network none -v "$PWD/out:/out" amtlb:0.1.0-cpu make benchmark': "needs the image: "
    "tests/image/test_play.py runs it",
    "docker run --rm --network none --read-only --tmpfs /tmp amtlb:0.1.0-cpu make test": "likewise, "
    "where `make test-image IMAGE_TESTS=image` asks for it: it takes minutes",
    ".venv/bin/amtlb benchmark --learner my_learner:make": "takes minutes: "
    "tests/image/test_contained.py plays an edition with this learner, and SLOW has a run of it from here",
    ".venv/bin/amtlb benchmark --learner my_learner:make --contained process": "needs a Python that others "
    "may run: tests/image/test_contained.py plays so in the image",
    ".venv/bin/amtlb benchmark --image my-learner --learner my_learner:make": "needs an image of it: "
    "tests/image/test_contained.py runs the next four, one of which is this with a folder of its own",
    "docker build -t my-learner docs/submission": "likewise",
    ".venv/bin/amtlb benchmark --image my-learner --learner my_learner:make "
    "--out results/contained": "likewise",
    ".venv/bin/amtlb submit results/contained contained --name lucky "
    '--author "A. Author" --code https://example.org/commit/abc --deterministic': "likewise",
    ".venv/bin/amtlb verify contained --replay --retrain smoke/fresh/breakout/seed0 "
    "--image my-learner": "likewise",
    ".venv/bin/python examples/actor_critic.py": "tests/test_examples.py runs it",
    "make site": "takes minutes: tests/slow/test_site_browser.py runs what it calls",
    "make sbom": "needs the image: tests/image/test_build.py runs it",
    "make benchmark DEVICE=cuda": "needs a GPU: tests/test_setup.py holds what it calls",
    "make setup DEVICE=cpu": "changes the environment that runs this test: tests/test_setup.py holds when",
    "make benchmark EDITION=lite LEARNER=baselines.uniform:make OUT=results/my-lite": "takes hours",
    "docker compose up -d mongo": "needs an engine and an image registry: tests/test_compose.py reads the file",
    "docker compose run --rm benchmark": "likewise",
    "docker compose --profile omniboard up -d": "likewise",
    ".venv/bin/amtlb verify submission --replay --finished replayed --scheduler tcp://127.0.0.1:8786": "needs "
    "a cluster: tests/suite/verify/test_replay.py replays on one",
    ".venv/bin/amtlb benchmark --edition full --scheduler tcp://127.0.0.1:8786": "takes months; "
    "tests/suite/benchmark/test_cluster.py plays through a scheduler",
    ".venv/bin/amtlb cluster check --scheduler tcp://127.0.0.1:8786 --learner baselines.ppo:make": "likewise",
    ".venv/bin/dask scheduler --port 8786": "never ends: tests/suite/clusters.py starts one",
    ".venv/bin/dask worker tcp://127.0.0.1:8786 --nthreads 8 --local-directory /scratch": "likewise",
    "docs/cluster/submit.sh full baselines.ppo:make /shared/results --partition=cpu": "needs Slurm: "
    "docs/clusters.md says what was run",
    ".venv/bin/python docs/cluster/jobqueue.py full baselines.ppo:make 40": "likewise",
}

SUBMIT = (
    ".venv/bin/amtlb submit results/smoke/baselines.ppo submission --name my-learner "
    '--author "A. Author" --code https://example.org/commit/abc'
)
SLOW = (
    ".venv/bin/amtlb report results/smoke/baselines.ppo",
    ".venv/bin/amtlb leaderboard results/smoke/baselines.ppo uniform --out leaderboard",
    ".venv/bin/amtlb leaderboard results/smoke/baselines.ppo uniform ppo --out leaderboard",
    ".venv/bin/amtlb watch ppo/fresh/breakout/seed0 --beside ppo/transfer/fold1/breakout/seed0 "
    "--phase training --episode last --out beside.gif",
    ".venv/bin/amtlb watch ppo/generalist/seed0 --game space_invaders --speed 2 --scale 2 "
    "--out space_invaders.webp",
    ".venv/bin/amtlb export results/smoke/baselines.ppo/generalist/seed0 --format npz --game breakout "
    "--out export",
    ".venv/bin/amtlb check my_learner:make --steps-per-lane 200",
    ".venv/bin/amtlb verify submission --sample 0.05 --markdown",
    ".venv/bin/amtlb benchmark --edition lite --dry-run",
    ".venv/bin/amtlb verify submission --sample 0.05 --seed 7",
    ".venv/bin/amtlb verify submission --sample 0.05 --finished replayed",
    ".venv/bin/amtlb verify submission --retrain smoke/fresh/breakout/seed0",
    ".venv/bin/amtlb protocol check",
    ".venv/bin/amtlb run smoke/fresh/breakout/seed0",
    ".venv/bin/amtlb run smoke/fresh/breakout/seed0 --learner my_learner:make --set exploration=0.1 "
    "--out results/tuned",
    ".venv/bin/amtlb run smoke/fresh/asterix/seed0 --learner my_learner:make --foreground",
)
"""The commands that `make test-slow` runs: long ones, and those that replay or train again."""
LONG = (".venv/bin/amtlb verify submission --retrain 6 --seed 7",)
"""The commands that `make test-long` runs."""
MARKS = dict.fromkeys(SLOW, pytest.mark.slow) | dict.fromkeys(LONG, pytest.mark.long)


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def commands() -> list[str]:
    """All lines of all blocks of commands but their comments, each once."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    lines = [line for page in pages for block in blocks(page, "sh") for line in block.strip().splitlines()]
    return [line for line in dict.fromkeys(lines) if not line.startswith("# ")]


def learner_of_the_docs() -> str:
    (whole,) = (block for block in blocks(ROOT / "docs/learners.md", "python") if "def make(" in block)
    return whole


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory) -> Path:
    """A folder as the README leads to it: results of an edition, and the learner of the docs."""
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(published_folder("uniform", "smoke"), folder / "results/smoke/baselines.ppo")
    for name in ("examples", "artifacts", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "my_learner.py").write_text(learner_of_the_docs())
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return folder


@pytest.fixture(scope="module")
def database_url(tmp_path_factory) -> Iterator[str]:
    """Of a database that has what the README publishes before it compares."""
    with a_database(tmp_path_factory.mktemp("server")) as url:
        environment = os.environ | {VARIABLE: url}
        command = [AMTLB, "publish", "uniform"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        yield url


@pytest.mark.parametrize(
    "command",
    [pytest.param(line, marks=MARKS.get(line, ())) for line in commands() if line not in RUN_ELSEWHERE],
)
def test_every_shown_command_runs(newcomer, tmp_path, command, request):
    """A command of the README or the docs exits with 0 in a newcomer's folder."""
    if command.endswith("run smoke/fresh/breakout/seed0"):  # those results are another learner's
        shutil.copytree(newcomer, tmp_path / "alone", symlinks=True, ignore=shutil.ignore_patterns("results"))
        newcomer = tmp_path / "alone"
    if " verify " in command and not (newcomer / "submission").exists():
        subprocess.run(SUBMIT, shell=True, cwd=newcomer, check=True, capture_output=True)
    if " submit " in command:
        shutil.rmtree(newcomer / "submission", ignore_errors=True)
    environment = os.environ | {"PYTHONPATH": str(newcomer)}
    if " publish " in command or VARIABLE in command:
        environment[VARIABLE] = request.getfixturevalue("database_url")
    done = subprocess.run(
        command, shell=True, cwd=newcomer, capture_output=True, text=True, timeout=280, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "needs", "draws"),
    [
        (0, ["curves ppo uniform"], "curves.png"),
        (1, ["export ppo/fresh/breakout/seed0 --phase evaluation"], None),
        (2, ["export ppo/generalist/seed0 --format npz --game breakout"], None),
    ],
)
def test_recipes_for_episodes_run_as_shown(tmp_path, place, needs, draws):
    """The lines of Python read, or draw, what the commands above them wrote."""
    for command in needs:
        subprocess.run([AMTLB, *command.split()], cwd=tmp_path, check=True, capture_output=True)
    lines = blocks(ROOT / "docs/episodes.md", "python")[place]
    environment = os.environ | {"MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", lines], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or (tmp_path / str(draws)).stat().st_size > 10_000


def test_reasons_are_for_commands_that_are_shown():
    """Each command that runs elsewhere, or is slow, is still shown somewhere."""
    assert {*RUN_ELSEWHERE, *MARKS} <= set(commands())


def test_tensors_are_saved_as_the_docs_show(tmp_path):
    """The methods that the docs show for PyTorch save a network and its optimiser, and load them again."""
    import torch

    (shown,) = (block for block in blocks(ROOT / "docs/learners.md", "python") if "save_file" in block)
    methods: dict = {}
    exec(shown, methods)
    networks = [torch.nn.Linear(3, 2) for _ in range(2)]
    learners = [SimpleNamespace(network=one, optimiser=torch.optim.Adam(one.parameters())) for one in networks]

    def train(learner):
        learner.optimiser.zero_grad()
        learner.network(torch.ones(1, 3)).sum().backward()
        learner.optimiser.step()

    train(learners[0])
    methods["save"](learners[0], tmp_path)
    methods["load"](learners[1], tmp_path)
    assert torch.equal(networks[0].weight, networks[1].weight)
    for learner in learners:
        train(learner)
    assert torch.equal(networks[0].weight, networks[1].weight)  # their optimisers were the same, too


def test_the_contract_in_the_docs_is_what_the_lanes_do():
    """Shapes, types, the budget of a step, and where an episode's last observation is are as the tables say."""
    steps = 400
    env = practice_lanes(steps_per_lane=steps)
    observations, infos = env.reset()
    assert (observations.dtype, observations.shape, infos) == (np.uint8, (8, 4, 84, 84), {})
    assert not observations[:, :3].any()
    assert observations[:, 3].any()
    assert env.budget_frames == 32 * steps
    seen, generator = set(), np.random.default_rng(0)
    with pytest.raises(BudgetExhausted):
        while True:
            observations, rewards, terminated, truncated, infos = env.step(generator.integers(0, 18, 8))
            kinds = [(one.dtype, one.shape) for one in (rewards, terminated, truncated)]
            assert kinds == [(np.float64, (8,)), (np.bool_, (8,)), (np.bool_, (8,))]
            if (over := terminated | truncated).any():
                assert infos.keys() == {"final_obs", "_final_obs"}
                assert infos["final_obs"].shape == observations.shape
                assert (infos["_final_obs"] == over).all()
            else:
                assert infos == {}
            seen |= {"game over"} if terminated.any() else set()
            seen |= {"budget"} if truncated.any() else set()
    assert seen == {"game over", "budget"}


@pytest.mark.parametrize("edition", ["smoke", "lite", "full"])
def test_the_cost_table_has_the_steps_of_the_plan(edition):
    """The table of costs in the docs has the runs, steps and ledgers of each edition's plan."""
    protocol = load("v1")
    row = " | ".join(steps_row(protocol, protocol.edition(edition)))
    assert f"| {row} |" in (ROOT / "docs/performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/api.md", "docs/flavours.md"])
def test_the_shown_python_runs(newcomer, page):
    """The Python that a page shows runs in a newcomer's folder, and warns of nothing."""
    for block in blocks(ROOT / page, "python"):
        command = [sys.executable, "-W", "error", "-c", block]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(newcomer), str(ROOT)))}
        done = subprocess.run(command, cwd=newcomer, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_learner_of_the_docs_keeps_the_contract(newcomer, monkeypatch):
    """The learner that the docs show passes the shipped contract test."""
    monkeypatch.syspath_prepend(str(newcomer))
    amtlb.check_learner("my_learner:make")


def test_the_template_is_what_the_docs_say():
    """The template's learner is the one that the docs show, and its Dockerfile names our versions."""
    template, lock = ROOT / "docs/submission", (ROOT / "requirements.txt").read_text().splitlines()
    assert (template / "my_learner.py").read_text() == learner_of_the_docs()
    text = (template / "Dockerfile").read_text()
    pins = re.findall(r"[a-z0-9-]+==[0-9.]+", text)
    assert len(pins) == 4
    assert set(pins) <= set(lock)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    pages = [text, *(path.read_text() for path in (ROOT / "README.md", ROOT / "compose.yaml"))]
    assert {tag for page in pages for tag in re.findall(r"amtlb:([0-9.]+)-cpu", page)} == {version}


def test_links_lead_somewhere():
    """Each relative link of a page names a file that exists."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_changelog_and_version_agree():
    """The newest heading of the changelog is the package's version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == version


def test_workflow_calls_the_same_targets():
    """CI's script and the hosted workflow run the same targets; the script first installs what they need."""
    ours, hosted = (
        {
            word
            for line in (ROOT / path).read_text().splitlines()
            for words in re.findall(r"\bmake((?: [a-z-]+\b(?!=))+)", line.partition("#")[0])
            for word in words.split()
        }
        for path in (".ci/run", ".github/workflows/ci.yml")
    )
    assert ours - {"browser", "site-tools", "engine"} == hosted - {"setup"}
    assert len(ours) > 8


def test_long_tests_run_once_a_week():
    """The weekly workflow calls targets that the Makefile has, and each selects the long tests, too."""
    weekly = (ROOT / ".github/workflows/weekly.yml").read_text()
    (job,) = yaml.safe_load(weekly)["jobs"].values()
    for words in map(shlex.split, job["strategy"]["matrix"]["target"]):
        target, *settings = words[words.index("make") + 1 :]
        recipe = subprocess.run(
            ["make", "--dry-run", target, *settings], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        (selection,) = re.findall(r'pytest -m "([^"]+)"', recipe)
        assert "not long" not in selection, words
    assert "test-long" in weekly


def test_every_dependency_is_locked():
    """Each dependency that the project names has an exact version in the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    extras = project["optional-dependencies"]
    for dependency in [
        *project["dependencies"],
        *(one for name in extras if name != "bench" for one in extras[name]),
    ]:
        assert dependency.startswith("amtlb[") or re.split(r"[\[<>=]", dependency)[0] in locked


@pytest.mark.parametrize(("variant", "build"), [("cpu", "+cpu"), ("cuda", "")])
def test_images_are_locked_to_the_same_versions(variant, build):
    """The lock of an image holds the versions of the lock, each with hashes, and no address or folder."""
    pins = set(re.findall(r"^([a-z0-9-]+==[^ \n]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    names = {pin.partition("==")[0] for pin in pins}
    for line in (ROOT / f"requirements-{variant}.txt").read_text().splitlines():
        if not re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line):
            assert re.fullmatch(r"[a-z0-9-]+==\S+ \\", line)
            pin = line.removesuffix(" \\")
            if pin.startswith("torch=="):
                assert pin.endswith(build)
                pin = pin.removesuffix(build)
            assert pin in pins or pin.partition("==")[0] not in names  # as CUDA's libraries
