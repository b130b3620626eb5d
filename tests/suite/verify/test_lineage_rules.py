"""The rules that hold between runs, on records that are made up."""

import json

import pytest

from protocol import RunRecord, plan
from suite.results.published import published_folder
from suite.verify.lineage_rules import CLOCKS_APART, began_at, check_lineage
from tests.suite.helpers import V1

RUNS = plan(V1, V1.edition("smoke"))
IDS = frozenset(run.run_id for run in RUNS)
TRANSFER = next(run for run in RUNS if run.run_id.arm == "transfer")
OTHER_GAME = next(game for game in V1.edition("smoke").games if game != TRANSFER.run_id.game)


@pytest.fixture
def records():
    folder = published_folder("ppo", "smoke")
    found = {run.run_id: json.loads((folder / run.run_id.path / "record.json").read_text()) for run in RUNS}
    return {run_id: RunRecord.model_validate_json(json.dumps(record)) for run_id, record in found.items()}


def the_run(arm, seed, game=None, fold=None):
    return next(one for one in IDS if (one.arm, one.seed, one.game, one.fold) == (arm, seed, game, fold))


def ending(records, *run_ids, as_of=None):
    """The records, with these runs ended as another did: by default as what TRANSFER starts from."""
    start = records[as_of or TRANSFER.starts_from].checkpoint_out
    return {
        run_id: record.model_copy(update={"checkpoint_out": start}) if run_id in run_ids else record
        for run_id, record in records.items()
    }


def rules(records, learned=IDS):
    return [finding.rule for finding in check_lineage(RUNS, records, learned)]


def test_honest_runs_break_nothing(records):
    """The published runs of PPO give no finding."""
    assert rules(records) == []


def test_weights_that_saw_the_game_are_found(records):
    """A transfer run that starts from what a run of its game ended as breaks F2."""
    assert {*rules(ending(records, the_run("fresh", 0, TRANSFER.run_id.game)))} == {"F2"}


def test_weights_of_another_game_saw_nothing(records):
    """A run of another game that ended as what a transfer run starts from breaks F3, but not F2."""
    assert {*rules(ending(records, the_run("fresh", 0, OTHER_GAME)))} == {"F3"}


def test_a_second_equal_pair_hides_nothing(records):
    """Two more runs that end as one checkpoint do not keep F2 from being found, and break F3 themselves."""
    seen = ending(records, the_run("fresh", 0, TRANSFER.run_id.game))
    pair = [the_run("generalist", seed) for seed in (0, 1)]
    assert {*rules(ending(seen, pair[1], as_of=pair[0]))} == {"F2", "F3"}


@pytest.mark.parametrize("arm", ["fresh", "generalist", "pretrain"])
def test_one_checkpoint_for_two_seeds_is_found(records, arm):
    """Two seeds of any arm that end as the same checkpoint break F3."""
    one, other = sorted((run_id for run_id in IDS if run_id.arm == arm), key=str)[:2]
    assert "F3" in rules(ending(records, other, as_of=one))


def test_a_frozen_learner_may_end_as_it_began(records):
    """Transfer runs that end as the checkpoint which they start from are no finding."""
    frozen = [run.run_id for run in RUNS if run.starts_from == TRANSFER.starts_from]
    assert rules(ending(records, *frozen)) == []


def test_weights_that_tell_nothing_accuse_nobody(records):
    """A learner whose runs all end as one checkpoint breaks nothing, nor do runs that were paid no reward."""
    start = records[TRANSFER.starts_from].checkpoint_out
    alike = {run.run_id: {"checkpoint_out": start} for run in RUNS}
    for run in RUNS:
        if run.starts_from is not None:
            alike[run.run_id]["checkpoint_in"] = start
    weightless = {one: record.model_copy(update=alike[one]) for one, record in records.items()}
    assert rules(weightless) == []
    unpaid = {the_run("fresh", seed, TRANSFER.run_id.game) for seed in (0, 1)}
    assert rules(ending(records, *unpaid), IDS - unpaid) == []


def test_a_learner_that_has_not_learned_yet_is_not_accused(records):
    """Runs of one seed begin alike: fresh runs that were paid may end as they began, and pretrain runs."""
    unlearned = {one for one in IDS if one.arm == "fresh" and one.seed == 0}
    assert rules(ending(records, *unlearned, as_of=the_run("fresh", 0, OTHER_GAME))) == []
    assert rules(ending(records, *unlearned)) == []


def test_a_transfer_run_waits_for_its_pretraining(records):
    """A transfer run that began before its pre-training ended breaks F3; clocks may differ a little."""
    ancestor = records[TRANSFER.starts_from]
    ended = began_at(ancestor.started_at).timestamp() + ancestor.wall_seconds
    for early, found in ((CLOCKS_APART.total_seconds() - 5, []), (CLOCKS_APART.total_seconds() + 5, ["F3"])):
        at = began_at(ancestor.started_at).fromtimestamp(ended - early, tz=began_at(ancestor.started_at).tzinfo)
        begun = records[TRANSFER.run_id].model_copy(update={"started_at": at.isoformat()})
        assert rules(records | {TRANSFER.run_id: begun}) == found


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-26T11:10:41", "2026-13-01T00:00:00+00:00"])
def test_what_is_no_time_is_none(text):
    """A start without a zone, or that is no time, is none."""
    assert began_at(text) is None
