"""Training again, compared: runs of a learner that is not deterministic, and of one that is."""

import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from protocol import ARMS, Arm, RunId, UnknownName, describe, parse_run_id, plan
from suite.contained.spec import BoxSpec
from suite.results.store import SUBMISSION, Store
from suite.submission.description import parse_submission
from suite.untrusted.files import Unreadable
from suite.verify.findings import Finding
from suite.verify.retrain import Again, compare, retrain
from suite.verify.retrain_plan import draw_runs, with_ancestors
from tests.bench.synthetic import write_results
from tests.suite.helpers import V1
from tests.suite.verify.corpus import Forged
from tests.suite.verify.packed import invented, packed

SMOKE = V1.edition("smoke")
DRAWN = with_ancestors([parse_run_id(text, V1) for text in draw_runs(SMOKE, 7, 1)], V1)


@pytest.fixture(scope="module")
def again(tmp_path_factory) -> Store:
    """Another learner's luck: the same runs with other rewards of the same law."""
    return write_results(tmp_path_factory.mktemp("again") / "again", V1, SMOKE, 400, seed=1)


def submitted(folder: Path, **said: object) -> Forged:
    return Forged(packed(invented(folder / "results"), folder / "submission", **said))


def raised(forged: Forged, phase: str, factor: int, arms: Collection[Arm] = ARMS) -> None:
    """Multiply what every claimed run of these arms earned in a phase."""

    def multiply(rows) -> None:
        for row in rows:
            if row["phase"] == phase:
                row["rewards"] = [factor * reward for reward in row["rewards"] if factor]
                row["reward_steps"] = row["reward_steps"][: len(row["rewards"])]
                row["episode_return"] *= factor

    for run in plan(V1, SMOKE):
        if run.run_id.arm in arms:
            forged.edit_rows(run.run_id.path, multiply, scores=False)


def compared(forged: Forged, store: Store, runs: list[RunId]) -> tuple[list[Finding], float | None]:
    digests = {run.run_id: forged.record(run.run_id.path)["ledger_sha256"] for run in plan(V1, SMOKE)}
    submission = parse_submission((forged.folder / SUBMISSION).read_bytes())
    return compare(Again(forged.folder, store, V1, digests, submission), runs, runs)


def test_honest_claims_stand(again, tmp_path):
    """Runs that differ in their luck alone are no finding, and the p-value is told."""
    findings, p_value = compared(submitted(tmp_path), again, DRAWN)
    assert findings == []
    assert p_value
    assert p_value > 0.01


def test_another_image_than_the_declared_one_proves_nothing(tmp_path):
    """Training again in an image that the submission does not declare is refused before anything is played."""
    forged = submitted(tmp_path, image_sha256="2" * 64)
    submission = parse_submission((forged.folder / SUBMISSION).read_bytes())
    nobody = Again(forged.folder, Store(tmp_path / "nothing", V1), V1, {}, submission)
    with pytest.raises(UnknownName, match=f"the submission declares {'2' * 64}"):
        retrain(nobody, [str(DRAWN[0])], BoxSpec(image_sha256="1" * 64), lambda run: None)


@pytest.mark.parametrize("phase", ["training", "evaluation"])
def test_raised_claims_fall(again, tmp_path, phase):
    """Claims that are raised in one phase alone are one finding, about the submission as a whole."""
    forged = submitted(tmp_path)
    raised(forged, phase, 3)
    ((found,), p_value) = compared(forged, again, DRAWN)
    assert (found.rule, found.severity, found.run_id) == ("T1", "error", None)
    assert p_value
    assert p_value <= 0.01


def test_fresh_runs_claimed_weaker_fall(again, tmp_path):
    """Fresh runs that are claimed to earn nothing make transfer look better: with others raised, they fall."""
    forged = submitted(tmp_path)
    raised(forged, "training", 0, arms=("fresh",))
    raised(forged, "training", 3, arms=("pretrain", "transfer"))
    ((found,), p_value) = compared(forged, again, DRAWN)
    assert (found.rule, found.severity) == ("T1", "error")
    assert p_value
    assert p_value <= 0.01


def test_runs_that_repeat_prove_nothing_for_those_that_do_not(tmp_path):
    """A few runs among many that repeat to the bit are too few to decide, and a warning names them."""
    forged = submitted(tmp_path)
    same = Store(tmp_path / "results", V1)
    raised(forged, "training", 3, arms=("generalist",))
    digests = {run.run_id: forged.record(run.run_id.path)["ledger_sha256"] for run in plan(V1, SMOKE)}
    submission = parse_submission((forged.folder / SUBMISSION).read_bytes())
    generalist = [run_id for run_id in DRAWN if run_id.arm == "generalist"]
    findings, p_value = compare(Again(forged.folder, same, V1, digests, submission), DRAWN, generalist)
    assert p_value is None
    assert [(one.rule, one.severity) for one in findings] == [("T1", "warning"), ("T1", "unchecked")]
    assert str(generalist[0]) in findings[0].found


def test_lower_claims_stand(again, tmp_path):
    """Claims that are lower in every run gain nothing and are no finding."""
    forged = submitted(tmp_path)
    for phase in ("training", "evaluation"):
        raised(forged, phase, 0)
    assert compared(forged, again, DRAWN)[0] == []


def test_a_ledger_that_was_swapped_is_not_compared(again, tmp_path):
    """Claims are read from the ledgers that were audited: where one is another by now, there is no verdict."""
    forged = submitted(tmp_path)
    digests = {run.run_id: "0" * 64 for run in plan(V1, SMOKE)}
    submission = parse_submission((forged.folder / SUBMISSION).read_bytes())
    with pytest.raises(Unreadable, match="is not the ledger that was audited"):
        compare(Again(forged.folder, again, V1, digests, submission), DRAWN, DRAWN)


def test_too_few_runs_are_unchecked(again, tmp_path):
    """One run is too few to decide: it is no error, and what to add is named."""
    ((found,), p_value) = compared(submitted(tmp_path), again, DRAWN[:1])
    assert (found.rule, found.severity, p_value) == ("T1", "unchecked", None)
    assert "too few to decide" in found.found
    assert "play again, too: smoke/" in found.expected


def test_a_deterministic_learner_must_repeat(again, tmp_path):
    """A run of a learner that is declared deterministic is a finding where its ledger differs."""
    ((found,), p_value) = compared(submitted(tmp_path, deterministic=True), again, DRAWN[:1])
    assert (found.rule, found.severity, found.run_id, p_value) == ("T1", "error", str(DRAWN[0]), None)


PART = {"until_steps": 1, "code_commit": None, "wall_seconds": 1.0}
ELSEWHERE = {
    "a GPU": {"device": "cuda"},
    "another CPU": {"cpu": "another"},
    "another torch": {"versions": {"torch": "1.0"}},
    "an image": {"image_sha256": "3" * 64},
    "other code of the learner": {"learner_code_sha256": "3" * 64},
    "a part on a GPU": {"resumed_from": [PART | {"device": "cuda", "cpu": "any", "versions": {}}]},
}


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE.keys())
@pytest.mark.parametrize("factor", [1, 3])
def test_a_deterministic_learner_that_played_elsewhere_is_ranked(again, tmp_path, changes, factor):
    """A run that had, even in part, another device, CPU or version is tested as other learners' runs are."""
    forged = submitted(tmp_path, deterministic=True)
    if factor > 1:
        raised(forged, "training", factor)
    for run_id in DRAWN:
        forged.write_record(run_id.path, forged.record(run_id.path) | changes)
    findings, p_value = compared(forged, again, DRAWN)
    assert p_value
    assert [found.severity for found in findings] == ["error"] * (factor > 1)
    ((found,), p_value) = compared(forged, again, DRAWN[:1])
    assert (found.severity, p_value) == ("unchecked", None)


def test_what_a_transfer_run_started_from_may_have_been_played_elsewhere(again, tmp_path):
    """A transfer run whose pre-training had another device proves nothing against its lab by its own ledger."""
    forged = submitted(tmp_path, deterministic=True)
    transfer = next(run_id for run_id in DRAWN if run_id.arm == "transfer")
    pretrain = describe(transfer, V1).starts_from
    forged.write_record(pretrain.path, forged.record(pretrain.path) | {"device": "cuda"})
    ((found,), _) = compared(forged, again, [transfer])
    assert found.severity == "unchecked"


def test_nothing_of_a_submission_is_imported(tmp_path, monkeypatch):
    """A learner whose module lies in the submission is not run, from wherever the verifier is called."""
    forged = submitted(tmp_path)
    (forged.folder / "evil.py").write_text("open('ran', 'w')\n")
    for learner, here in (("evil:make", forged.folder), ("submission.evil:make", tmp_path)):
        monkeypatch.chdir(here)
        monkeypatch.setattr("sys.path", [*sys.path, ""])
        forged.write_record(DRAWN[0].path, forged.record(DRAWN[0].path) | {"learner": learner})
        store = Store(tmp_path / "again", V1)
        submission = parse_submission((forged.folder / SUBMISSION).read_bytes())
        found = retrain(Again(forged.folder, store, V1, {}, submission), [str(DRAWN[0])], None, print).findings
        assert any("it lies in the submission, of which nothing is run" in one.found for one in found)
        assert not list(tmp_path.rglob("ran"))
