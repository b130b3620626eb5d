"""The folds as a pure function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import make_folds, make_stratified_folds

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


groups = st.lists(st.integers(3, 6), min_size=1, max_size=5).map(
    lambda sizes: [[f"game{place}_{member}" for member in range(size)] for place, size in enumerate(sizes)]
)


@given(groups, st.integers(1, 3), st.integers(0, 99))
def test_each_fold_has_its_share_of_each_group(groups, number, seed):
    """Every name is in exactly one fold, and no two folds differ by more than one in a group."""
    folds = make_stratified_folds(groups, number, seed)
    assert sorted(name for fold in folds for name in fold) == sorted(name for group in groups for name in group)
    for group in groups:
        shares = [len({*fold} & {*group}) for fold in folds]
        assert max(shares) - min(shares) <= 1


@given(groups, st.integers(1, 3))
def test_one_group_is_dealt_like_an_edition(groups, number):
    """With one group, stratified folds are the folds."""
    assert make_stratified_folds(groups[:1], number, 7) == make_folds(groups[0], number, 7)


@pytest.mark.parametrize(
    ("groups", "number"), [([["a", "b"], ["a", "c"]], 2), ([["a", "b"], ["c"]], 2), ([["a"]], 0)]
)
def test_impossible_shares_are_refused(groups, number):
    """A name in two groups, and a group that does not reach all folds, raise ValueError."""
    with pytest.raises(ValueError):
        make_stratified_folds(groups, number, 0)
