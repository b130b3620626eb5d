"""The flavours of the edition ``flavours`` are what the rule and the data give."""

import tomllib
from itertools import islice

import numpy as np
import pytest

from protocol import Edition
from tests import ROOT
from tests.bench.flavour_looks import MOST_CANDIDATES, STEPS, Looks, difference, flavours_of, mean_pictures
from tests.bench.flavours import (
    FLAVOURS,
    GAMES,
    LEARNERS,
    LITE_DATA,
    LOOKS,
    PLAYS,
    TABLE,
    Choice,
    edition_table,
    games,
    judge_game,
    page,
)
from tests.bench.pilot import Part, Pilot
from tests.bench.verdict import Verdict

CHOICE = Choice(Looks(ROOT / LOOKS), Pilot(ROOT / PLAYS, LEARNERS, [ROOT / LITE_DATA]))


def verdict(qualifies: bool) -> Verdict:
    return Verdict(0, 1.0, (0, 1.0), {"ppo": 100.0 if qualifies else 1.0})


def test_games_stand_in_the_order_of_the_rule():
    """Farebrother's games come first, then those of lite; games that learners were tuned on are left out."""
    order = [*islice(games(), 6)]
    assert order == ["space_invaders", "breakout", "hero", "alien", "crazy_climber", "venture"]


def test_flavours_stand_in_the_order_of_the_rule():
    """The default flavour is the game itself; the others follow by their hash, each once."""
    assert flavours_of("hero") == ["hero", *(f"hero_mode{mode}_difficulty0" for mode in (2, 1, 4, 3))]
    assert len({*flavours_of("space_invaders")}) == 32


@pytest.mark.parametrize(
    ("known", "qualified", "following"),
    [
        ("", "", "a"),
        ("y", "a", "b"),
        ("n", "", None),
        ("yy", "ab", "c"),
        ("yyy", "abc", None),
        ("yn", "a", "c"),
        ("yny", "ac", "d"),
        ("ynyy", "acd", None),
        ("ynyn", "ac", None),
        ("ynn", "a", None),
        ("yynn", "ab", None),
    ],
)
def test_a_game_needs_its_default_flavour_and_two_more(known, qualified, following):
    """A game is played no further once its default flavour has failed, two others have, or three qualified."""
    verdicts = {flavour: verdict(letter == "y") for flavour, letter in zip("abcd", known, strict=False)}
    outcome = judge_game("abcd", verdicts.get)
    assert ("".join(outcome.qualified), outcome.next_flavour) == (qualified, following)
    assert outcome.qualifies == (len(qualified) == 3)


def test_three_candidates_must_all_qualify():
    """A game of three candidates ends with the first that fails, and one of two is not played at all."""
    assert judge_game("abc", {"a": verdict(True), "b": verdict(False)}.get).next_flavour is None
    assert judge_game("ab", {}.get) == ((), None)


def test_a_candidate_looks_different_from_all_before_it(tmp_path):
    """A flavour whose pictures differ less than twice as much as plays from one candidate's is none."""
    looks = Looks(tmp_path / "looks.jsonl")
    assert looks.candidates("hero") == (["hero"], ("hero_mode2_difficulty0", "hero"))
    two, one, four = flavours_of("hero")[1:4]
    for flavour, other, between in (
        (two, "hero", 2.0),
        (one, "hero", 1.9),
        (four, "hero", 9.0),
        (four, two, 0.0),
    ):
        looks.pairs[flavour, other] = {"between": between, "within": 1.0}
    last = flavours_of("hero")[4]
    assert looks.candidates("hero") == (["hero", two], (last, "hero"))
    looks.pairs |= {(last, other): {"between": 3.0, "within": 1.0} for other in ("hero", two)}
    assert looks.candidates("hero") == (["hero", two, last], None)


def test_the_difference_of_mean_pictures_is_over_different_seeds():
    """Each pair of different seeds counts once, in either direction, and equal seeds do not."""
    one, other = np.zeros((3, 2, 2)), np.array([0.0, 3.0, 9.0]).reshape(3, 1, 1) * np.ones((3, 2, 2))
    assert difference(one, other) == 4.0
    assert difference(other, other) == 6.0


def test_mean_pictures_are_measured_again():
    """The same flavour has the same mean pictures, another mode others; seeds differ."""
    first = mean_pictures("breakout_mode28_difficulty0")
    assert np.array_equal(first, mean_pictures("breakout_mode28_difficulty0"))
    assert not np.array_equal(first[0], first[1])
    assert first.shape == (3, 84, 84)
    assert 0 < first.mean() < 255
    assert STEPS == 1000


def test_the_edition_is_a_table_of_the_protocol():
    """The printed table loads as an edition of 12 flavours; each fold holds out one of each game."""
    chosen = {
        name: tuple(f"{name}_mode{mode}_difficulty1" for mode in range(3)) for name in ("a", "b", "c", "d")
    }
    (table,) = tomllib.loads(edition_table(chosen))["editions"]
    edition = Edition.model_validate(
        table | {"games": tuple(table["games"]), "folds": tuple(map(tuple, table["folds"]))}
    )
    assert (len(edition.games), edition.budget_frames, edition.seeds) == (12, 400_000, 3)
    assert [sorted(name[0] for name in fold) for fold in edition.folds] == [["a", "b", "c", "d"]] * 3


def test_the_page_says_what_the_data_say():
    """The docs' table is the one that the data give, whether or not the pilot is complete."""
    assert (ROOT / TABLE).read_text(encoding="utf-8") == page(CHOICE)


def test_no_line_is_there_twice():
    """Each pair and each play of the data files was measured once, with PPO of one configuration."""
    assert len((ROOT / LOOKS).read_text(encoding="utf-8").splitlines()) == len(CHOICE.looks.pairs)
    plays = Pilot(ROOT / PLAYS, LEARNERS)
    assert len((ROOT / PLAYS).read_text(encoding="utf-8").splitlines()) == len(plays.parts)
    learned = [line for part, line in CHOICE.pilot.parts.items() if part.player == "ppo"]
    assert len({str(line["configuration"]) for line in learned}) == 1
    assert Part("hero", "ppo", 0) in CHOICE.pilot.parts


def test_what_is_chosen_has_three_flavours_of_each_game():
    """No game is chosen with fewer flavours or more candidates than the rule says."""
    chosen = CHOICE.chosen()
    assert len(chosen) <= GAMES
    for game, flavours in chosen.items():
        candidates, _ = CHOICE.looks.candidates(game)
        assert len(flavours) == FLAVOURS <= len(candidates) <= MOST_CANDIDATES
        assert flavours[0] == game
