"""Who made the runs: claims held against each other, on the published records."""

import json

import pytest

from protocol import RunRecord, plan
from suite.results.ledger import read_ledger
from suite.results.published import published_folder
from suite.results.reading import played_digest
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


def found(records, played=None, **said):
    submission = Submission.model_validate(SAID | said)
    return [(one.rule, one.severity) for one in check_identity(SMOKE, records, played or {}, submission)]


PPO = read("ppo")
PLAYED = {
    run_id: played_digest(
        read_ledger(published_folder("ppo", "smoke") / run_id.path / "ledger.parquet")["ram_sha256"]
    )
    for run_id in RUNS
}


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
        ({}, {"learner": "lucky:make"}, {"played": PLAYED}, ["error"] * 6),
        ({}, {"learner": "lucky:make"}, {"played": {RUNS[0]: PLAYED[RUNS[0]]}}, []),
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


def test_anybody_may_play_at_random():
    """Ledgers that follow from the seeds alone, as those of a learner without weights do, are nobody's."""
    assert found(changed(read("uniform"), {}, learner="mine:make")) == []
