"""Practice lanes are real games with a budget that their games share evenly."""

import pytest

from protocol import BudgetExhausted
from suite.learners.practice import practice_lanes


def test_three_games_share_a_budget_evenly():
    """Of 24 steps of 8 lanes, each of three games gets 64, and the budget is spent after the last."""
    env = practice_lanes(("asterix", "breakout", "space_invaders"), steps_per_lane=24)
    assert env.budget_frames == 3 * 64 * 4
    env.reset()
    for _ in range(24):
        env.step([0] * 8)
    with pytest.raises(BudgetExhausted):
        env.step([0] * 8)


@pytest.mark.parametrize("games", [("asterix", "breakout", "space_invaders"), ()])
def test_a_budget_that_cannot_be_shared_is_refused(games):
    """The steps and the number of games are named, with the way out."""
    with pytest.raises(
        ValueError, match=f"320 steps .* by {len(games)} games; take a steps_per_lane that is a multiple"
    ):
        practice_lanes(games)
