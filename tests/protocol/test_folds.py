"""The folds as a pure function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import make_folds

games = st.lists(st.from_regex("[a-z]{1,6}", fullmatch=True), min_size=1, max_size=30, unique=True)


@given(games, st.data())
def test_folds_partition_evenly(games, data):
    """Every game is in exactly one fold, and sizes differ by one at most."""
    folds = make_folds(games, data.draw(st.integers(1, len(games))), data.draw(st.integers(0, 99)))
    assert sorted(game for fold in folds for game in fold) == sorted(games)
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1


@given(games, st.randoms(use_true_random=False))
def test_order_of_games_does_not_matter(games, random):
    """The same games in another order make the same folds."""
    shuffled = random.sample(games, len(games))
    assert make_folds(shuffled, len(games), 7) == make_folds(games, len(games), 7)


def test_seed_decides():
    """The same seed gives the same folds, another seed others."""
    names = [f"game{index}" for index in range(20)]
    assert make_folds(names, 4, 1) == make_folds(names, 4, 1)
    assert make_folds(names, 4, 1) != make_folds(names, 4, 2)


@pytest.mark.parametrize(("games", "number"), [(["a", "a"], 1), (["a"], 2), (["a"], 0)])
def test_impossible_folds_are_refused(games, number):
    """Repeated games and numbers out of range raise ValueError."""
    with pytest.raises(ValueError):
        make_folds(games, number, 0)
