"""Metrics: thinned to a hundred points, by a table that can be checked by hand, and as a ledger gives them."""

from protocol import describe, parse_run_id
from suite.results.ledger import episodes_of, read_ledger
from suite.results.published import published_folder
from suite.results.reading import read_ledger_file
from suite.run.messages import EpisodeEnd, Played, Point
from suite.run.points import POINTS, SPEED, Returns, Speeds, ended_episodes, points_of
from tests.suite.helpers import V1

FRESH = describe(parse_run_id("smoke/fresh/breakout/seed0", V1), V1)
GENERALIST = describe(parse_run_id("smoke/generalist/seed0", V1), V1)


def test_points_are_means_of_what_ended_within_a_hundredth():
    """A hundredth of 8,000 frames is 20 steps: episodes that end within one are one point, at its end."""
    ends = [("training", "breakout", 1, 19), ("training", "breakout", 2, 20), ("training", "breakout", 9, 21)]
    ends += [("training", "breakout", 4, 2000), ("evaluation", "breakout", 5, 2100)]
    ends += [("evaluation", "breakout", 8, 2200)]
    assert points_of([EpisodeEnd(*end) for end in ends], FRESH) == [
        Point("training.return.breakout", 80, 1.5),
        Point("training.return.breakout", 160, 9.0),
        Point("training.return.breakout", 8000, 4.0),
        Point("evaluation.return.breakout", 8000, 6.5),
    ]


def test_a_metric_has_a_hundred_points_at_most():
    """Of an episode a step, a hundred points remain, each at another frame."""
    points = points_of((EpisodeEnd("training", "breakout", 1, step) for step in range(1, 2001)), FRESH)
    assert len(points) == POINTS == len({point.frames for point in points})
    assert points[-1].frames == FRESH.total_budget_frames


def test_points_come_as_soon_as_their_hundredth_is_over():
    """Nothing is told of a hundredth before the first episode beyond it has ended."""
    returns = Returns(FRESH)
    assert returns.add(EpisodeEnd("training", "breakout", 3, 20)) == []
    assert returns.add(EpisodeEnd("training", "breakout", 5, 21)) == [
        Point("training.return.breakout", 80, 3.0)
    ]


def test_speed_is_that_of_the_hundredths_that_were_played_here():
    """The first 20 steps in 4 s are 5 steps/s, the next 40 in 4 s are 10; waiting for the lanes is no play."""
    speeds = Speeds(Returns(FRESH), 0.0)
    speeds.begin(100.0)
    assert speeds.add(Played(steps=8), 102.0) == []
    assert speeds.add(Played(steps=21), 104.0) == [Point(SPEED, 80, 5.2)]  # 21 / 4
    assert speeds.add(Played(steps=61), 108.0) == [Point(SPEED, 240, 10.0)]


def test_what_an_earlier_try_played_is_no_speed_of_this_one():
    """A run that goes on at 1,000 of 2,000 steps has its first point after the hundredth in which it began."""
    speeds = Speeds(Returns(FRESH), 0.0)
    speeds.begin(1.0)
    assert speeds.add(Played(steps=1_000, resumed_steps=1_000), 2.0) == []
    assert speeds.add(Played(steps=1_040, resumed_steps=1_000), 6.0) == [Point(SPEED, 4_080, 10.0)]


def test_a_ledger_tells_when_its_episodes_ended():
    """Ends come in order, the last training episode at the last step, with the returns of the ledger."""
    folder, name = published_folder("uniform", "smoke"), f"{GENERALIST.run_id.path}/ledger.parquet"
    ended = list(ended_episodes(read_ledger_file(folder, name, GENERALIST).columns, GENERALIST, V1.lanes))
    training = [one for one in ended if one.phase == "training"]
    assert [one.steps for one in training] == sorted(one.steps for one in training)
    assert training[-1].steps * 4 == GENERALIST.total_budget_frames
    assert [one.episode_return for one in ended] == [
        one.episode_return for one in episodes_of(read_ledger(folder / name))
    ]
