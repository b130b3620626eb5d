"""The examples: each runs as its first lines say, uses the front door alone, and does what it promises."""

import ast
import os
import re
import subprocess
import sys

import pytest

import amtlb
from tests import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an example as a user does, on one thread: other tests have the other cores."""
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_use_the_front_door_alone(path):
    """An example imports amtlb and no room behind it, says how it is called, and is shown in the docs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {module.partition(".")[0] for module in modules}
    assert "amtlb" in packages
    assert not packages & {"protocol", "suite", "baselines", "tests"}
    call = re.search(r"^    python (examples/.*)$", ast.get_docstring(tree) or "", re.MULTILINE)
    assert call
    assert f".venv/bin/python {call[1]}\n" in (ROOT / "docs/api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_a_learning_curve_is_drawn(tmp_path, ending, begins):
    """The picture has a line for each fresh and each pre-trained run, in the format that its name asks for."""
    picture = tmp_path / f"curve.{ending}"
    done = run("learning_curve.py", "ppo", "breakout", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(begins)


def test_a_learning_curve_ends_at_what_was_earned(monkeypatch):
    """The lines end at the whole budget, and at the rewards of the published scores."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    from learning_curve import draw

    results = amtlb.open_results("ppo")
    (game,) = (game for game in amtlb.score("ppo").transfer.games if game.game == "breakout")
    lines = draw(results, "breakout").axes[0].get_lines()
    assert [line.get_xdata()[-1] for line in lines] == [results.edition.budget_frames] * 4
    assert [line.get_ydata()[-1] for line in lines] == [*game.fresh_rewards, *game.transfer_rewards]


def test_a_comparison_prints_figures_with_their_nulls():
    """Each learner's contrast, its claim and each duel stand there, with the figures of ``compare``."""
    done = run("compare_results.py", "ppo", "uniform")
    assert done.returncode == 0, done.stderr
    comparison = amtlb.compare(["ppo", "uniform"])
    for one in comparison.contenders:
        contrast = one.scores.transfer.contrast
        assert (
            f"{one.label}: transfer contrast {contrast.value:+.3f} [{contrast.interval.low:+.3f},"
            in done.stdout
        )
        assert f"null {contrast.null.low:+.3f} to" in done.stdout
        assert one.claim.sentence in done.stdout
    assert done.stdout.count("a fresh run of") == len(comparison.duels) == 2


@pytest.mark.slow
def test_the_actor_critic_keeps_the_contract_and_learns():
    """It passes the contract test, and earns over half of all points within 20 rounds; chance is 1/18."""
    done = run("actor_critic.py")
    assert done.returncode == 0, done.stderr
    first, *rounds = done.stdout.splitlines()
    assert first.startswith("passed: actor_critic:make keeps the contract")
    assert float(re.findall(r": (\d\.\d+) points", rounds[-1])[0]) > 0.5
