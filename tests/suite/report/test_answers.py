"""The first screen: each answer says in words what was found, and whether it can be told from chance."""

import math
import re

import pytest

from suite.report.answers import answers
from suite.scoring.claims import claims
from suite.scoring.published import published_scores
from suite.scoring.scores import Scores
from suite.scoring.standing import Rival, Standing, least_p_by_seed, standing
from tests.suite.helpers import V1
from tests.suite.scoring.test_claims import HARM, PUBLISHED, SURE, figure, game, scores

CHANCE, BAD_ARM = figure(0.3, -0.1, 0.5, 0.4), scores(SURE, fresh=49.0)
NOBODY = Standing(rivals=(), same=(), least_p_value=1.0)


@pytest.mark.parametrize(
    ("found", "verdict", "missed"),
    [
        (scores(SURE), "Yes: pre-training helps.", "all hold"),
        (scores(HARM), "No: pre-training hurts.", "all hold"),
        (scores(CHANCE), "It cannot be told from chance.", "2 do not hold"),
        (scores(figure(0.3, 0.1, 0.5, 0.06)), "It cannot be told from chance.", "1 does not hold"),
        (BAD_ARM, "Not shown.", "1 does not hold"),
    ],
)
def test_transfer_is_answered_with_its_conditions(found, verdict, missed):
    """Yes, no, chance, or not shown: the figure in words, how many conditions do not hold, and which."""
    claim = claims([found], PUBLISHED)[0]
    answer = answers(found, claim, NOBODY, "standard")[0]
    assert answer.verdict == verdict
    assert missed in answer.sentences[1]
    assert "transfer contrast is " in answer.sentences[0]
    assert [one.name for one in answer.conditions] == ["interval", "p-value", "fresh arm", "duel"]


@pytest.fixture(scope="module")
def published() -> dict[str, Scores]:
    return published_scores(V1, "smoke")


def test_multitask_says_why_it_cannot_be_told(published):
    """Two seeds cannot tell one game from chance, and the answer gives the least p that they can have."""
    found = published["ppo"]
    answer = answers(found, claims([found], published)[0], NOBODY, "standard")[1]
    assert answer.verdict == "It cannot be told from chance in any game."
    assert "in 3 of 3 games and below it in 0" in answer.sentences[0]
    assert "never below 0.333 in a single game" in answer.sentences[1]


@pytest.mark.parametrize(
    ("first", "second", "better", "worse"),
    [
        (figure(0.5, 0.4, 0.6, 0.001), figure(-0.5, -0.6, -0.4, 0.01), 1, 1),
        (figure(0.5, 0.4, 0.6, 0.001), figure(-0.5, -0.6, -0.4, 0.03), 1, 0),  # 0.03 is 0.06, corrected
        (figure(0.5, -0.1, 0.6, 0.001), figure(-0.5, -0.6, -0.4, 0.01), 0, 1),
    ],
)
def test_multitask_counts_the_games_that_are_told_apart(published, first, second, better, worse):
    """A game whose interval leaves out 0 and whose corrected p is small counts as better or worse."""
    found = published["ppo"]
    contrasts = (first, second, figure(0.5, 0.4, 0.6, 0.2))
    games = [
        one.model_copy(update={"contrast": contrast})
        for one, contrast in zip(found.multitask, contrasts, strict=True)
    ]
    changed = found.model_copy(update={"multitask": tuple(games)})
    answer = answers(changed, claims([found], published)[0], NOBODY, "standard")[1]
    assert answer.verdict == f"Better in {better}, worse in {worse} of 3 games; the rest can be chance."
    assert f"{better + worse} of these differences" in answer.sentences[0]


def test_a_published_learner_is_ranked_among_the_others(published):
    """Its own published scores are no rival; each other baseline is one, and the rank counts those that win."""
    found = published["ppo"]
    stand = standing(found, published)
    assert stand.same == ("ppo",)
    assert {rival.name for rival in stand.rivals} == published.keys() - {"ppo"}
    assert stand.rank == 1 + sum(rival.wins.value < 0.5 for rival in stand.rivals)
    answer = answers(found, claims([found], published)[0], stand, "standard")[2]
    assert answer.verdict.startswith(f"Rank {stand.rank} of 5")
    assert answer.sentences[0].startswith("It is the published ppo.")
    assert answer.drawing is not None


def test_what_so_few_seeds_cannot_tell_is_said():
    """More seeds are asked for where p is the smallest that is possible, and corrected still too large."""
    published = published_scores(V1, "lite")
    stand = standing(published["ppo"], published)
    (stuck,) = [rival for rival in stand.rivals if rival.name == "uniform"]
    assert stuck.wins.null.p_value == pytest.approx(least_p_by_seed(4)) == pytest.approx(1 / 35)
    assert not stuck.is_told_apart
    answer = answers(published["ppo"], claims([published["ppo"]], published)[0], stand, "standard")[2]
    assert re.search(r"The p of .*uniform.* is 0.029 before the correction", answer.sentences[-1])


def test_a_learner_is_itself_on_any_machine(published):
    """Scores of the same runs are the learner's own though the last digit of a figure is another CPU's."""
    found = published["ppo"]
    contrast = found.transfer.contrast
    moved = contrast.model_copy(update={"value": math.nextafter(contrast.value, 1.0)})
    here = found.model_copy(update={"transfer": found.transfer.model_copy(update={"contrast": moved})})
    assert here != found
    assert standing(here, published) == standing(found, published)


def earning(transfer: float) -> Scores:
    """Scores whose pre-trained runs earn about so much in each game."""
    return scores(SURE, transfer=transfer)


def unrelated(transfer: float) -> Scores:
    """As ``earning``, of runs whose seeds are not lucky in all games alike."""
    found = earning(transfer)
    first, middle, last = found.transfer.games
    middle = middle.model_copy(update={"transfer_rewards": middle.transfer_rewards[::-1]})
    return found.model_copy(
        update={"transfer": found.transfer.model_copy(update={"games": (first, middle, last)})}
    )


def test_who_earns_more_ranks_higher():
    """A learner that always earns more is first, one that always earns less is last."""
    rivals = {"low": earning(100.0), "high": earning(300.0)}
    assert [standing(earning(transfer), rivals).rank for transfer in (400.0, 200.0, 50.0)] == [1, 2, 3]
    names = [rival.name for rival in standing(earning(200.0), rivals).rivals]
    assert names == ["high", "low"]
    values = [rival.wins.value for rival in standing(earning(200.0), rivals).rivals]
    assert values == [0.0, 1.0]


@pytest.mark.parametrize(("count", "told"), [(2, True), (6, False)])
def test_the_p_of_a_rival_is_corrected_for_all_of_them(count, told):
    """Of rivals that always lose, each with p = 2 / 216, two are told from chance and six are not."""
    rivals = {f"rival{number}": unrelated(100.0 + number) for number in range(count)}
    stand = standing(unrelated(200.0), rivals)
    assert [rival.p_value for rival in stand.rivals] == pytest.approx([count * 2 / 216] * count)
    assert {rival.is_told_apart for rival in stand.rivals} == {told}
    found = scores(SURE)
    answer = answers(found, claims([found], PUBLISHED)[0], stand, "standard")[2]
    assert ("none of the differences can be told from chance" in answer.verdict) == (not told)


@pytest.mark.parametrize(
    ("low", "high", "p_value", "told"),
    [(0.6, 0.9, 0.01, True), (0.5, 0.9, 0.01, False), (0.1, 0.5, 0.01, False), (0.6, 0.9, 0.05, False)],
)
def test_a_rival_is_told_apart_by_interval_and_p_value(low, high, p_value, told):
    """A rival is told from chance where the interval leaves out 1/2 and p is below 0.05, not by one alone."""
    assert Rival(name="other", wins=figure(0.7, low, high, 0.01), p_value=p_value).is_told_apart == told


def test_games_with_negative_rewards_of_either_rank_nobody():
    """A game counts only where it counts for both learners."""
    ours = earning(200.0)
    games = (game("breakout", 0, 100, 1000, negative=True), *ours.transfer.games[1:])
    other = ours.model_copy(update={"transfer": ours.transfer.model_copy(update={"games": games})})
    assert standing(ours, {"other": other}).rivals[0].wins.value == 0.5


@pytest.mark.parametrize(
    ("division", "words"),
    [("standard", "Not ranked: no published baseline"), ("open", "division open is not ranked")],
)
def test_without_baselines_there_is_no_rank(division, words):
    """A learner without published ones to compare with has no rank and no figure, and the answer says why."""
    found = scores(SURE)
    answer = answers(found, claims([found], PUBLISHED)[0], standing(found, {}), division)[2]
    assert answer.verdict.startswith("Not ranked: ")
    assert words in answer.verdict
    assert answer.drawing is None
