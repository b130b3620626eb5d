"""Lanes, meter and journal that were broken off go on as if they never had been."""

import os
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import BudgetExhausted, StoreError, game_choice
from suite.lanes.environment import LaneEnv, OpenEpisode
from suite.lanes.schedules import EvaluationSchedule, TrainingMeter
from suite.results.journal import JournalRecorder, read_journal
from tests.suite.helpers import LANES, SMOKE_DIGEST, V1, make_engine, make_meter, seeds_of

GAMES, STEPS_PER_GAME, CAP = ["breakout", "pong"], 160, 25


def lanes(engine, meter, recorder, **resumed) -> LaneEnv:
    return LaneEnv(V1, seeds_of(), engine, meter, 4 * STEPS_PER_GAME * len(GAMES), recorder, **resumed)


def actions():
    generator = np.random.Generator(np.random.Philox(key=5))
    while True:
        yield generator.integers(0, 18, LANES)


def play(env, moves, steps=None):
    """Play so many steps, or until the budget is spent; what was seen."""
    seen = [env.reset()[0]]
    for _ in range(steps or STEPS_PER_GAME):
        try:
            observations, rewards, *_ = env.step(next(moves))
        except BudgetExhausted:
            break
        seen += [observations, rewards]
    return seen


def open_episodes(unfinished):
    return {
        one["lane"]: OpenEpisode(one["game"], one["seed"], one["actions"], one["reward_steps"], one["rewards"])
        for one in unfinished
    }


@pytest.mark.parametrize(
    ("workers", "broken_after"),
    [(0, 25), (2, 30), *(pytest.param(0, after, marks=pytest.mark.slow) for after in (1, 38))],
)
def test_broken_lanes_go_on_to_the_same_bytes(tmp_path, workers, broken_after):
    """Whatever the step, resumed lanes show the same pictures, pay the same and end with the same journal."""
    moves = actions()
    engine, whole = make_engine(GAMES, workers), JournalRecorder(tmp_path / "whole", LANES)
    meter = make_meter(GAMES, STEPS_PER_GAME, "smoke/generalist/seed0", CAP)
    env = lanes(engine, meter, whole)
    play(env, moves, broken_after)
    rest_of_whole = play(env, moves)
    whole.close()
    engine.close()

    moves = actions()
    engine, first = make_engine(GAMES, workers), JournalRecorder(tmp_path / "broken", LANES)
    meter = make_meter(GAMES, STEPS_PER_GAME, "smoke/generalist/seed0", CAP)
    play(lanes(engine, meter, first), moves, broken_after)
    size, state = first.sync(), meter.state()
    first.close()
    with (tmp_path / "broken").open("ab") as file:
        file.write(b"half a batch that was written before the kill")
    engine.close()

    engine, second = make_engine(GAMES, workers), JournalRecorder(tmp_path / "broken", LANES, size)
    meter = make_meter(GAMES, STEPS_PER_GAME, "smoke/generalist/seed0", CAP)
    meter.set_state(state)
    rest = play(lanes(engine, meter, second, open_episodes=open_episodes(second.unfinished)), moves)
    second.close()
    engine.close()
    assert len(rest) == len(rest_of_whole) > 1
    assert all(np.array_equal(one, other) for one, other in zip(rest, rest_of_whole, strict=True))
    assert list(read_journal(tmp_path / "broken")) == list(read_journal(tmp_path / "whole"))


def test_steps_without_a_reward_count_on_from_before_the_break(tmp_path):
    """An episode that was paid before it was broken off is cut as long after that as an unbroken one."""
    rules = V1.environment.model_copy(update={"max_steps_without_reward": 45})
    protocol = V1.model_copy(update={"environment": rules})

    def begun(recorder, **resumed):
        meter = make_meter(["breakout"], 110 * LANES, "smoke/generalist/seed0")
        if "state" in resumed:
            meter.set_state(resumed.pop("state"))
        return meter, LaneEnv(protocol, seeds_of(), make_engine(["breakout"], 0), meter, 1, recorder, **resumed)

    whole, broken = (JournalRecorder(tmp_path / name, LANES) for name in ("whole", "broken"))
    play(begun(whole)[1], actions())
    moves = actions()
    meter, env = begun(broken)
    play(env, moves, 50)
    broken.sync()
    left = []
    list(read_journal(tmp_path / "broken", left))
    paid = open_episodes(left)
    assert any(episode.reward_steps for episode in paid.values())
    play(begun(broken, state=meter.state(), open_episodes=paid)[1], moves)
    for recorder in (whole, broken):
        recorder.close()
    episodes = list(read_journal(tmp_path / "whole"))
    assert any(episode.end_reason == "no_reward" and episode.rewards for episode in episodes)
    assert list(read_journal(tmp_path / "broken")) == episodes


def test_an_episode_that_plays_otherwise_is_refused(tmp_path):
    """An episode in which the console pays another reward than recorded is not resumed."""
    episode = OpenEpisode("breakout", 7, bytes([1] * 20), (3,), (1000,))
    engine = make_engine(GAMES, 0)
    meter = make_meter(GAMES, STEPS_PER_GAME, "smoke/generalist/seed0", CAP)
    with pytest.raises(StoreError, match="step 3 earns another reward"):
        lanes(engine, meter, None, open_episodes={0: episode})
    engine.close()


def test_a_journal_that_lacks_its_end_is_refused(tmp_path):
    """A journal that is shorter than its snapshot says cannot be gone on with."""
    recorder = JournalRecorder(tmp_path / "journal", LANES)
    size = recorder.sync()
    recorder.close()
    os.truncate(tmp_path / "journal", size - 1)
    with pytest.raises(StoreError, match="were written"):
        JournalRecorder(tmp_path / "journal", LANES, size)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_a_meter_goes_on_from_its_state(steps, seed):
    """Wherever it is broken off, a meter set to its state cuts and draws as the unbroken one."""
    draws = np.random.Generator(np.random.Philox(key=seed)).random((120, LANES)) < 0.1
    choose = partial(game_choice, SMOKE_DIGEST, f"smoke/generalist/seed{seed % 2}")
    whole, resumed = (TrainingMeter(GAMES, 320, LANES, 50, choose) for _ in range(2))
    for over in draws[:steps]:
        whole.advance(over.tolist())
    resumed.set_state(whole.state())
    for over in draws[steps:79]:
        assert whole.advance(over.tolist()) == resumed.advance(over.tolist())
        assert whole.state() == resumed.state()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=LANES, max_size=LANES))
def test_an_evaluation_skips_what_was_played(ended):
    """After skipping some episodes of each lane, it plays the rest in the same order, and numbers them on."""
    schedule = EvaluationSchedule(GAMES, 2 * LANES, [3] * LANES, 100)
    schedule.skip(ended)
    rounds = [game for game in GAMES for _ in range(2)]  # two episodes of each game in each lane
    rest = [rounds[count:] for count in ended]
    while any(rest):
        assert schedule.playing == [games[0] if games else None for games in rest]
        assert schedule.numbers == [3 + len(rounds) - len(games) for games in rest]
        schedule.advance([bool(games) for games in rest])
        rest = [games[1:] for games in rest]
    assert schedule.playing == [None] * LANES


def test_lanes_that_went_on_before_their_first_episode_begin_one():
    """A run whose snapshot came before its first episode begins it at the next reset."""
    engine = make_engine(GAMES, 0)
    fresh = lanes(engine, make_meter(GAMES, STEPS_PER_GAME, "smoke/generalist/seed0", CAP), None)
    first = fresh.reset()[0]
    resumed = lanes(
        engine, make_meter(GAMES, STEPS_PER_GAME, "smoke/generalist/seed0", CAP), None, open_episodes={}
    )
    assert np.array_equal(resumed.reset()[0], first)
    resumed.step(next(actions()))
    engine.close()
