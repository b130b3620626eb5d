"""Budgets: every game's steps are spent to the last, none is exceeded, and the order is deterministic."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import game_choice
from suite.lanes.schedules import EvaluationSchedule, TrainingMeter


@st.composite
def plays(draw):
    """Games, a budget that fills whole vector steps, lanes, and the steps at which lanes end their episodes."""
    lanes = draw(st.integers(1, 9))
    games = [f"game{index}" for index in range(draw(st.integers(1, 6)))]
    budget = draw(st.integers(1, 12)) * lanes
    ends = draw(st.lists(st.lists(st.booleans(), min_size=lanes, max_size=lanes), max_size=40))
    return games, budget, lanes, ends


def make_meter(games, budget, lanes, seed=0):
    def choose(lane, number, weights):
        return game_choice("0" * 64, f"run{seed}", lane, number, weights)

    return TrainingMeter(games, budget, lanes, 100, choose)


def spend(meter, ends):
    """Play the meter to its end; return the steps spent on each game and every lane's episodes."""
    spent, log = Counter(), []
    moves = iter(ends)
    while any(meter.playing):
        assert all(meter.playing), "while there are frames, every lane plays"
        spent.update(meter.playing)
        over = next(moves, [False] * len(meter.playing))
        cut = meter.advance(over)
        assert all(not over[lane] for lane in cut)
        log.append((tuple(cut), tuple(meter.playing), tuple(meter.numbers)))
    return spent, log


@given(plays())
def test_every_budget_is_spent_to_the_last_step(play):
    """Each game is played for exactly its steps, and the run lasts exactly for their sum."""
    games, budget, lanes, ends = play
    spent, log = spend(make_meter(games, budget, lanes), ends)
    assert spent == dict.fromkeys(games, budget)
    assert len(log) == budget * len(games) // lanes


@given(plays())
def test_order_is_deterministic(play):
    """The same ends of episodes give the same games, cuts and numbers."""
    games, budget, lanes, ends = play
    assert spend(make_meter(games, budget, lanes), ends) == spend(make_meter(games, budget, lanes), ends)


@given(plays())
def test_numbers_count_the_episodes_of_a_lane(play):
    """A lane's number grows by one when its episode ends or is cut, and at no other time."""
    games, budget, lanes, ends = play
    meter = make_meter(games, budget, lanes)
    moves = iter(ends)
    while any(meter.playing):
        before = list(meter.numbers)
        over = next(moves, [False] * lanes)
        cut = meter.advance(over)
        for lane in range(lanes):
            assert meter.numbers[lane] == before[lane] + (over[lane] or lane in cut)


def test_another_seed_draws_another_order():
    """Runs with other ids play the games in another order."""
    ends = [[True] * 4] * 30
    games = ["a", "b", "c"]
    assert spend(make_meter(games, 40, 4, seed=1), ends) != spend(make_meter(games, 40, 4, seed=2), ends)


def test_games_are_drawn_by_what_is_left_unreserved():
    """A draw sees the budgets minus the spent steps and those that other lanes have reserved."""
    seen = []

    def choose(lane, number, weights):
        seen.append((lane, number, tuple(weights)))
        return 0 if weights[0] else 1

    meter = TrainingMeter(["a", "b"], 3, 2, 100, choose)
    assert seen == [(0, 0, (3, 3)), (1, 0, (2, 3))]
    assert meter.advance([False, False]) == [1]  # one step of a was left, and lane 0 reserved it
    assert seen[2:] == [(1, 1, (0, 3))]
    assert meter.playing == ["a", "b"]
    assert meter.advance([True, False]) == []
    assert seen[3:] == [(0, 1, (0, 2))]
    assert meter.playing == ["b", "b"]
    assert meter.advance([False, False]) == [0, 1]
    assert meter.playing == [None, None]


@pytest.mark.parametrize(("games", "budget", "lanes"), [(["a"], 7, 2), (["a"], 0, 2), ([], 8, 2)])
def test_broken_budgets_are_refused(games, budget, lanes):
    """A budget that is no whole number of vector steps raises ValueError."""
    with pytest.raises(ValueError):
        make_meter(games, budget, lanes)


@given(st.integers(1, 4), st.integers(1, 8), st.integers(1, 3), st.randoms(use_true_random=False))
def test_evaluation_plays_every_game_equally_often(games, lanes, rounds, random):
    """Each game is played ``episodes`` times, with numbers that continue those of training."""
    names = [f"game{index}" for index in range(games)]
    schedule = EvaluationSchedule(names, rounds * lanes, [5] * lanes, 10)
    played = Counter()
    current = list(schedule.playing)
    while any(current):
        over = [bool(game) and random.random() < 0.5 for game in current]
        assert schedule.advance(over) == ()
        played.update(game for game, ended in zip(current, over, strict=True) if ended)
        current = list(schedule.playing)
    assert played == dict.fromkeys(names, rounds * lanes)
    assert schedule.numbers == [5 + rounds * games] * lanes
