"""The published ceiling of transfer: plays of learners that start a game as themselves."""

import pytest

from protocol import RunId
from suite.release.self_transfer import SelfTransfer, control_games, read_self_transfer, self_transfer_sheet
from suite.report.sheets import markdown_table
from suite.results.published import published_baselines
from suite.results.results import open_results
from suite.scoring.comparison import read_contenders
from tests.bench.self_transfer import checkpoint
from tests.suite.helpers import V1

DIGEST = "0" * 64


def play(learner, game, seed, tenths):
    return SelfTransfer(
        learner=learner, game=game, seed=seed, checkpoint_sha256=DIGEST, tenths=tuple(tenths), cpu="a CPU"
    )


@pytest.fixture(scope="module")
def contenders():
    """Two learners of ``smoke``: two seeds, 2,000 agent steps a run, so 200 a tenth."""
    return read_contenders(["ppo", "uniform"], "smoke")


def test_a_learner_stands_beside_its_fresh_runs(contenders):
    """The sums of its plays are compared with what its fresh runs earned, as the contrast of the means."""
    plays = [
        play("uniform", "breakout", 0, (1, *[0] * 8, 3)),
        play("uniform", "breakout", 1, (3, *[0] * 8, 5)),
        play("ppo", "asterix", 1, [0] * 10),  # of one seed alone
    ]
    table = markdown_table(self_transfer_sheet(contenders, plays))
    runs = contenders[1].outcomes.curves.fresh[contenders[1].outcomes.games.index("breakout"), :, -1]
    fresh = runs.mean()
    (row,) = [line for line in table.splitlines() if "breakout" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:6] == ["uniform", "breakout", f"{fresh:,.1f}", "6.0", "10.0", "20.0"]
    assert cells[6].split() == [f"{4 / runs[0]:.3f}", f"{8 / runs[1]:.3f}"]
    assert cells[7].startswith(f"{(6 - fresh) / (6 + fresh):+.3f} [")
    assert "asterix" not in table


def test_learners_stand_in_the_order_of_the_comparison(contenders):
    """Whatever order they were played in."""
    plays = [play(name, "breakout", seed, [1] * 10) for name in ("uniform", "ppo") for seed in (1, 0)]
    rows = markdown_table(self_transfer_sheet(contenders, plays)).splitlines()[4:]
    assert [row.split("|")[1].strip() for row in rows] == ["ppo", "uniform"]


def test_an_edition_without_plays_has_none():
    """There is no file for ``smoke``, whose runs say nothing."""
    assert read_self_transfer("smoke") == ()


def test_the_games_are_the_first_of_two_folds():
    """They are games of two folds, so that no learner's pre-training has both."""
    assert control_games(V1.edition("lite")) == ("crazy_climber", "hero")


def test_published_plays_start_where_published_runs_ended():
    """Each begins as the checkpoint of a published fresh run, in a control game; no seed is there twice."""
    plays = read_self_transfer("lite")
    for one in plays:
        assert one.learner in published_baselines("lite")
        assert one.game in control_games(V1.edition("lite"))
        record = open_results(one.learner, "lite").record(RunId("lite", "fresh", None, one.game, one.seed))
        assert one.checkpoint_sha256 == record.checkpoint_out
    assert len({(one.learner, one.game, one.seed) for one in plays}) == len(plays)


def test_a_checkpoint_that_was_not_published_starts_nothing(tmp_path):
    """Uniform play's is an empty file of a name; any other folder in its place is refused."""
    run_id = RunId("lite", "fresh", None, "hero", 0)
    folder = tmp_path / "fresh" / "hero" / "seed0" / "checkpoint"
    folder.mkdir(parents=True)
    (folder / "no_weights").touch()
    assert checkpoint("uniform", run_id, tmp_path)[0] == folder
    (folder / "no_weights").write_text("some")
    with pytest.raises(SystemExit, match="is not the checkpoint that uniform has published; delete its run"):
        checkpoint("uniform", run_id, tmp_path)
