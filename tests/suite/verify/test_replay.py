"""The replay's ways: on a cluster, in two calls, and what it tells before it starts."""

import shutil
from pathlib import Path

import pytest

from protocol import StoreError, UnknownName, parse_run_id
from suite.results.published import published_folder
from suite.untrusted.processes import Failure
from suite.verify.audit import audit
from suite.verify.findings import COST, WHOLE, Finding, Verification, finding
from suite.verify.finished import FILE, Finished, finished_in
from suite.verify.replay import replay_submission
from suite.verify.shards import Shard, replay_shard
from suite.verify.verification import Levels, verify
from tests.suite.clusters import cluster
from tests.suite.helpers import V1
from tests.suite.verify.corpus import FRESH, Forged

DIGEST = "0" * 64
RUN = parse_run_id(f"smoke/{FRESH}", V1)
OTHER = "transfer/fold1/breakout/seed1"
EPISODES = 46
"""Of these two runs."""


@pytest.fixture
def submission(tmp_path) -> Path:
    """A published one of which only two runs are left, so that all of it is soon replayed."""
    published = published_folder("ppo", "smoke")
    for part in ("submission.toml", FRESH, OTHER):
        source, copy = published / part, tmp_path / "submission" / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy)
    return tmp_path / "submission"


def replay_findings(found: Verification) -> list[Finding]:
    return [one for one in found.findings if one.rule.startswith("R")]


def shard(*rows: int, ledger_sha256: str = DIGEST) -> Shard:
    return Shard("folder", V1.version, str(RUN), ledger_sha256, rows, 100 * len(rows))


def test_what_is_finished_is_left_out(tmp_path):
    """Rows that an earlier call replayed are not left, of the same ledger; of another one all are."""
    with finished_in(tmp_path / "kept", tmp_path / "submission", V1.version) as finished:
        finished.add(shard(0, 1, 4), ())
    with finished_in(tmp_path / "kept", tmp_path / "submission", V1.version) as finished:
        assert finished.left(RUN, DIGEST, range(6)) == [2, 3, 5]
        assert finished.left(RUN, "1" * 64, range(6)) == [*range(6)]


def test_what_could_not_be_played_is_played_again(tmp_path):
    """A shard with an unchecked finding is not kept as finished."""
    unchecked = finding("R1", WHOLE, "an episode that can be played again", "another by now", "unchecked")
    with finished_in(tmp_path / "kept", tmp_path / "submission", V1.version) as finished:
        finished.add(shard(0), (unchecked,))
    with finished_in(tmp_path / "kept", tmp_path / "submission", V1.version) as finished:
        assert finished.left(RUN, DIGEST, [0]) == [0]


class Losing:
    """An executor that loses every shard with one row, and plays the others."""

    workers, least_steps, in_words = 1, 10**9, "here"
    lost = 3

    def play(self, shards):
        for place, one in enumerate(shards):
            failure = Failure("its process ended with status -9")
            yield place, failure if self.lost in one.rows else replay_shard(one)


def test_an_episode_that_takes_its_process_along_is_told(submission, tmp_path):
    """Each episode of a lost shard is tried alone; the one that is lost again is unchecked, and not kept."""
    audited = audit(submission, V1, 1)
    ledgers = {RUN: audited.ledgers[RUN]}
    with finished_in(tmp_path / "kept", submission, V1.version) as finished:
        found = replay_submission(submission, V1, ledgers, None, Losing(), finished, lambda line: None)
    told = [(one.rule, one.severity, one.row) for one in found.findings]
    assert told == [("R1", "unchecked", Losing.lost)]
    with finished_in(tmp_path / "kept", submission, V1.version) as finished:
        rows = range(len(ledgers[RUN].steps))
        assert finished.left(RUN, ledgers[RUN].sha256, rows) == [Losing.lost]


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path):
    """Half a line at the end counts for nothing, and harms no line that follows."""
    with finished_in(tmp_path, tmp_path / "submission", V1.version) as finished:
        finished.add(shard(0), ())
        finished.add(shard(1), ())
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-20])
    for left in ([1, 2], [2]):
        with finished_in(tmp_path, tmp_path / "submission", V1.version) as finished:
            assert finished.left(RUN, DIGEST, range(3)) == left
            finished.add(shard(1), ())


def test_a_folder_that_cannot_keep_is_refused(tmp_path):
    """Not in the submission, not behind a link, and not while another replay writes there."""
    (tmp_path / "submission").mkdir()
    with pytest.raises(UnknownName, match="lies in the submission"):
        finished_in(tmp_path / "submission/kept", tmp_path / "submission", V1.version).__enter__()
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / FILE).symlink_to(tmp_path / "aim")
    with pytest.raises(StoreError, match="cannot be opened"):
        finished_in(tmp_path / "link", tmp_path / "submission", V1.version).__enter__()
    with (
        finished_in(tmp_path / "kept", tmp_path / "submission", V1.version),
        pytest.raises(StoreError, match="another process"),
    ):
        finished_in(tmp_path / "kept", tmp_path / "submission", V1.version).__enter__()


def test_a_swapped_ledger_is_not_replayed(submission):
    """A ledger that is not the audited one any more is reported, whatever it holds."""
    (found,) = replay_shard(Shard(str(submission), V1.version, str(RUN), DIGEST, (0,), 100))
    assert (found.rule, found.severity, found.found) == ("R1", "unchecked", "another by now")


@pytest.mark.slow
def test_a_second_call_goes_on(submission, tmp_path):
    """A false reward that the first call found is found by the second, which plays nothing again."""
    forged = Forged(submission)

    def invent(rows) -> None:
        rows[0]["reward_steps"], rows[0]["rewards"], rows[0]["episode_return"] = [3], [77], 77

    forged.edit_rows(FRESH, invent)
    levels = Levels(replay=True, sample=(0.2, 1), finished=tmp_path / "kept")
    whole = levels._replace(sample=None)
    told: list[list[str]] = [[], [], []]
    first = verify(submission, whole, workers=2, listener=told[0].append)
    second = verify(submission, whole, workers=2, listener=told[1].append)
    sampled = verify(submission, levels, workers=2, listener=told[2].append)
    costs = [next(line for line in own if line.startswith(COST)) for own in told]
    assert costs[0].startswith(f"{COST}{EPISODES} episodes, ")
    assert costs[1].startswith(f"{COST}0 episodes (of {EPISODES}; the others were before), 0 steps")
    assert costs[2].startswith(f"{COST}0 episodes (of ")
    assert first == second
    assert [one.found for one in first.findings if one.rule == "R1"] == ["77"]
    assert sampled.replayed is not None
    assert first.replayed is not None
    assert sampled.replayed.episodes < first.replayed.episodes == EPISODES


@pytest.mark.slow
def test_a_cluster_replays_as_this_machine_does(submission, tmp_path, amtlb):
    """Through a scheduler's workers the same episodes are found false, here and in the command line's JSON."""
    forged = Forged(submission)
    forged.edit_rows(FRESH, lambda rows: rows[0].update(ram_sha256=bytes(32)))
    with cluster(tmp_path, threads=2) as made:
        done = amtlb("verify", submission, "--replay", "--scheduler", made.address, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"to replay: {EPISODES} episodes" in done.stderr
    found = Verification.model_validate_json(done.stdout)
    assert [(one.rule, one.run_id, one.row) for one in replay_findings(found)] == [("R3", str(RUN), 0)]
    assert found.replayed is not None
    assert found.replayed.episodes == EPISODES


@pytest.mark.slow
def test_without_a_scheduler_nothing_is_verified_twice():
    """The replay is unchecked, and the audit's verdicts stay, if no scheduler answers."""
    levels = Levels(replay=True, scheduler="tcp://127.0.0.1:9")
    found = verify(published_folder("ppo", "smoke"), levels, workers=2)
    assert found.exit_status == 3
    assert [(one.rule, one.severity) for one in found.findings] == [("R1", "unchecked")]
    assert "no dask scheduler answers" in found.findings[0].found


def test_finished_without_a_folder_keeps_nothing():
    """Unless a folder is named, nothing is remembered."""
    finished = Finished(V1.version)
    finished.add(shard(0), ())
    assert finished.left(RUN, DIGEST, [0]) == [0]
