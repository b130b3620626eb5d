"""Claims about who made the runs are compared with each other, on the published records."""

import json
from functools import partial

import pyarrow as pa
import pytest

from protocol import RunRecord, plan
from suite.results.ledger import read_ledger
from suite.results.published import published_folder
from suite.results.reading import plays_of
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


def found(records, plays=None, **said):
    submission = Submission.model_validate(SAID | said)
    return [(one.rule, one.severity) for one in check_identity(SMOKE, records, plays or {}, submission)]


def ledger_plays(baseline, edit=lambda actions: actions):
    folder = published_folder(baseline, "smoke")
    columns = {run_id: read_ledger(folder / run_id.path / "ledger.parquet")["actions"] for run_id in RUNS}
    return {run_id: plays_of(edit(actions)) for run_id, actions in columns.items()}


PPO = read("ppo")
PLAYS = ledger_plays("ppo")


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
        ({}, {"learner": "lucky:make"}, {"plays": PLAYS}, ["error"] * 6),
        ({}, {"learner": "lucky:make"}, {"plays": {RUNS[0]: PLAYS[RUNS[0]]}}, []),
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
        "a published learner's transfer runs under another name",
        "a run that loads nothing, as a published learner's",
    ],
)
def test_makers_are_held_to_what_is_declared(changes, everywhere, said, expected):
    """Whatever names another maker than the rest, or than is declared, is found; what is honest is not."""
    assert found(changed(PPO, changes, **everywhere), **said) == [("P5", severity) for severity in expected]


def other_actions(nth, place, actions):
    """Every nth episode with another action at a place."""

    def other(own):
        own = bytearray(own)
        own[place] = 17 - own[place]
        return bytes(own)

    played = actions.to_pylist()
    return pa.chunked_array(
        [[own if number % nth else other(own) for number, own in enumerate(played)]], pa.binary()
    )


@pytest.mark.parametrize(
    ("nth", "place", "severities"), [(1, -1, ["error"] * 6), (3, 0, ["error"] * 6), (1, 0, [])]
)
def test_a_copy_that_was_changed_here_and_there_is_one(nth, place, severities):
    """A run is a copy if half of its episodes begin as a published run's, whatever was changed in the rest."""
    plays = ledger_plays("ppo", partial(other_actions, nth, place))
    records = changed(PPO, {}, learner="lucky:make")
    assert found(records, plays=plays) == [("P5", severity) for severity in severities]


def test_episodes_of_one_action_are_nobodys():
    """Policies that have collapsed play alike; only episodes in which actions vary tell who played."""
    assert plays_of(pa.chunked_array([[b"\3" * 100, b"\3\4" * 10, b""]], pa.binary())) == frozenset()
    assert len(plays_of(pa.chunked_array([[b"\3\4" * 20, b"\4\3" * 20, b"\3\4" * 20]], pa.binary()))) == 2


def test_anybody_may_play_at_random():
    """Ledgers that follow from the seeds alone, as those of a learner without weights do, are nobody's."""
    records = changed(read("uniform"), {}, learner="mine:make")
    assert found(records, plays=ledger_plays("uniform")) == []
