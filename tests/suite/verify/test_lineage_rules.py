"""The rules that hold between runs, on records that are made up."""

import json

import pytest

from protocol import RunRecord, plan
from suite.results.published import published_folder
from suite.verify.lineage_rules import check_lineage
from tests.suite.helpers import V1

RUNS = plan(V1, V1.edition("smoke"))
TRANSFER = next(run for run in RUNS if run.run_id.arm == "transfer")


@pytest.fixture
def records():
    folder = published_folder("ppo", "smoke")
    found = {run.run_id: json.loads((folder / run.run_id.path / "record.json").read_text()) for run in RUNS}
    return {run_id: RunRecord.model_validate_json(json.dumps(record)) for run_id, record in found.items()}


def fresh_of(game, seed):
    return next(
        run.run_id
        for run in RUNS
        if (run.run_id.arm, run.run_id.game, run.run_id.seed) == ("fresh", game, seed)
    )


def ending(records, *run_ids):
    """The records, with these runs ended as the checkpoint that the transfer run starts from."""
    start = records[TRANSFER.starts_from].checkpoint_out
    return {
        run_id: record.model_copy(update={"checkpoint_out": start}) if run_id in run_ids else record
        for run_id, record in records.items()
    }


def test_weights_that_saw_the_game_are_found(records):
    """A transfer run that starts from what a run of its game ended as breaks F2."""
    assert not list(check_lineage(RUNS, records, None))
    seen = ending(records, fresh_of(TRANSFER.run_id.game, 0))
    assert {finding.rule for finding in check_lineage(RUNS, seen, None)} == {"F2"}


def test_weights_that_tell_nothing_accuse_nobody(records):
    """Where unrelated runs end as the same checkpoint, as they do with few weights, F2 is silent."""
    alike = ending(records, *(fresh_of(TRANSFER.run_id.game, seed) for seed in range(2)))
    assert not list(check_lineage(RUNS, alike, None))
