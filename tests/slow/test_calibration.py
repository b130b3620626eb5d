"""Intervals cover and p-values are uniform on simulated benchmarks whose truth is known."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from suite.machine import available_cores
from tests.bench.calibration import DESIGNS, simulate

BENCHMARKS = 200
"""Of each design: half as many as `make calibration` draws for docs/scores.md."""
TEST_ERROR = (0.95 * 0.05 / BENCHMARKS) ** 0.5
pytestmark = pytest.mark.long
COVERAGE = {"lite": (0.92, 0.98), "full": (0.88, 1.0)}
"""The coverage that the docs promise of each edition: full has three seeds, and less if checkpoints differ."""
CHECKED = {design.name: design for design in DESIGNS if not design.name.startswith("smoke")}


@pytest.fixture(scope="module")
def found() -> dict:
    """The results of the simulation of each checked design."""
    with ProcessPoolExecutor(available_cores()) as pool:
        results = pool.map(partial(simulate, benchmarks=BENCHMARKS, seed=0), CHECKED.values())
        return dict(zip(CHECKED, results, strict=True))


@pytest.mark.parametrize("name", CHECKED)
def test_intervals_cover_the_truth(found, name):
    """95 % intervals of lite hold the truth in 92 to 98 % of the benchmarks, those of full in 88 % or more."""
    least, most = COVERAGE[name.partition(",")[0]]
    for statistic in ("contrast", "win probability"):
        assert least - 2 * TEST_ERROR <= found[name].coverage[statistic] <= most + 2 * TEST_ERROR, statistic


@pytest.mark.parametrize("seeds", ["", ", seeds correlated"])
@pytest.mark.parametrize("edition", ["lite", "full"])
def test_p_values_are_uniform_without_an_effect(found, edition, seeds):
    """Every p-value is as likely as any other if pre-training has no effect, also with correlated seeds."""
    one = found[f"{edition}, no effect{seeds}"]
    assert one.uniformity > 0.01
    assert 0.05 - 3 * TEST_ERROR < (one.p_values < 0.05).mean() < 0.05 + 3 * TEST_ERROR


@pytest.mark.parametrize("seeds", ["", ", seeds correlated"])
@pytest.mark.parametrize("edition", ["lite", "full"])
def test_detectable_effects_are_found(found, edition, seeds):
    """An effect as large as the stated one is found in 77 to 83 % of all cases, within two standard errors."""
    error = (0.8 * 0.2 / BENCHMARKS) ** 0.5
    assert 0.77 - 2 * error <= found[f"{edition}, no effect{seeds}"].power <= 0.83 + 2 * error


def test_p_values_are_small_with_an_effect(found):
    """More than 30 % of p-values are below 0.05 if pre-training has an effect."""
    assert (found["lite, effect, clusters"].p_values < 0.05).mean() > 0.3
