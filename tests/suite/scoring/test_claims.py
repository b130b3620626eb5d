"""Claims: each of the four conditions can fail, and the words say which one did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.scoring.claims import Claim, claims, holm, p_value_text
from suite.scoring.duels import duel_of_arms
from suite.scoring.estimates import UNDEFINED, Curve, Figure, Interval, Null
from suite.scoring.scores import GameTransfer, Scores, Transfer
from suite.scoring.standing import standing

GAMES = ("breakout", "pong", "qbert")


def figure(value: float, low: float, high: float, p_value: float) -> Figure:
    null = Null(low=-0.1, median=0.0, high=0.1, p_value=p_value, minimum_detectable_effect=0.2)
    return Figure(value=value, interval=Interval(low=low, high=high), null=null)


def game(name: str, fold: int, fresh: float, transfer: float, negative: bool = False) -> GameTransfer:
    """One game with two seeds that earn nearly the same."""
    plain = dict.fromkeys(
        ("pretrain_reward", "fresh_jumpstart", "transfer_jumpstart", "fresh_asymptote", "transfer_asymptote",
         "fresh_final", "transfer_final"), 0.0,
    )  # fmt: skip
    figures = ("ratio", "contrast", "win_probability", "pretraining_contrast", "final_contrast")
    return GameTransfer(
        game=name,
        fold=fold,
        negative_rewards=negative,
        fresh_rewards=(fresh - 1, fresh + 1),
        transfer_rewards=(transfer - 1, transfer + 1),
        fresh_reward=fresh,
        transfer_reward=transfer,
        human_normalised_gain=None,
        **plain,
        **dict.fromkeys(figures, UNDEFINED),
    )


def scores(contrast: Figure, fresh: float = 100.0, transfer: float = 200.0, negative: str = "") -> Scores:
    """Scores of three games, in which only the fields that a claim reads are filled in."""
    games = tuple(game(name, fold, fresh, transfer, name == negative) for fold, name in enumerate(GAMES))
    curve = Curve(**dict.fromkeys(Curve.model_fields, ()))
    figures = ("mean_contrast", "ratio", "win_probability", "human_normalised_gain", "final_contrast")
    return Scores(
        schema_version=1, scoring_version=2, protocol_version="v1", edition_digest="0", edition="made_up",
        learner="learner", configuration_digest="0", seeds=2, null_seeds=1, resamples=10, resampling_seed=0,
        transfer=Transfer(
            contrast=contrast, counted_games=3, negative_games=(), defined_games=3, undefined_games=(),
            gain_games=0, games_without_whole_episodes=(), seed_correlation=None, grid_frames=(),
            contrast_curve=curve, ratio_curve=curve, defined_curve=(), games=games,
            **dict.fromkeys(figures, UNDEFINED),
        ),
        multitask=(),
    )  # fmt: skip


SURE, HARM = figure(0.3, 0.1, 0.5, 0.01), figure(-0.3, -0.5, -0.1, 0.01)
PUBLISHED = {"uniform": scores(UNDEFINED, fresh=50.0), "ppo": scores(UNDEFINED, fresh=120.0)}


def claim(found: Scores, published: dict[str, Scores] = PUBLISHED) -> Claim:
    return claims([found], published)[0]


def outcomes(found: Claim) -> list[str]:
    return [condition.outcome for condition in found.conditions]


def test_transfer_is_claimed_where_all_four_conditions_hold():
    """If interval, p-value, fresh arm and duel hold, the sentence says that pre-training helps."""
    found = claim(scores(SURE))
    assert outcomes(found) == ["holds"] * 4
    assert found.verdict == "helps"
    assert found.sentence == "pre-training helps: the interval excludes 0, p = 0.010"


@pytest.mark.parametrize(
    ("contrast", "expected", "words"),
    [
        (figure(0.3, -0.1, 0.5, 0.042), ["fails", "holds"], "p = 0.042, but the interval contains 0"),
        (figure(0.3, 0.1, 0.5, 0.06), ["holds", "fails"], "excludes 0, but p = 0.060 is not below 0.05"),
        (figure(-0.3, -0.5, 0.1, 0.042), ["fails", "holds"], "p = 0.042, but the interval contains 0"),
        (figure(0.3, -0.1, 0.5, 0.5), ["fails", "fails"], "contains 0; p = 0.500 is not below 0.05"),
        (figure(0.3, 0.0, 0.5, 0.042), ["fails", "holds"], "p = 0.042, but the interval contains 0"),
        (figure(-0.3, -0.5, 0.0, 0.042), ["fails", "holds"], "p = 0.042, but the interval contains 0"),
        (figure(0.3, 0.1, 0.5, 0.05), ["holds", "fails"], "excludes 0, but p = 0.050 is not below 0.05"),
        (UNDEFINED, ["not known", "not known"], "there is no interval; there is no p-value"),
    ],
)
def test_the_words_say_which_condition_failed(contrast, expected, words):
    """A small p with an interval that contains 0 supports no claim, and neither does the opposite."""
    found = claim(scores(contrast))
    assert outcomes(found)[:2] == expected
    assert found.verdict == "nothing"
    assert words in found.sentence


def test_a_bad_fresh_arm_claims_nothing():
    """If fresh runs earn less than uniform play, the games are named, except those that do not count."""
    found = claim(scores(SURE, fresh=49.0))
    assert outcomes(found)[2] == "fails"
    assert found.verdict == "nothing"
    assert "less than uniform play in breakout, pong, qbert" in found.sentence
    assert "in breakout, qbert" in claim(scores(SURE, fresh=49.0, negative="pong")).sentence
    assert claim(scores(SURE, fresh=50.0)).verdict == "helps"  # no less


def test_without_a_published_uniform_baseline_nothing_is_claimed():
    """The reward of uniform play is then not known; another baseline alone does not help."""
    for published in ({}, {"ppo": PUBLISHED["ppo"]}):
        found = claim(scores(SURE), published)
        assert outcomes(found)[2] == "not known"
        assert found.verdict == "nothing"
        assert "no uniform baseline of this edition is published" in found.sentence


def test_the_duel_is_with_the_fresh_arm_that_is_hardest_to_beat():
    """Of the published fresh arms, the duel uses the one that transfer runs beat least often."""
    hard = PUBLISHED | {"best": scores(UNDEFINED, fresh=200.0)}
    found = claim(scores(SURE), hard).duel
    assert found
    assert (found.against, found.figure.value) == ("best", 0.5)
    assert claim(scores(SURE), {}).duel is None


def test_harm_is_claimed_by_interval_and_p_value():
    """A negative contrast needs the first two conditions; a weak fresh arm cannot make transfer lose."""
    assert claim(scores(HARM), {}).verdict == "hurts"
    assert "pre-training hurts" in claim(scores(HARM)).sentence
    assert claim(scores(figure(-0.3, -0.5, -0.1, 0.06))).verdict == "nothing"


def test_several_learners_are_corrected_for():
    """p = 0.03 is enough alone but not with a second learner; the words give the number of learners."""
    good = scores(figure(0.3, 0.1, 0.5, 0.03))
    assert claim(good).verdict == "helps"
    both = claims([good, scores(figure(0.3, 0.1, 0.5, 0.5))], PUBLISHED)
    assert [one.p_value for one in both] == [0.06, 0.5]
    assert both[0].verdict == "nothing"
    assert "p = 0.060 (corrected for 2 learners) is not below 0.05" in both[0].sentence


def test_a_learner_without_a_p_value_is_corrected_for_too():
    """One of two has no null: the other's p is that of two learners, as its words say."""
    both = claims([scores(figure(0.3, 0.1, 0.5, 0.03)), scores(UNDEFINED)], PUBLISHED)
    assert [one.p_value for one in both] == [0.06, None]
    assert "p = 0.060 (corrected for 2 learners) is not below 0.05" in both[0].sentence


def test_a_duel_is_over_the_games_that_count_for_both():
    """A game in which the baseline had negative rewards is in no duel with it: only ties are left."""
    even = scores(SURE, fresh=200.0)
    lost = game("qbert", 2, 1000.0, 1000.0, negative=True)
    games = (*even.transfer.games[:2], lost)
    hard = even.model_copy(update={"transfer": even.transfer.model_copy(update={"games": games})})
    found = claim(scores(SURE), {"hard": hard}).duel
    assert found
    assert found.figure.value == 0.5
    assert duel_of_arms(scores(SURE), "transfer", even, "fresh").value == 0.5
    assert duel_of_arms(hard, "fresh", scores(SURE), "transfer").value == 0.5


def test_holm_by_hand():
    """The corrected values of 0.01, 0.04 and 0.03 are 0.03, 0.06 and 0.06, in the same places."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=6))
def test_holm_lies_between_no_correction_and_bonferroni(p_values):
    """No p gets smaller, none is more than N times as large, and their order stays."""
    corrected = holm(p_values)
    for one, other in zip(p_values, corrected, strict=True):
        assert one <= other <= min(1.0, len(p_values) * one) + 1e-12
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [corrected[place] for place in order] == sorted(corrected)


@pytest.mark.parametrize(
    ("p_value", "text"),
    [
        (0.0496, "0.0496"),
        (0.04998, "0.04998"),
        (0.05, "0.050"),
        (0.0494, "0.049"),
        (0.0, "0.000"),
        (1.0, "1.000"),
        (2 / 65_536, "0.00003"),
        (0.0005, "0.001"),
    ],
)
def test_a_p_value_below_the_level_is_seen_to_be(p_value, text):
    """A p that rounds to 0.05 and is below it, or to 0 and is above it, is given more digits."""
    assert p_value_text(p_value) == text


def test_where_no_game_counts_nothing_is_said_of_games():
    """Without a counted game it is not known whether the fresh arm is weak, and there is no duel."""
    none = scores(UNDEFINED)
    games = tuple(one.model_copy(update={"negative_rewards": True}) for one in none.transfer.games)
    none = none.model_copy(update={"transfer": none.transfer.model_copy(update={"games": games})})
    found = claim(none)
    assert outcomes(found) == ["not known"] * 4
    assert "no game counts" in found.sentence
    assert found.duel is None


def test_a_baseline_that_shares_no_game_is_no_rival():
    """It is not the hardest to beat, and takes no place in the rank."""
    games = tuple(one.model_copy(update={"negative_rewards": True}) for one in PUBLISHED["ppo"].transfer.games)
    transfer = PUBLISHED["ppo"].transfer.model_copy(update={"games": games})
    strange = PUBLISHED["ppo"].model_copy(update={"transfer": transfer})
    found = claim(scores(SURE), PUBLISHED | {"strange": strange})
    assert found.duel == claim(scores(SURE)).duel
    assert standing(scores(SURE), {"strange": strange}).rank is None


def test_a_copy_is_no_further_learner():
    """However often the same scores are given, p-values are corrected for the learners that differ."""
    sure, other = scores(SURE), scores(figure(0.3, 0.1, 0.5, 0.03))
    once = claims([sure, other], PUBLISHED)
    assert claims([sure, other, sure, other.model_copy(), sure], PUBLISHED) == (*once, *once, once[0])
    renamed = sure.model_copy(update={"learner": "thief:make", "configuration_digest": "1" * 64})
    assert claims([sure, other, renamed], PUBLISHED) == (*once, once[0])
    assert [found.learners for found in once] == [2, 2]
    assert [found.p_value for found in once] == [0.02, 0.03]
