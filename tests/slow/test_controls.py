"""Controls on real games: a learner that learns nothing shows no transfer, one that learns shows self-transfer.

A self-transfer run starts as the checkpoint of a fresh run on the very game, which no submission may.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from suite.scoring.draws import draw_sides
from suite.scoring.estimates import Figure, estimate
from suite.scoring.resampling import DRAWS
from suite.scoring.statistics import contrast_iqm
from tests.bench.self_transfer import Case, earned

pytestmark = pytest.mark.long
GAMES = ("kung_fu_master", "road_runner")
SEEDS = 3


def self_transfer(learner: str, folder: Path, frames: int) -> Figure:
    """The contrast of self-transfer over all games and seeds, with this budget of a run."""
    cases = [
        Case(learner, game, 2 * seed, frames, end=str(folder / f"{game}-{seed}"))
        for game, seed in product(GAMES, range(SEEDS))
    ]
    for case in cases:
        Path(case.end).mkdir()
    again = [case._replace(seed=case.seed + 1, start=case.end, end="") for case in cases]
    fresh, transfer = (np.reshape(earned(arm), (len(GAMES), SEEDS)).astype(float) for arm in (cases, again))
    print(learner, {"fresh": fresh.tolist(), "transfer": transfer.tolist()})
    alone = range(len(GAMES))  # each run has a seed of its own
    generator = np.random.Generator(np.random.Philox(key=0))
    resamples = draw_sides(alone, alone, SEEDS, DRAWS, generator)
    figure = estimate(contrast_iqm, transfer, fresh, resamples)
    print(figure)
    return figure


def test_the_uniform_learner_transfers_nothing(tmp_path):
    """Playing at random again is no better than playing at random: the interval covers 0."""
    figure = self_transfer("baselines.uniform:make", tmp_path, frames=20_000)
    assert figure.interval.low <= 0 <= figure.interval.high
    assert figure.null.p_value > 0.05


def test_self_transfer_of_a_learner_is_found(tmp_path):
    """PPO that starts as itself after 80,000 frames of the same game earns more: contrast above 0, p < 0.05."""
    figure = self_transfer("baselines.ppo:make", tmp_path, frames=80_000)
    assert figure.interval.low > 0
    assert figure.null.p_value < 0.05
