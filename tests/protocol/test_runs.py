"""The runs of an edition and their ids."""

import pytest

from protocol import RunId, UnknownName, load, parse_run_id, plan

V1 = load("v1")


@pytest.mark.parametrize(("edition", "number"), [("smoke", 20), ("lite", 84), ("full", 396)])
def test_plan_has_every_run_once(edition, number):
    """An edition has fresh, pretrain, transfer and generalist runs for every game or fold and seed."""
    runs = plan(V1, V1.edition(edition))
    games, folds = len(V1.edition(edition).games), len(V1.edition(edition).folds)
    assert len({run.run_id for run in runs}) == len(runs) == number
    assert number == V1.edition(edition).seeds * (games + folds + games + 1)


@pytest.mark.parametrize("edition", ["smoke", "lite", "full"])
def test_ids_are_read_back(edition):
    """Every id of an edition parses to the run that it names."""
    for run in plan(V1, V1.edition(edition)):
        assert parse_run_id(str(run.run_id), V1) == run.run_id


@pytest.mark.parametrize("edition", ["smoke", "lite", "full"])
def test_transfer_starts_from_the_pretrain_run_of_its_fold_and_seed(edition):
    """Only transfer runs have an ancestor: same fold, same seed, listed before, never trained on the game."""
    seen = {}
    for run in plan(V1, V1.edition(edition)):
        if run.run_id.arm == "transfer":
            ancestor = seen[run.starts_from]
            assert ancestor.run_id == RunId(edition, "pretrain", run.run_id.fold, None, run.run_id.seed)
            assert run.run_id.game not in ancestor.games
        else:
            assert run.starts_from is None
        seen[run.run_id] = run


def test_budgets_and_evaluation_by_arm():
    """Each game of a run has B frames; all runs except pretrain runs are evaluated."""
    runs = {str(run.run_id): run for run in plan(V1, V1.edition("lite"))}
    expected = {
        "lite/fresh/qbert/seed3": (1, 400_000, 16),
        "lite/pretrain/fold3/seed3": (6, 2_400_000, 0),
        "lite/transfer/fold2/qbert/seed3": (1, 400_000, 16),
        "lite/generalist/seed3": (8, 3_200_000, 16),
    }
    for name, (games, frames, episodes) in expected.items():
        run = runs[name]
        assert (len(run.games), run.total_budget_frames, run.evaluation_episodes) == (games, frames, episodes)


def test_steps_are_frames_over_the_skip():
    """For 8 games of 400,000 frames with 16 evaluation episodes each, one step is 4 frames."""
    run = next(run for run in plan(V1, V1.edition("lite")) if run.run_id.arm == "generalist")
    assert (run.budget_steps, run.total_budget_steps) == (100_000, 800_000)
    assert run.evaluation_max_steps == run.evaluation_max_frames // 4
    assert run.most_steps == 800_000 + 8 * 16 * run.evaluation_max_steps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "smoke",
        "smoke/fresh/breakout",
        "smoke/fresh/breakout/seed2",
        "smoke/fresh/breakout/seed00",
        "smoke/fresh/pong/seed0",
        "smoke/fresh/fold0/breakout/seed0",
        "smoke/pretrain/fold3/seed0",
        "smoke/pretrain/breakout/seed0",
        "smoke/transfer/fold0/breakout/seed0",
        "smoke/transfer/breakout/seed0",
        "smoke/generalist/fold0/seed0",
        "smoke/../fresh/breakout/seed0",
        "smoke/fresh/breakout/seed0\n",
        "huge/generalist/seed0",
    ],
)
def test_other_ids_are_refused(text):
    """An id that names no run is an UnknownName."""
    with pytest.raises(UnknownName):
        parse_run_id(text, V1)
