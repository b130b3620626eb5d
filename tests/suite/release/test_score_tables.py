"""Tables about how far figures hold: without a game, between learners of the same checkpoints, by seed."""

import numpy as np
import pytest

from suite.release.score_tables import checkpoints, pairs_sheet, rewards, seeds_sheet, without_sheet
from suite.report.numbers import joined, signed, with_p
from suite.scoring.comparison import read_contenders
from suite.scoring.score import score_outcomes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contenders():
    return read_contenders(["ppo", "ppo_reset", "uniform"], "lite")


def test_with_all_games_it_is_the_published_figure(contenders):
    """The first line has the interquartile mean and the mean of scores.json, with their intervals and p."""
    first, *others = without_sheet(contenders[0]).rows
    transfer = score_outcomes(contenders[0].outcomes).transfer
    assert first == {
        "game": "none",
        "iqm": with_p(transfer.contrast, signed),
        "mean": with_p(transfer.mean_contrast, signed),
    }
    assert [row["game"] for row in others] == list(contenders[0].outcomes.games)


def test_a_game_that_is_left_out_does_not_count(contenders):
    """The mean without a game is that of the contrasts of the others."""
    ours, theirs = (arm.mean(axis=1) for arm in rewards(contenders[0].outcomes))
    contrasts = (ours - theirs) / (ours + theirs)
    for place, row in enumerate(without_sheet(contenders[0]).rows[1:]):
        assert joined(row["mean"]).startswith(signed(np.delete(contrasts, place).mean()))


def test_learners_of_the_same_checkpoints_are_compared_in_pairs(contenders):
    """ppo and ppo_reset start from the same ones; uniform play, whose runs all start from one, is left out."""
    (row,) = pairs_sheet(contenders).rows
    assert (row["one"], row["other"]) == ("ppo_reset", "ppo")
    ours, theirs = (rewards(contenders[place].outcomes)[0].mean(axis=1) for place in (1, 0))
    assert joined(row["mean"]).startswith(signed(((ours - theirs) / (ours + theirs)).mean()))
    assert len({checkpoints(one) for one in contenders}) == 2


def test_seeds_have_a_correlation_in_each_arm(contenders):
    """Equal fresh arms have equal ones."""
    ppo, reset, _ = seeds_sheet(contenders).rows
    assert ppo["fresh"] == reset["fresh"]
    assert ppo["transfer"] != reset["transfer"]
