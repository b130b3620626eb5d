"""Tables about how published runs were played: how varied their actions are, and when frames were spent."""

import math

import numpy as np
import pytest

from protocol import RunId
from suite.release.ledger_tables import Steps, action_sheet, entropy, spending_sheet
from suite.results.results import open_results

SMOKE = 2000
"""Agent steps of a fresh run of ``smoke``."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results():
    return open_results("uniform", "smoke")


def test_entropies_by_hand():
    """One action alone has none; n equally frequent ones have log n."""
    assert entropy(np.zeros(5, np.uint8)) == 0
    assert entropy(np.array([3, 3, 7, 7], np.uint8)) == pytest.approx(math.log(2))
    assert entropy(np.arange(18, dtype=np.uint8)) == pytest.approx(2.89, abs=0.001)


def test_first_and_last_tenths_are_those_of_each_game():
    """Of two games that one lane plays one after the other, each has its own first and last tenth."""
    first = np.repeat([0, 1], [10, 90])  # a tenth of action 0
    second = np.concatenate([np.full(90, 2), np.tile([3, 4], 5)])  # the last tenth has two actions
    steps = Steps(
        actions=np.concatenate([first, second]).astype(np.uint8),
        games=np.repeat([0, 1], 100),
        moments=np.arange(200) / 200,
        names=("alien", "qbert"),
    )
    (alien, qbert) = steps.entropies()
    assert alien == (0, 0)
    assert qbert == (0, pytest.approx(math.log(2)))
    assert steps.spent("alien", 0.5) == pytest.approx(0.25, abs=0.01)
    assert steps.spent("qbert", 0.95) == pytest.approx(0.975, abs=0.01)


def test_steps_are_in_the_order_in_which_lanes_played_them(results):
    """All training steps are there; moments grow from 0 within each lane, whatever order episodes ended in."""
    steps = Steps.of(results, RunId("smoke", "fresh", None, "breakout", 0))
    assert len(steps.actions) == len(steps.moments) == SMOKE
    assert steps.names == ("breakout",)
    lanes = np.split(steps.moments, 8)
    assert all(np.array_equal(lane, np.arange(SMOKE // 8) / (SMOKE // 8)) for lane in lanes)
    ledger = results.ledger("smoke/fresh/breakout/seed0", ["phase", "lane", "number", "actions"]).to_pylist()
    (begins,) = (
        row["actions"] for row in ledger if (row["phase"], row["lane"], row["number"]) == ("training", 0, 0)
    )
    assert steps.actions[: len(begins)].tobytes() == begins


def test_uniform_play_is_as_varied_at_the_end(results):
    """Every game has a line, and the entropies of uniform play are close to log 18 = 2.89."""
    rows = action_sheet(results).rows
    assert [row["game"] for row in rows] == [game for games in results.edition.folds for game in games]
    for row in rows:
        for name in ("fresh_first", "fresh_last", "transfer_first", "transfer_last"):
            mean, lowest = row[name].rstrip(")").split(" (")
            assert 2.7 < float(lowest) <= float(mean) <= 2.891


def test_games_are_spent_within_the_run(results):
    """Half of a game's frames come before 95 % of them; all shares are of the run."""
    for row in spending_sheet(results).rows:
        half, most = (float(row[share].split()[0]) for share in ("0.5", "0.95"))
        assert 0 < half < most <= 1
