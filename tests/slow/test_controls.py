"""Controls on real games: a learner that learns nothing shows no transfer, one that learns shows self-transfer.

Each run is played as the benchmark plays (real lanes, meter and ledger) but under no run id of the protocol; a
self-transfer run starts as the checkpoint of a fresh run on the very game, which no submission may.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from protocol import plan
from suite.learners.contract import find_learner
from suite.learners.practice import practice_lanes
from suite.machine import RUN_SETTINGS, available_cores
from suite.results.columns import Columns
from suite.results.journal import JournalRecorder
from suite.results.ledger import read_ledger, write_ledger
from suite.scoring.draws import draw_sides
from suite.scoring.estimates import Figure, estimate
from suite.scoring.ledger_outcomes import game_outcomes
from suite.scoring.resampling import RESAMPLES
from suite.scoring.statistics import contrast_iqm
from tests.suite.helpers import LANES, V1

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
GAMES = ("kung_fu_master", "road_runner")
SEEDS = 3
BUDGET_FRAMES = 80_000


def play(learner_name: str, game: str, seed: int, folder: Path) -> None:
    """Play a fresh run and a run that starts as its checkpoint; leave both ledgers in the folder."""
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir(parents=True)
    for arm in ("fresh", "transfer"):
        own_seed = 2 * seed + (arm == "transfer")
        learner = find_learner(learner_name)(own_seed, LANES)
        if arm == "transfer":
            learner.load(checkpoint)
        recorder = JournalRecorder(folder / f"{arm}.arrows", LANES)
        env = practice_lanes((game,), BUDGET_FRAMES // 4 // LANES, own_seed, recorder)
        learner.learn(env)
        recorder.close()
        write_ledger(folder / f"{arm}.arrows", folder / f"{arm}.parquet")
        if arm == "fresh":
            learner.save(checkpoint)


def play_in_process(learner_name: str, game: str, seed: int, folder: Path) -> dict[str, float]:
    """Play both runs in a process of their own; what each earned."""
    arguments = json.dumps([learner_name, game, seed, str(folder)])
    command = [sys.executable, "-m", "tests.slow.test_controls", arguments]
    subprocess.run(command, env=os.environ | RUN_SETTINGS, check=True)
    run = replace(plan(V1, V1.editions[0])[0], games=(game,), budget_frames=BUDGET_FRAMES)
    ledgers = {arm: read_ledger(folder / f"{arm}.parquet") for arm in ("fresh", "transfer")}
    return {
        arm: game_outcomes(Columns.of(ledger, run.games), run)[game].curve[-1]
        for arm, ledger in ledgers.items()
    }


def self_transfer(learner_name: str, folder: Path) -> Figure:
    """The contrast of self-transfer over all games and seeds."""
    cases = list(product(GAMES, range(SEEDS)))
    with ThreadPoolExecutor(available_cores()) as pool:
        earned = list(
            pool.map(
                lambda case: play_in_process(learner_name, *case, folder / "-".join(map(str, case))), cases
            )
        )
    arms = {
        arm: np.array([run[arm] for run in earned]).reshape(len(GAMES), SEEDS) for arm in ("fresh", "transfer")
    }
    print(learner_name, {arm: rewards.tolist() for arm, rewards in arms.items()})
    alone = range(len(GAMES))  # each run has a seed of its own
    generator = np.random.Generator(np.random.Philox(key=0))
    resamples = draw_sides(alone, alone, SEEDS, RESAMPLES, generator)
    figure = estimate(contrast_iqm, arms["transfer"], arms["fresh"], resamples)
    print(figure)
    return figure


def test_the_uniform_learner_transfers_nothing(tmp_path):
    """Playing at random again is no better than playing at random: the interval covers 0."""
    figure = self_transfer("baselines.uniform:make", tmp_path)
    assert figure.interval.low <= 0 <= figure.interval.high
    assert figure.null.p_value > 0.05


def test_self_transfer_of_a_learner_is_found(tmp_path):
    """PPO that starts as itself after 80,000 frames of the same game earns more: contrast above 0, p < 0.05."""
    figure = self_transfer("baselines.ppo:make", tmp_path)
    assert figure.interval.low > 0
    assert figure.null.p_value < 0.05


if __name__ == "__main__":
    learner, game, seed, folder = json.loads(sys.argv[1])
    play(learner, game, seed, Path(folder))
