"""The runs that are played again are drawn by a seed, comparable, and enough to show a false claim."""

import pytest

from protocol import UnknownName, parse_run_id
from suite.verify.retrain_plan import draw_runs, enough, more_runs, units_of, with_ancestors
from tests.suite.helpers import V1

LITE, SMOKE = V1.edition("lite"), V1.edition("smoke")


ONE, OTHER = LITE.folds[3][:2]


def ids(*texts: str):
    return [parse_run_id(text, V1) for text in texts]


def test_runs_are_drawn_by_their_seed():
    """The same seed draws the same runs, another seed others, and more runs begin with the fewer."""
    assert draw_runs(LITE, 6, 1) == draw_runs(LITE, 8, 1)[:6]
    assert draw_runs(LITE, 6, 1) != draw_runs(LITE, 6, 2)
    assert len({parse_run_id(text, V1) for text in draw_runs(LITE, 52, 3)}) == 52
    for count in (0, 53):
        with pytest.raises(UnknownName, match="from 1 to 52"):
            draw_runs(LITE, count, 1)


@pytest.mark.parametrize(("edition", "count"), [(LITE, 4), (V1.edition("full"), 5), (SMOKE, 7)])
@pytest.mark.parametrize("seed", range(5))
def test_drawn_runs_can_tell(edition, count, seed):
    """As many drawn runs as the docs say are of all arms and enough for the test; one less is too few."""
    chosen = ids(*draw_runs(edition, count, seed))
    assert {run_id.arm for run_id in chosen} == {"fresh", "transfer", "generalist"}
    assert enough(units_of(with_ancestors(chosen, V1)), edition.seeds)
    assert not enough(units_of(with_ancestors(chosen[:-1], V1)), edition.seeds)


def test_every_number_of_drawn_runs_can_be_compared():
    """Transfer runs of a fold are of one game, so that any number of them makes strata."""
    for count in range(1, 53):
        assert units_of(with_ancestors(ids(*draw_runs(LITE, count, count)), V1))


def test_runs_that_share_a_checkpoint_are_one_unit():
    """A transfer run stands with the pretrain run that it starts from, and two games of a seed with both."""
    chosen = ids(f"lite/transfer/fold3/{ONE}/seed1", f"lite/transfer/fold3/{OTHER}/seed1")
    (units,) = units_of(with_ancestors(chosen, V1))
    assert (units.name, units.seeds, len(units.kinds)) == ("fold 3", (1,), 3)


def test_seeds_of_a_fold_need_the_same_runs():
    """Other games for another seed of the same fold are refused."""
    chosen = ids(f"lite/transfer/fold3/{ONE}/seed1", f"lite/transfer/fold3/{OTHER}/seed0")
    with pytest.raises(UnknownName, match="fold 3"):
        units_of(with_ancestors(chosen, V1))


@pytest.mark.parametrize(
    "text", ["smoke/fresh/breakout/seed0", "lite/generalist/seed0", f"lite/transfer/fold3/{ONE}/seed1"]
)
def test_what_to_add_makes_it_enough(text):
    """One run is too few; with the runs that are suggested there are enough, and nothing more to add."""
    chosen = ids(text)
    edition = V1.edition(chosen[0].edition)
    more = more_runs(V1, edition, chosen)
    assert not enough(units_of(with_ancestors(chosen, V1)), edition.seeds)
    assert enough(units_of(with_ancestors([*chosen, *more], V1)), edition.seeds)
    assert more_runs(V1, edition, [*chosen, *more]) == []
