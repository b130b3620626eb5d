"""Every seed: stable for ever, and all different."""

from itertools import product

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from protocol import conformance_seed, episode_seed, game_choice, learner_seed, load, plan
from protocol.seeds import canonical_list

DIGEST = "0" * 64
RUN = "smoke/fresh/breakout/seed0"


def test_derivations_are_stable():
    """The derivations give the values that they gave when they were written."""
    assert episode_seed(DIGEST, RUN, 0, 0) == 16967887087354510322
    assert learner_seed(DIGEST, 0, "training") == 49608493
    choices = [game_choice(DIGEST, "smoke/generalist/seed0", lane, 0, [1, 1, 1]) for lane in range(8)]
    assert choices == [2, 0, 1, 0, 0, 2, 0, 1]
    choices = [game_choice(DIGEST, "smoke/generalist/seed0", 0, number, [1, 1, 1]) for number in range(8)]
    assert choices == [2, 1, 0, 2, 1, 0, 2, 0]
    assert conformance_seed("pong", "actions", 0) == 3728093727485941186
    assert conformance_seed("pong", "episode", 0) == 10390422536376272742


@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
            st.integers(-(2**53) + 1, 2**53 - 1),
        ),
        max_size=6,
    )
)
def test_hashed_lists_are_in_canonical_form(parts):
    """The hashed bytes are the RFC 8785 canonical JSON, whatever the names and numbers."""
    assert canonical_list(*parts) == rfc8785.dumps(parts)


def test_every_argument_matters():
    """Another edition, run, lane or number is another episode seed."""
    seeds = {
        episode_seed(digest, run, lane, number)
        for digest, run, lane, number in product([DIGEST, "1" * 64], [RUN, RUN[:-1] + "1"], range(8), range(50))
    }
    assert len(seeds) == 2 * 2 * 8 * 50


def test_learner_seeds_name_no_run():
    """An edition has as many learner seeds as seeds times phases: none reveals game, fold or arm."""
    v1 = load("v1")
    every = set()
    for edition in v1.editions:
        runs = plan(v1, edition)
        seeds = {run.learner_seed(phase) for run in runs for phase in ("training", "evaluation")}
        assert len(seeds) == edition.seeds * 2
        assert all(0 <= seed < 2**32 for seed in seeds)
        every |= seeds
    assert len(every) == sum(edition.seeds * 2 for edition in v1.editions)


def test_episode_seeds_of_an_edition_are_unique():
    """The first hundred episodes of every lane of every lite run all have different seeds."""
    v1 = load("v1")
    runs = plan(v1, v1.edition("lite"))
    seeds = [run.episode_seed(lane, number) for run, lane, number in product(runs, range(8), range(100))]
    assert len(set(seeds)) == len(seeds)


@given(
    st.lists(st.integers(0, 2**40), min_size=1, max_size=62).filter(any),
    st.integers(0, 7),
    st.integers(0, 10**6),
)
def test_a_game_without_weight_is_never_drawn(weights, lane, number):
    """The drawn game has a positive weight."""
    assert weights[game_choice(DIGEST, RUN, lane, number, weights)] > 0


def test_games_are_drawn_in_proportion():
    """Over 4,000 draws, the frequency of each game matches its weight within four standard deviations."""
    draws = [game_choice(DIGEST, RUN, lane, number, [1, 3, 4]) for lane in range(8) for number in range(500)]
    for game, share in enumerate((1 / 8, 3 / 8, 4 / 8)):
        deviation = (4000 * share * (1 - share)) ** 0.5
        assert abs(draws.count(game) - 4000 * share) < 4 * deviation


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_impossible_weights_are_refused(weights):
    """Without a positive weight, or with a negative one, nothing is drawn."""
    with pytest.raises(ValueError):
        game_choice(DIGEST, RUN, 0, 0, weights)
