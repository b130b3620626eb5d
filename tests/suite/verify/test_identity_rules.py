"""Claims about who made the runs are compared with each other, on the published records."""

import json
from functools import cache, partial

import pyarrow as pa
import pytest

from protocol import RunRecord, plan
from suite.results.ledger import read_ledger
from suite.results.published import published_folder, published_learners
from suite.results.shared_plays import Alike, SharedPlays, shared_plays
from suite.submission.description import Submission
from suite.verify.identity_rules import check_identity
from tests.suite.helpers import V1
from tests.suite.verify.packed import SAID

SMOKE = V1.edition("smoke")
RUNS = [run.run_id for run in plan(V1, SMOKE)]
IMAGE, OTHER_IMAGE = "1" * 64, "2" * 64
LONG = "a" * 100


def read(baseline):
    folder = published_folder(baseline, "smoke")
    paths = {run_id: folder / run_id.path / "record.json" for run_id in RUNS}
    return {
        run_id: RunRecord.model_validate_json(json.dumps(json.loads(path.read_text())))
        for run_id, path in paths.items()
    }


def changed(records, changes, **everywhere):
    """The records, with fields changed in all, and in some by their place."""
    return {
        run_id: record.model_copy(update=everywhere | changes.get(place, {}))
        for place, (run_id, record) in enumerate(records.items())
    }


def found(records, shared=None, **said):
    submission = Submission.model_validate(SAID | said)
    return [(one.rule, one.severity) for one in check_identity(SMOKE, records, shared or {}, submission)]


@cache
def ledger(baseline, run_id):
    return read_ledger(published_folder(baseline, "smoke") / run_id.path / "ledger.parquet")


def shared_with_published(baseline_of, edit=lambda table: table):
    """By run and published learner, the shared episodes of runs that are taken from baselines by their arm."""
    learners = {one.learner: one.folder.name for one in published_learners("smoke")}
    return {
        run_id: {
            learner: shared_plays(edit(ledger(baseline_of(run_id.arm), run_id)), ledger(name, run_id))
            for learner, name in learners.items()
        }
        for run_id in RUNS
    }


PPO = read("ppo")


@pytest.mark.parametrize(
    ("changes", "everywhere", "said", "expected"),
    [
        ({}, {}, {}, []),
        (
            {3: {"learner": f"{LONG}.b:make"}},
            {"learner": f"{LONG}.a:make"},
            {},
            ["error"],
        ),
        ({}, {"image_sha256": IMAGE}, {"contained": True, "image_sha256": IMAGE}, []),
        ({}, {"image_sha256": IMAGE}, {"image_sha256": OTHER_IMAGE}, ["error"] * 20),
        ({}, {"image_sha256": IMAGE}, {}, ["error"] * 20),
        ({}, {}, {"image_sha256": IMAGE}, []),
        ({}, {}, {"contained": True, "image_sha256": IMAGE}, ["error"] * 20),
        ({5: {"code_commit": "0" * 40}}, {}, {}, ["warning"]),
        ({5: {"code_commit": None}}, {}, {}, ["warning"]),
        ({5: {"learner_code_sha256": "0" * 64}}, {}, {}, ["warning"]),
    ],
    ids=[
        "as published",
        "two learners whose names begin alike",
        "contained, in the declared image",
        "in another image than declared",
        "in an image that is not declared",
        "in the harness's process, in an image",
        "declared as contained, in no image",
        "a run of another commit",
        "a run of no commit",
        "a run of other code of the learner",
    ],
)
def test_makers_are_held_to_what_is_declared(changes, everywhere, said, expected):
    """Whatever names another maker than the rest, or than is declared, is found; what is honest is not."""
    assert found(changed(PPO, changes, **everywhere), **said) == [("P5", severity) for severity in expected]


def with_actions(change):
    """A ledger in which the actions of each episode, by its place, are changed."""

    def edit(table):
        place = table.schema.get_field_index("actions")
        changed = [change(number, bytearray(own)) for number, own in enumerate(table["actions"].to_pylist())]
        return table.set_column(place, "actions", pa.chunked_array([[bytes(own) for own in changed]]))

    return edit


def other(number, own, nth=1, place=0):
    """Every nth episode with another action at a place."""
    if number % nth == 0:
        own[place] = 17 - own[place]
    return own


def played_anew(number, own):
    """Other actions from the first step on."""
    return bytearray((action + 1) % 18 for action in own)


@pytest.mark.parametrize(
    ("edit", "severities"),
    [
        (lambda table: table, ["error"] * 6),
        (with_actions(other), ["error"] * 6),
        (with_actions(partial(other, place=-1)), ["error"] * 6),
        (with_actions(partial(other, nth=3)), ["error"] * 6),
        (with_actions(lambda number, own: own if number % 4 else played_anew(number, own)), ["error"] * 6),
        (with_actions(played_anew), []),
    ],
    ids=["as it is", "first actions", "last actions", "a third", "three of four", "all"],
)
def test_a_copy_that_was_changed_here_and_there_is_one(edit, severities):
    """A transfer run of which half the episodes are a published run's is a copy, whatever was changed in it."""
    records = changed(PPO, {}, learner="lucky:make")
    shared = shared_with_published(lambda arm: "ppo", edit)
    transfer = {run_id: own for run_id, own in shared.items() if run_id.arm == "transfer"}
    assert found(records, transfer) == [("P5", severity) for severity in severities]


def test_runs_that_load_nothing_may_be_alike():
    """Learners that differ in what they do after a load share the other arms: the reviewer is told of that."""
    records = changed(PPO, {}, learner="mine:make")
    shared = shared_with_published(lambda arm: "ppo")
    others = {one: own for one, own in shared.items() if one.arm != "transfer"}
    assert found(records, others) == [("P5", "warning")] * 2  # of ppo and of ppo_reset, which share them, too
    assert found(PPO, others) == []


def test_another_evaluation_of_the_same_training_is_a_warning():
    """A published learner that is evaluated in another way shares its training; the reviewer is told."""
    records = changed(PPO, {}, learner="greedy:make")

    def greedy(table):
        kept = [phase == "training" for phase in table["phase"].to_pylist()]
        return with_actions(lambda number, own: own if kept[number] else bytearray(len(own)))(table)

    shared = shared_with_published(lambda arm: "ppo", greedy)
    transfer = {one: own for one, own in shared.items() if one.arm == "transfer"}
    assert found(records, transfer) == [("P5", "warning")] * 6


@pytest.mark.parametrize(
    "baseline_of",
    [
        lambda arm: "uniform" if arm == "fresh" else "ppo",
        lambda arm: "dqn" if arm == "fresh" else "ppo",
        lambda arm: "multihead_a2c" if arm == "generalist" else "ppo",
    ],
)
def test_runs_of_several_published_learners_are_nobodys(baseline_of):
    """A submission whose arms are taken from different baselines is found as a whole."""
    records = changed(PPO, {}, learner="mine:make")
    shared = shared_with_published(baseline_of)
    without = {one: own for one, own in shared.items() if one.arm != "transfer"}
    assert ("P5", "error") in found(records, without)


def test_fresh_runs_that_never_learn_belong_to_no_learner():
    """Fresh runs of uniform play are found where the transfer runs are of a learner that learns."""
    records = changed(PPO, {}, learner="mine:make")
    shared = shared_with_published(lambda arm: "uniform")
    learned = {
        one: own if one.arm == "fresh" else dict.fromkeys(own, SharedPlays(Alike(0, 9), Alike(0, 9)))
        for one, own in shared.items()
    }
    assert found(records, learned) == [("P5", "error"), ("P5", "warning")]


def test_anybody_may_play_at_random():
    """Ledgers that follow from the seeds alone, as those of a learner without weights do, accuse nobody."""
    records = changed(read("uniform"), {}, learner="mine:make")
    assert found(records, shared_with_published(lambda arm: "uniform")) == [("P5", "warning")]
