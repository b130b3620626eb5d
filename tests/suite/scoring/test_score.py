"""From a results folder to its scores."""

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from protocol import Run, StoreError, describe, parse_run_id, plan
from suite.results.columns import Columns
from suite.results.editions import edition_of
from suite.results.ledger import episodes_of, read_ledger
from suite.results.results import open_results
from suite.results.store import Store
from suite.scoring.claims import claims
from suite.scoring.estimates import UNDEFINED, Figure
from suite.scoring.ledger_outcomes import GameOutcome, game_outcomes
from suite.scoring.outcomes import assemble, read_outcomes
from suite.scoring.resampling import Draws
from suite.scoring.score import SCORERS, drawn_scores, score, score_outcomes, scores_text
from suite.scoring.scores import Scores
from tests.suite.helpers import V1

SMOKE = V1.edition("smoke")
BREAKOUT = describe(parse_run_id("smoke/fresh/breakout/seed0", V1), V1)


def in_breakout(table: pa.Table) -> GameOutcome:
    """The rewards in Breakout, read directly from the rows of a ledger."""
    return game_outcomes(Columns.of(table, BREAKOUT.games), BREAKOUT)["breakout"]


def returns_of(folder, arm: str, game: str, phase: str) -> list[int]:
    """The returns of one game in all runs of an arm, read in a naive way."""
    returns = []
    for run in plan(V1, SMOKE):
        if run.run_id.arm == arm:
            for episode in episodes_of(read_ledger(folder / run.run_id.path / "ledger.parquet")):
                if (episode.game, episode.phase) == (game, phase):
                    returns.append(episode.episode_return)
    return returns


def test_scores_recompute_from_the_ledgers(smoke_results):
    """Every figure equals naive sums over the episodes."""
    scores = score(smoke_results)
    assert {game.game for game in scores.transfer.games} == set(SMOKE.games)
    ratios = []
    for game in scores.transfer.games:
        assert game.game in SMOKE.folds[game.fold]
        fresh, transfer = (
            sum(returns_of(smoke_results, arm, game.game, "training")) / 2 for arm in ("fresh", "transfer")
        )
        assert (game.fresh_reward, game.transfer_reward) == (fresh, transfer)
        assert game.ratio.value == pytest.approx(transfer / fresh)
        assert game.contrast.value == pytest.approx((transfer - fresh) / (transfer + fresh))
        ratios.append(transfer / fresh)
    assert scores.transfer.ratio.value == pytest.approx(np.mean(ratios))
    assert scores.transfer.ratio_curve.values[-1] == scores.transfer.ratio.value
    assert (scores.transfer.defined_games, scores.transfer.undefined_games) == (3, ())
    for game in scores.multitask:
        generalist, specialist = (
            returns_of(smoke_results, arm, game.game, "evaluation") for arm in ("generalist", "fresh")
        )
        assert len(generalist) == len(specialist) == 16
        assert (game.generalist_mean, game.generalist_top) == (np.mean(generalist), max(generalist))
        assert (game.specialist_mean, game.specialist_top) == (np.mean(specialist), max(specialist))


def test_curve_is_cumulative_reward_over_frames(smoke_results):
    """The middle of the curve has the rewards of the first half of the frames, counted step by step."""
    scores = score(smoke_results)
    halves = {"fresh": {}, "transfer": {}}
    for arm, by_game in halves.items():
        for run in plan(V1, SMOKE):
            if run.run_id.arm != arm:
                continue
            lane_steps = [0] * V1.lanes
            for episode in sorted(
                episodes_of(read_ledger(smoke_results / run.run_id.path / "ledger.parquet")),
                key=lambda e: e.number,
            ):
                if episode.phase == "training":
                    start = lane_steps[episode.lane]
                    early = [
                        r
                        for s, r in zip(episode.reward_steps, episode.rewards, strict=True)
                        if (start + s + 1) * 32 <= 4000
                    ]
                    by_game[episode.game] = by_game.get(episode.game, 0) + sum(early)
                    lane_steps[episode.lane] += episode.length_steps
    expected = np.mean([halves["transfer"][game] / halves["fresh"][game] for game in SMOKE.games])
    assert scores.transfer.grid_frames[49] == 4000
    assert scores.transfer.ratio_curve.values[49] == pytest.approx(expected)


def test_generalists_curve_counts_frames_of_the_game(smoke_results):
    """The generalist's rewards in a game are placed on the frames that this game received, step by step."""
    outcomes = read_outcomes(Store(smoke_results, V1), SMOKE)
    run = parse_run_id("smoke/generalist/seed1", V1)
    lane_steps, given, paid = [0] * V1.lanes, {}, {}
    for episode in sorted(
        episodes_of(read_ledger(smoke_results / run.path / "ledger.parquet")), key=lambda e: e.number
    ):
        if episode.phase == "training":
            start = lane_steps[episode.lane]
            for step in range(start, start + episode.length_steps):
                given.setdefault(episode.game, {}).setdefault(step, 0)
                given[episode.game][step] += 4
            for step, reward in zip(episode.reward_steps, episode.rewards, strict=True):
                paid.setdefault(episode.game, []).append((start + step, reward))
            lane_steps[episode.lane] = start + episode.length_steps
    for place, game in enumerate(outcomes.games):
        clock = np.cumsum([given[game].get(step, 0) for step in range(max(lane_steps))])
        expected = [
            sum(reward for step, reward in paid.get(game, []) if clock[step] <= frames)
            for frames in outcomes.grid_frames
        ]
        assert outcomes.curves.generalist[place, 1].tolist() == expected
        assert clock[-1] == SMOKE.budget_frames


def test_every_figure_stands_beside_its_null(smoke_results):
    """Each aggregate has an interval around it, a null and a p-value; without transfer it is in the null."""
    transfer = score(smoke_results).transfer
    for name in ("contrast", "mean_contrast", "ratio", "win_probability", "final_contrast"):
        figure = getattr(transfer, name)
        assert figure.interval.low <= figure.value <= figure.interval.high, name
        assert figure.null.low <= figure.null.median <= figure.null.high, name
        assert 0 < figure.null.p_value <= 1, name
        assert figure.null.minimum_detectable_effect > 0, name
        assert figure.null.low <= figure.value <= figure.null.high, name
    assert transfer.contrast.interval.low <= 0 <= transfer.contrast.interval.high
    assert (transfer.counted_games, len(transfer.contrast_curve.values)) == (3, 100)


def test_scores_follow_from_the_resampling_seed(smoke_results):
    """The same seed gives the same scores; another seed changes intervals but no values."""
    outcomes = read_outcomes(Store(smoke_results, V1), SMOKE)
    one, again, other = (drawn_scores(outcomes, 3, Draws(200, 20), seed) for seed in (1, 1, 2))
    assert one == again
    assert one.transfer.contrast.value == other.transfer.contrast.value
    assert one.transfer != other.transfer


def test_written_scores_are_stable_and_read_back(smoke_results, amtlb):
    """Scoring twice writes the same bytes, which parse to the same scores."""
    written = (smoke_results / "scores.json").read_bytes()
    assert amtlb("scores", smoke_results).returncode == 0
    assert (smoke_results / "scores.json").read_bytes() == written
    assert Scores.model_validate_json(written) == score(smoke_results)


def test_p_values_of_smoke_are_exact(smoke_results):
    """Three folds of two seeds have 64 swaps: every p-value over all games is a multiple of 1/64."""
    transfer = score(smoke_results).transfer
    for figure in (transfer.contrast, transfer.win_probability, transfer.final_contrast):
        assert (64 * figure.null.p_value) % 1 == 0


def test_final_performance_recomputes_from_the_evaluations(smoke_results):
    """The final figures are the mean evaluation returns of the transfer and the fresh runs."""
    for game in score(smoke_results).transfer.games:
        fresh, transfer = (
            np.mean(returns_of(smoke_results, arm, game.game, "evaluation")) for arm in ("fresh", "transfer")
        )
        assert (game.fresh_final, game.transfer_final) == pytest.approx((fresh, transfer))
        assert game.final_contrast.value == pytest.approx((transfer - fresh) / (transfer + fresh))


def test_pre_trainings_own_reward_recomputes_from_its_ledgers(smoke_results):
    """A game's reward in pre-training is the mean over two folds (all except its own) and two seeds."""
    for game in score(smoke_results).transfer.games:
        earned = sum(returns_of(smoke_results, "pretrain", game.game, "training")) / 4
        assert game.pretrain_reward == pytest.approx(earned)
        fresh = game.fresh_reward
        assert game.pretraining_contrast.value == pytest.approx((earned - fresh) / (earned + fresh))


def test_rewards_stand_by_seed(smoke_results):
    """Each seed's reward is published, and the game's reward is their mean."""
    for game in score(smoke_results).transfer.games:
        for rewards, mean in (
            (game.fresh_rewards, game.fresh_reward),
            (game.transfer_rewards, game.transfer_reward),
        ):
            assert len(rewards) == SMOKE.seeds
            assert np.mean(rewards) == mean


def test_games_with_negative_rewards_enter_no_figure_over_all_games(smoke_results):
    """A game with negative rewards is named, keeps its row, and changes no figure over all games."""
    outcomes = read_outcomes(Store(smoke_results, V1), SMOKE)
    assert outcomes.negative == (False, False, False)
    marked = replace(outcomes, negative=(False, True, False))
    curves = outcomes.curves.transfer.copy()
    curves[1] = -1e6 - curves[1]
    spoiled = replace(marked, curves=outcomes.curves._replace(transfer=curves))
    one, other = score_outcomes(marked).transfer, score_outcomes(spoiled).transfer
    assert (one.counted_games, one.negative_games) == (2, (outcomes.games[1],))
    assert [game.negative_rewards for game in one.games] == [False, True, False]
    assert one.contrast.value == pytest.approx(
        np.mean([one.games[0].contrast.value, one.games[2].contrast.value])
    )
    rows = {"games"}
    assert one.model_dump(exclude=rows) == other.model_dump(exclude=rows)
    assert other.games[1].contrast.value == -1


def test_where_all_games_have_negative_rewards_nothing_is_said(smoke_results):
    """Every figure over all games and every point of the curves is undefined; no number is NaN."""
    outcomes = replace(read_outcomes(Store(smoke_results, V1), SMOKE), negative=(True, True, True))
    scores = score_outcomes(outcomes)
    transfer = scores.transfer
    assert (transfer.counted_games, len(transfer.negative_games)) == (0, 3)
    for name, value in transfer:
        if isinstance(value, Figure):
            assert value == UNDEFINED, name
    assert set(transfer.contrast_curve.values) == set(transfer.ratio_curve.low) == {None}
    assert len(transfer.games) == 3
    assert "NaN" not in scores.model_dump_json()
    assert claims([scores], {"uniform": scores})[0].verdict == "nothing"


def test_a_negative_reward_in_any_phase_marks_the_game(smoke_results):
    """One reward of -1, in training or in evaluation, is enough."""
    path = smoke_results / "fresh" / "breakout" / "seed0" / "ledger.parquet"
    table = read_ledger(path)
    for phase in ("training", "evaluation"):
        rows = table.to_pylist()
        paid = next(row for row in rows if row["phase"] == phase and row["rewards"])
        paid["rewards"][0] = -1
        changed = pa.Table.from_pylist(rows, table.schema)
        assert in_breakout(changed).has_negative_reward
    assert not in_breakout(table).has_negative_reward


@pytest.mark.parametrize(
    "run", ["fresh/breakout/seed1", "pretrain/fold0/seed0", "transfer/fold1/breakout/seed1", "generalist/seed0"]
)
def test_a_game_with_a_negative_reward_in_any_run_does_not_count(smoke_results, run):
    """One run of any arm is enough, and the other games still count."""
    store = Store(smoke_results, V1)
    runs = plan(V1, SMOKE)
    records = tuple(store.record(one.run_id) for one in runs)
    found = {one.run_id: game_outcomes(columns_of(store, one), one) for one in runs}
    (changed,) = [one.run_id for one in runs if one.run_id.path == run]
    whole = assemble(V1, SMOKE, records, found)
    assert not any(whole.negative)
    found[changed]["breakout"] = found[changed]["breakout"]._replace(has_negative_reward=True)
    lost = assemble(V1, SMOKE, records, found)
    assert lost.negative == tuple(game == "breakout" for game in lost.games)
    assert [lost.games[place] for place in lost.counted] == [one for one in lost.games if one != "breakout"]


def columns_of(store: Store, run: Run) -> Columns:
    return Columns.of(read_ledger(store.ledger_path(run.run_id)), run.games)


def test_episodes_that_the_budget_cut_are_no_returns(smoke_results):
    """The mean training return is that of whole episodes; a run without whole episodes has none."""
    path = smoke_results / "fresh" / "breakout" / "seed0" / "ledger.parquet"
    table = read_ledger(path)
    whole = [
        episode.episode_return
        for episode in episodes_of(read_ledger(path))
        if episode.phase == "training" and episode.end_reason != "budget"
    ]
    found = in_breakout(table)
    assert (found.whole_episodes, found.training_return) == (len(whole), pytest.approx(np.mean(whole)))
    place = table.schema.get_field_index("end_reason")
    cut = table.set_column(place, table.schema.field(place), pa.array(["budget"] * table.num_rows))
    found = in_breakout(cut)
    assert (found.whole_episodes, found.training_return) == (0, 0.0)


def test_games_without_whole_episodes_are_named_and_left_out_of_the_gain(smoke_results):
    """The gain counts the games in which each run has a whole episode, and names the others."""
    outcomes = read_outcomes(Store(smoke_results, V1), SMOKE)
    ones = np.ones((3, 2))
    some = ones.copy()
    some[2, 1] = 0
    whole = outcomes.whole_episodes._replace(fresh=ones, transfer=some)
    transfer = score_outcomes(replace(outcomes, whole_episodes=whole)).transfer
    assert transfer.gain_games == 2
    assert transfer.games_without_whole_episodes == (outcomes.games[2],)
    gains = [game.human_normalised_gain for game in transfer.games]
    assert gains[2] is None
    assert transfer.human_normalised_gain.value == pytest.approx(np.mean(gains[:2]))
    none = outcomes.whole_episodes._replace(fresh=0 * ones)
    transfer = score_outcomes(replace(outcomes, whole_episodes=none)).transfer
    assert (transfer.gain_games, transfer.human_normalised_gain) == (0, UNDEFINED)


def test_scores_name_what_computed_them(smoke_results):
    """The file gives the versions of its format and of the scoring, and the latter selects the function."""
    outcomes = read_outcomes(Store(smoke_results, V1), SMOKE)
    scores = score_outcomes(outcomes)
    assert (scores.schema_version, scores.scoring_version) == (1, 3)
    assert SCORERS[scores.scoring_version](outcomes) == scores


def test_an_old_version_computes_what_it_computed():
    """Version 2 gives the file that was first published for ppo on ``lite``, to the byte."""
    results = open_results("ppo", "lite")
    text = scores_text(SCORERS[2](read_outcomes(results.store, results.edition)))
    published = "8d70a49345815ad2adc569782934459521a6f0b03e3ba7a8e4f12b36984db140"
    assert hashlib.sha256(text.encode()).hexdigest() == published


def test_versions_differ_in_their_p_values():
    """Version 2 draws 2,000 exchanges, version 3 counts all 65,536 of ``lite``; the rest agrees."""
    results = open_results("ppo", "lite")
    outcomes = read_outcomes(results.store, results.edition)
    two, three = (SCORERS[version](outcomes).transfer.mean_contrast for version in (2, 3))
    assert (two.value, two.interval) == (three.value, three.interval)
    assert two.null.p_value == pytest.approx(0.052, abs=5e-4)
    assert three.null.p_value == 2958 / 65_536


def test_missing_runs_are_named(smoke_results, tmp_path):
    """The error for a folder that lacks runs gives their number and the first one."""
    shutil.copytree(smoke_results, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "transfer")
    with pytest.raises(StoreError, match=r"lacks 6 of the 20 runs.*smoke/transfer/fold0/space_invaders/seed0"):
        read_outcomes(Store(tmp_path / "copy", V1), SMOKE)


@pytest.mark.parametrize("fault", ["lane as text", "reward steps lost", "rewards emptied"])
def test_ledgers_that_are_none_are_refused(smoke_results, tmp_path, fault):
    """A column of another type, inconsistent lists, a ledger other than the record's: each is a StoreError."""
    folder = tmp_path / "copy"
    shutil.copytree(smoke_results, folder)
    path = folder / "fresh" / "breakout" / "seed0" / "ledger.parquet"
    table = pq.read_table(path)
    empty = pa.array([[]] * table.num_rows, table.schema.field("rewards").type)
    changed = {
        "lane as text": lambda: table.set_column(1, "lane", table["lane"].cast(pa.string())),
        "reward steps lost": lambda: table.set_column(
            table.schema.get_field_index("reward_steps"), table.schema.field("reward_steps"), empty
        ),
        "rewards emptied": lambda: table.set_column(
            table.schema.get_field_index("reward_steps"), table.schema.field("reward_steps"), empty
        ).set_column(table.schema.get_field_index("rewards"), table.schema.field("rewards"), empty),
    }
    pq.write_table(changed[fault](), path)
    with pytest.raises(StoreError, match="ledger"):
        read_outcomes(Store(folder, V1), SMOKE)


def test_edition_is_read_from_the_records(smoke_results, tmp_path):
    """A results folder gives its own edition; an empty one is a StoreError."""
    assert edition_of(smoke_results, V1) == SMOKE
    with pytest.raises(StoreError, match="no complete run"):
        edition_of(tmp_path, V1)


def test_runs_of_two_learners_are_not_scored_together(smoke_results, tmp_path):
    """A folder whose records name two learners has no score."""
    shutil.copytree(smoke_results, tmp_path / "copy")
    record = tmp_path / "copy" / parse_run_id("smoke/generalist/seed0", V1).path / "record.json"
    record.write_text(record.read_text().replace("baselines.uniform:make", "other:make"))
    with pytest.raises(StoreError, match="2 learners"):
        read_outcomes(Store(tmp_path / "copy", V1), SMOKE)
