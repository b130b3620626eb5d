"""The environment that a learner receives: its contract, its budget, and everything that it shows."""

import os

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from protocol import BudgetExhausted, LearnerError
from suite.lanes.environment import MOST_REFUSALS, LaneEnv
from suite.lanes.schedules import EvaluationSchedule
from suite.results.journal import JournalRecorder
from tests.suite.helpers import (
    LANES,
    V1,
    episodes,
    make_engine,
    make_meter,
    play_random,
    record_random,
    seeds_of,
)

VISIBLE = {
    "action_space",
    "budget_frames",
    "close",
    "close_extras",
    "closed",
    "metadata",
    "np_random",
    "np_random_seed",
    "num_envs",
    "observation_space",
    "render",
    "render_mode",
    "reset",
    "safe_point",
    "single_action_space",
    "single_observation_space",
    "spec",
    "step",
    "unwrapped",
}


def make_env(games=("breakout",), steps_per_game=80, run_id="smoke/generalist/seed0", **meter) -> LaneEnv:
    schedule = make_meter(list(games), steps_per_game, run_id, **meter)
    return LaneEnv(
        V1, seeds_of(run_id), make_engine(list(games), 0), schedule, 4 * steps_per_game * len(games), None
    )


def test_what_is_visible_is_on_the_list():
    """Public names, spaces, metadata and infos contain nothing except what the protocol lets a learner see."""
    env = make_env(["breakout", "pong"], 400, max_episode_steps=20)
    assert {name for name in dir(env) if not name.startswith("_")} == VISIBLE
    assert env.metadata == {"autoreset_mode": AutoresetMode.SAME_STEP}
    assert (env.spec, env.render_mode, env.budget_frames, env.num_envs) == (None, None, 3200, LANES)
    assert env.single_observation_space == gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    assert env.single_action_space == gymnasium.spaces.Discrete(18)
    _, infos = env.reset()
    assert infos == {}
    keys = set()
    for _ in range(50):
        returned = env.step(np.ones(LANES, np.int64))
        assert len(returned) == 5
        keys |= set(returned[4])
    assert keys == {"final_obs", "_final_obs"}


def test_a_learner_that_goes_on_is_told_and_then_outlawed():
    """Steps after the budget raise BudgetExhausted, then a LearnerError; at last ``overrun`` is told."""
    told = []
    engine, meter = make_engine(["breakout"], 0), make_meter(["breakout"], LANES, "r")
    env = LaneEnv(V1, seeds_of(), engine, meter, 4 * LANES, None, told.append)
    env.reset()
    env.step(np.zeros(LANES, np.int64))
    for limit, error in ((MOST_REFUSALS, BudgetExhausted), (MOST_REFUSALS, LearnerError)):
        for _ in range(limit):
            with pytest.raises(error):
                env.step(np.zeros(LANES, np.int64))
    assert told == []
    with pytest.raises(LearnerError, match="2000 steps were refused; learn must end"):
        env.step(np.zeros(LANES, np.int64))
    assert len(told) == 1


def test_a_forked_process_plays_no_lanes():
    """Only the process that made the lanes may step them: a copy's steps would be recorded by nobody."""
    env = make_env()
    env.reset()
    reading, writing = os.pipe()
    if not os.fork():
        try:
            env.step(np.zeros(LANES, np.int64))
        except LearnerError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.wait()
    os.close(writing)
    with os.fdopen(reading) as said:
        assert "a process that the learner forked stepped the lanes" in said.read()


def test_shapes_and_types():
    """Observations, rewards and flags have the documented shapes and types."""
    env = make_env()
    observations, _ = env.reset()
    assert (observations.shape, observations.dtype) == ((LANES, 4, 84, 84), np.uint8)
    observations, rewards, terminated, truncated, _ = env.step(np.zeros(LANES, np.int64))
    assert (observations.shape, observations.dtype) == ((LANES, 4, 84, 84), np.uint8)
    assert (rewards.shape, rewards.dtype) == ((LANES,), np.float64)
    assert (terminated.dtype, truncated.dtype) == (np.bool_, np.bool_)
    assert env.observation_space.contains(observations)


def test_stack_is_zero_padded_and_moves_on():
    """An episode begins with three empty pictures and one full one; each step appends the newest."""
    env = make_env()
    first, _ = env.reset()
    assert not first[:, :3].any()
    assert first[:, 3].reshape(LANES, -1).any(axis=1).all()
    second = env.step(np.zeros(LANES, np.int64))[0]
    assert np.array_equal(second[:, 2], first[:, 3])


def test_returned_arrays_stay_as_they_were():
    """The arrays that a step returned are not changed by the next step."""
    env = make_env()
    kept, _ = env.reset()
    before = kept.copy()
    env.step(np.ones(LANES, np.int64))
    assert np.array_equal(kept, before)


def test_autoreset_shows_the_next_episode_and_keeps_the_final_observation():
    """When an episode ends, the observation is the first of the next one, and the last one is in the infos."""
    env = make_env(steps_per_game=LANES * 60, max_episode_steps=20)
    env.reset()
    for _ in range(19):
        previous, _, _, truncated, infos = env.step(np.ones(LANES, np.int64))
        assert not truncated.any()
        assert infos == {}
    observations, _, terminated, truncated, infos = env.step(np.ones(LANES, np.int64))
    assert truncated.all()
    assert not terminated.any()
    assert infos["_final_obs"].all()
    assert not observations[:, :3].any()
    assert np.array_equal(infos["final_obs"][:, :3], previous[:, 1:])


def test_budget_ends_the_run():
    """The step that spends the last frame is truncated in every lane; the next step raises BudgetExhausted."""
    env = make_env(steps_per_game=LANES * 3)
    env.reset()
    for _ in range(2):
        assert not env.step(np.zeros(LANES, np.int64))[3].any()
    observations, _, _, truncated, _ = env.step(np.zeros(LANES, np.int64))
    assert truncated.all()
    assert not observations.any()
    for _ in range(2):
        with pytest.raises(BudgetExhausted, match="96 frames"):
            env.step(np.zeros(LANES, np.int64))


def test_reset_is_no_way_out():
    """A second reset returns the current observations and costs nothing; seeds and options are refused."""
    env = make_env()
    env.reset()
    shown = env.step(np.ones(LANES, np.int64))[0]
    assert np.array_equal(env.reset()[0], shown)
    with pytest.raises(ValueError, match="derived"):
        env.reset(seed=1)
    with pytest.raises(ValueError, match="derived"):
        env.reset(options={"mode": 1})


@pytest.mark.parametrize(
    "actions",
    [[0] * 7, [[0] * 8], [0.0] * 8, [18] + [0] * 7, [-1] + [0] * 7, [None] * 8, "up", [2**40] * 8],
)
def test_bad_actions_never_reach_the_emulator(actions):
    """Another shape, type or range is a ValueError, and the lanes can still be played."""
    env = make_env()
    env.reset()
    with pytest.raises(ValueError, match="the lanes take"):
        env.step(actions)
    env.step([17] * 8)


def test_step_before_reset_is_refused():
    """Without a reset there is no episode to step."""
    with pytest.raises(ValueError, match="reset"):
        make_env().step([0] * 8)


def test_every_reason_to_end_is_recorded(tmp_path):
    """Episodes end by game over, the cap and the spent budget, and each reason has its name."""
    played = episodes(record_random(tmp_path, ["breakout", "pong"], 2400, max_episode_steps=250))
    assert {episode.end_reason for episode in played} == {"game_over", "max_frames", "budget"}
    for episode in played:
        assert episode.length_steps == len(episode.actions) <= 250
        assert (episode.end_reason == "max_frames") <= (episode.length_steps == 250)


def test_no_reward_for_long_ends_an_episode(tmp_path):
    """An episode is cut after 10,000 steps in a row without a reward, and not before."""
    rules = V1.environment.model_copy(update={"max_steps_without_reward": 30})
    protocol = V1.model_copy(update={"environment": rules})
    engine = make_engine(["pong"], 0)
    recorder = JournalRecorder(tmp_path / "journal", LANES)
    meter = make_meter(["pong"], 1600, "smoke/generalist/seed0")
    play_random(LaneEnv(protocol, seeds_of(), engine, meter, 6400, recorder))
    recorder.close()
    cut = [episode for episode in episodes(tmp_path / "journal") if episode.end_reason == "no_reward"]
    assert cut
    for episode in cut:
        last = max(episode.reward_steps, default=-1)
        assert episode.length_steps - (last + 1) == 30
        gaps = np.diff((-1, *episode.reward_steps))
        assert gaps.size == 0 or gaps.max() <= 30


@pytest.mark.parametrize("workers", [0, 3])
def test_evaluation_leaves_finished_lanes_idle(tmp_path, workers):
    """A lane with nothing left shows zeros, earns nothing and records nothing until the others are done."""
    engine = make_engine(["breakout", "pong"], workers)
    recorder = JournalRecorder(tmp_path / "journal", LANES)
    schedule = EvaluationSchedule(["breakout", "pong"], LANES, [3] * LANES, 250)
    env = LaneEnv(V1, seeds_of(), engine, schedule, 1, recorder)
    env.reset()
    generator = np.random.Generator(np.random.Philox(key=0))
    idle_steps = 0
    while any(schedule.playing):
        idle = [lane for lane, game in enumerate(schedule.playing) if game is None]
        observations, rewards, terminated, truncated, _ = env.step(generator.integers(0, 18, LANES))
        idle_steps += len(idle)
        assert not observations[idle].any()
        assert not (rewards[idle].any() or terminated[idle].any() or truncated[idle].any())
    recorder.close()
    engine.close()
    assert idle_steps
    played = [(episode.lane, episode.number, episode.game) for episode in episodes(tmp_path / "journal")]
    assert sorted(played) == [
        (lane, 3 + turn, game) for lane in range(LANES) for turn, game in enumerate(["breakout", "pong"])
    ]


def test_real_games_spend_their_budgets_exactly(tmp_path):
    """On real games, too, the recorded steps of each game are exactly its budget."""
    games = ["breakout", "freeway", "pong"]
    played = episodes(record_random(tmp_path, games, 800))
    for game in games:
        assert sum(episode.length_steps for episode in played if episode.game == game) == 800


class Full:
    """A recorder whose disk is full at its third step."""

    steps = 0

    def begin(self, lane, phase, number, game, seed):
        pass

    def end(self, lane, reason, ram):
        pass

    def step(self, actions, rewards):
        self.steps += 1
        if self.steps == 3:
            raise OSError("no space left")


def test_nothing_is_played_after_a_step_that_was_broken_off():
    """A learner that lets an error in a step pass can neither step nor take a snapshot."""
    schedule = make_meter(["breakout"], 80, "smoke/generalist/seed0")
    engine = make_engine(["breakout"], 0)
    env = LaneEnv(
        V1, seeds_of("smoke/generalist/seed0"), engine, schedule, 320, Full(), on_safe_point=pytest.fail
    )
    env.reset()
    actions = [0] * LANES
    for _ in range(2):
        env.step(actions)
    with pytest.raises(OSError, match="no space left"):
        env.step(actions)
    for call in (lambda: env.step(actions), lambda: env.safe_point(pytest.fail)):
        with pytest.raises(LearnerError, match="after a step of the lanes that an error has broken off"):
            call()
