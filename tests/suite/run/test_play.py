"""One run, from its learner's making to its complete record."""

import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from protocol import (
    ForeignProtocol,
    LearnerError,
    StoreError,
    UnknownName,
    episode_seed,
    learner_seed,
    load_vectors,
    parse_run_id,
    plan,
)
from suite.digests import file_digest, folder_digest
from suite.lanes.environment import LaneEnv
from suite.lanes.schedules import TrainingMeter
from suite.learners.sources import code_digest
from suite.results.journal import JournalRecorder
from suite.results.ledger import episodes_of, read_ledger
from suite.results.published import published_folder
from suite.results.store import Store
from suite.run.job import Job
from suite.run.messages import Played
from suite.run.play import play
from tests.suite import observer
from tests.suite.bad_learners import Resumes
from tests.suite.helpers import PLAYED_ANEW, SMOKE_DIGEST, V1

UNIFORM = published_folder("uniform", "smoke")


def job(folder: Path, run_id: str, learner: str = "baselines.uniform:make", **fields) -> Job:
    return Job(
        **{
            "run_id": run_id,
            "protocol_version": "v1",
            "learner": learner,
            "folder": str(folder),
            "device": "cpu",
            "workers": 0,
            "box": None,
            "configuration_digest": None,
        }
        | fields
    )


def runs_with_records(folder: Path):
    store = Store(folder, V1)
    for run in plan(V1, V1.edition("smoke")):
        yield run, store.record(run.run_id), list(episodes_of(read_ledger(store.ledger_path(run.run_id))))


def test_records_say_what_the_files_hold(smoke_results):
    """Digests of ledger and checkpoint, and the spending by game, are those of the files."""
    for run, record, episodes in runs_with_records(smoke_results):
        folder = smoke_results / run.run_id.path
        assert record.ledger_sha256 == file_digest(folder / "ledger.parquet")
        assert record.checkpoint_out == folder_digest(folder / "checkpoint")
        assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "ledger.parquet", "record.json"]
        seed = run.run_id.seed
        assert record.training_seed == learner_seed(SMOKE_DIGEST, seed, "training")
        evaluation_seed = learner_seed(SMOKE_DIGEST, seed, "evaluation") if run.evaluation_episodes else None
        assert record.evaluation_seed == evaluation_seed
        steps = Counter()
        for episode in episodes:
            steps[episode.phase, episode.game] += episode.length_steps
        for game in record.games:
            vectors = load_vectors("v1").games[game.game]
            assert (game.conformance_sha256, game.pictures_sha256) == (vectors.conformance, vectors.pictures)
            assert game.training_frames == run.budget_frames == 4 * steps["training", game.game]
            assert game.evaluation_frames == 4 * steps["evaluation", game.game]
            assert game.evaluation_episodes == run.evaluation_episodes


def test_episodes_have_their_derived_seeds_and_no_gaps(smoke_results):
    """In each lane the numbers run from 0, evaluation behind training, each with its derived seed."""
    for run, _, episodes in runs_with_records(smoke_results):
        for lane in range(V1.lanes):
            ours = [episode for episode in episodes if episode.lane == lane]
            assert [episode.number for episode in ours] == list(range(len(ours)))
            phases = [episode.phase for episode in ours]
            assert phases == sorted(phases, reverse=True)
            for episode in ours:
                assert episode.seed == episode_seed(SMOKE_DIGEST, str(run.run_id), lane, episode.number)
                assert episode.length_steps == len(episode.actions)
                assert episode.episode_return == sum(episode.rewards)


def test_games_follow_from_the_meter(smoke_results):
    """Fed with the recorded lengths and ends, the meter draws the recorded games and cuts."""
    for run, _, episodes in runs_with_records(smoke_results):
        meter: TrainingMeter = TrainingMeter.of(run, V1)
        training = {(e.lane, e.number): e for e in episodes if e.phase == "training"}
        played = [0] * V1.lanes
        while any(meter.playing):
            current = [training[lane, meter.numbers[lane]] for lane in range(V1.lanes)]
            assert [episode.game for episode in current] == meter.playing
            played = [steps + 1 for steps in played]
            done = [steps == e.length_steps for steps, e in zip(played, current, strict=True)]
            over = [end and e.end_reason != "budget" for end, e in zip(done, current, strict=True)]
            cut = meter.advance(over)
            assert list(cut) == [lane for lane in range(V1.lanes) if done[lane] and not over[lane]]
            played = [0 if end else steps for steps, end in zip(played, done, strict=True)]


def test_transfer_starts_as_its_pretrain_checkpoint(smoke_results):
    """A transfer run's checkpoint_in is its pretrain run's checkpoint_out; others start from nothing."""
    records = {run.run_id: (run, record) for run, record, _ in runs_with_records(smoke_results)}
    for run, record in records.values():
        ancestor = run.starts_from and records[run.starts_from][1].checkpoint_out
        assert record.checkpoint_in == ancestor


def test_evaluation_is_as_prescribed(smoke_results):
    """All runs but pretrain ones play each of their games 8 times, at most 1,000 steps each."""
    for run, _, episodes in runs_with_records(smoke_results):
        evaluation = [episode for episode in episodes if episode.phase == "evaluation"]
        expected = 0 if run.run_id.arm == "pretrain" else 8
        assert Counter(e.game for e in evaluation) == {game: 8 for game in run.games if expected}
        assert all(e.length_steps <= 1000 for e in evaluation)
        assert {e.end_reason for e in evaluation} <= {"game_over", "max_frames"}


def test_runs_have_the_published_ledgers(smoke_results):
    """A run that a benchmark plays here has the published ledger, to the byte."""
    for path in PLAYED_ANEW:
        ours, published = (folder / path / "ledger.parquet" for folder in (smoke_results, UNIFORM))
        assert ours.read_bytes() == published.read_bytes()


def test_a_run_repeats_to_the_byte(smoke_results, tmp_path):
    """A run played again here, with workers, has the ledger that it had through the command line."""
    run_id = "smoke/fresh/breakout/seed1"
    record = play(job(tmp_path, run_id, workers=2), lambda steps: None)
    parsed = parse_run_id(run_id, V1)
    assert record.ledger_sha256 == Store(smoke_results, V1).record(parsed).ledger_sha256


def test_nothing_that_names_the_game_reaches_the_learner(tmp_path):
    """Seeds, lanes, environment and folders are all a learner is handed; none of them names run or game."""
    observer.HANDED.clear()
    for run_id in ("smoke/pretrain/fold1/seed0", "smoke/transfer/fold1/breakout/seed0"):
        play(job(tmp_path / "results", run_id, "tests.suite.observer:make"), _ignore)
    kinds = {event[0] for event in observer.HANDED}
    assert kinds == {"make", "learn", "act", "save", "load", "write_notes"}
    for kind, *arguments in observer.HANDED:
        if kind == "learn":
            (env,) = arguments
            assert type(env) is LaneEnv
            arguments = [getattr(env, name) for name in dir(env) if not name.startswith("_")]
        said = repr(arguments)
        for word in ("breakout", "asterix", "space", "fold", "transfer", "pretrain", "smoke", "results"):
            assert word not in said, (kind, word)


def _ignore(steps: int) -> None:
    pass


@pytest.mark.parametrize(
    ("learner", "error", "text"),
    [
        ("tests.suite.bad_learners:EarlyStop", LearnerError, "7968 of 8000 frames unspent"),
        ("tests.suite.bad_learners:NoConfiguration", LearnerError, "JSON-able"),
        ("tests.suite.bad_learners:Raises", RuntimeError, "own fault"),
    ],
)
def test_a_broken_learner_leaves_no_complete_run(tmp_path, learner, error, text):
    """A fault of the learner is raised as an error that names it, and the run is not complete."""
    with pytest.raises(error, match=text):
        play(job(tmp_path, "smoke/fresh/breakout/seed0", learner), _ignore)
    assert not Store(tmp_path, V1).is_complete(parse_run_id("smoke/fresh/breakout/seed0", V1))


def test_transfer_without_its_pretrain_run_is_refused(tmp_path):
    """A transfer run is told which run comes first."""
    with pytest.raises(StoreError, match=r"smoke/pretrain/fold1/seed0.*play that one first"):
        play(job(tmp_path, "smoke/transfer/fold1/breakout/seed0"), _ignore)


def test_another_configuration_is_refused(tmp_path):
    """A learner whose configuration is not that of the folder's other runs is told so."""
    with pytest.raises(ForeignProtocol, match="configuration 000"):
        play(job(tmp_path, "smoke/fresh/breakout/seed0", configuration_digest="0" * 64), _ignore)


def test_a_changed_checkpoint_is_refused(smoke_results, tmp_path):
    """A pretrain checkpoint that is not the one of its record starts nothing."""
    copy = tmp_path / "copy"
    shutil.copytree(smoke_results, copy)
    shutil.rmtree(copy / "transfer")
    (copy / "pretrain/fold1/seed0/checkpoint/no_weights").write_text("tampered")
    with pytest.raises(StoreError, match="its record says"):
        play(job(copy, "smoke/transfer/fold1/breakout/seed0"), _ignore)


def test_a_ledger_without_its_frames_is_no_run(tmp_path):
    """A run whose journal something else has emptied meanwhile is refused before it counts as complete."""
    run_id = parse_run_id("smoke/pretrain/fold1/seed0", V1)
    folder, taken = Store(tmp_path, V1).run_folder(run_id).with_name("seed0.partial"), []
    journals = iter([folder / "journal.arrows"])

    def empty(event) -> None:
        taken.extend(folder.glob("snapshot-*/learner"))
        if isinstance(event, Played):
            for journal in journals:
                journal.unlink()
                JournalRecorder(journal, V1.lanes).close()

    with pytest.raises(StoreError, match=r"0 training frames .* not the 8,000 and 0 of its budget"):
        play(job(tmp_path, str(run_id), "tests.suite.bad_learners:Resumes", snapshot_minutes=0.002), empty)
    assert not Store(tmp_path, V1).is_complete(run_id)
    assert taken
    assert not [*folder.glob("snapshot-*")]  # from which the run would come to the same


STOPPED, TRAINING_STEPS = "smoke/fresh/breakout/seed0", 2_000


def stop(folder: Path, learner: str) -> None:
    """Play a run until it is told to stop, and has taken a snapshot."""
    with pytest.raises(KeyboardInterrupt):
        play(
            job(folder, STOPPED, learner),
            lambda event: os.kill(os.getpid(), signal.SIGTERM) if isinstance(event, Played) else None,
        )
    assert [*folder.rglob("snapshot-1")]


@pytest.mark.parametrize("changed", [False, True])
def test_a_run_goes_on_with_the_code_that_began_it(tmp_path, monkeypatch, capsys, changed):
    """A run resumes if the learner's own file is unchanged; otherwise it starts over, and its log says why."""
    code = tmp_path / "tally.py"
    code.write_text("from tests.suite.bad_learners import Resumes as make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tally", raising=False)
    stop(tmp_path / "out", "tally:make")
    capsys.readouterr()
    if changed:
        code.write_text("from tests.suite.bad_learners import Resumes as make  # better\n")
    record = play(job(tmp_path / "out", STOPPED, "tally:make"), _ignore)
    assert bool(record.resumed_from) is not changed
    assert ("was taken with code_sha256" in capsys.readouterr().err) is changed


def test_a_training_is_not_lost_in_its_evaluation(tmp_path):
    """A run that is stopped in its evaluation goes on with that, though its learner takes no snapshots."""

    def leave(event) -> None:
        if isinstance(event, Played) and event.steps > TRAINING_STEPS:
            raise KeyboardInterrupt

    learner = "tests.suite.observer:make"
    with pytest.raises(KeyboardInterrupt):
        play(job(tmp_path, STOPPED, learner), leave)
    observer.HANDED.clear()
    record = play(job(tmp_path, STOPPED, learner), _ignore)
    assert "learn" not in {event[0] for event in observer.HANDED}
    assert [part.until_steps for part in record.resumed_from] == [TRAINING_STEPS]
    published = Store(UNIFORM, V1).record(parse_run_id(STOPPED, V1))  # it plays uniformly, too
    assert record.ledger_sha256 == published.ledger_sha256


@pytest.mark.slow
def test_what_load_leaves_out_is_no_learning(tmp_path):
    """A learner that restores less than it saves is evaluated, if acting changes nothing of it."""
    assert play(job(tmp_path, STOPPED, "tests.suite.bad_learners:ForgetsOnLoad"), _ignore).ledger_sha256


def test_an_evaluation_is_of_frozen_weights(tmp_path):
    """A learner that learns while it is evaluated completes no run, and is told why."""
    with pytest.raises(
        LearnerError, match="act changed what save writes, and an evaluation is of frozen weights"
    ):
        play(job(tmp_path, STOPPED, "tests.suite.bad_learners:LearnsInAct"), _ignore)


@pytest.mark.slow
def test_a_state_is_loaded_from_a_folder_that_names_nothing(tmp_path, monkeypatch):
    """A learner that goes on reads its state from a folder whose path holds no word of the run or the game."""
    handed = []

    def load_state(self, folder):
        handed.append((folder, [path.name for path in folder.iterdir()]))

    stop(tmp_path, "tests.suite.bad_learners:CannotReadItsState")
    monkeypatch.setattr("tests.suite.bad_learners.CannotReadItsState.load_state", load_state)
    play(job(tmp_path, STOPPED, "tests.suite.bad_learners:CannotReadItsState"), _ignore)
    (folder, names), *others = handed
    assert names == ["state.npy"]
    assert not others
    assert not folder.is_relative_to(tmp_path)
    assert not {"smoke", "fresh", "breakout", "seed0", "seed0.partial"} & set(folder.parts)


@pytest.mark.slow
def test_a_state_that_cannot_be_loaded_ends_no_run_for_good(tmp_path, capsys):
    """After the second error in ``load_state`` the run starts over, and comes to its end."""
    learner = "tests.suite.bad_learners:CannotReadItsState"
    stop(tmp_path, learner)
    for said in ("if that fails once more, it starts over", "the next call starts the run over"):
        with pytest.raises(ValueError, match="another layout"):
            play(job(tmp_path, STOPPED, learner), _ignore)
        assert said in capsys.readouterr().err
    assert not play(job(tmp_path, STOPPED, learner), _ignore).resumed_from


@pytest.mark.slow
def test_a_disk_that_cannot_read_a_state_costs_no_snapshot(tmp_path, monkeypatch):
    """However often the machine lacks what a learner needs to go on, the run goes on once it has that."""
    learner = "tests.suite.bad_learners:CannotReadItsDisk"
    stop(tmp_path, learner)
    for _ in range(3):
        with pytest.raises(OSError, match="input/output error"):
            play(job(tmp_path, STOPPED, learner), _ignore)
    monkeypatch.setattr("tests.suite.bad_learners.CannotReadItsDisk.load_state", Resumes.load_state)
    assert play(job(tmp_path, STOPPED, learner), _ignore).resumed_from


def test_learner_seeds_are_the_derived_ones(tmp_path):
    """The learner that trains and the one that is evaluated are made with the derived seeds."""
    observer.HANDED.clear()
    run_id = "smoke/fresh/breakout/seed0"
    play(job(tmp_path, run_id, "tests.suite.observer:make"), _ignore)
    made = [event[1:] for event in observer.HANDED if event[0] == "make"]
    assert made == [(learner_seed(SMOKE_DIGEST, 0, phase), 8) for phase in ("training", "evaluation")]


def test_notes_of_a_learner_lie_beside_its_record(tmp_path):
    """The files that ``write_notes`` writes after training are kept with the run, outside the checkpoint."""
    run_id = parse_run_id("smoke/fresh/breakout/seed0", V1)
    play(job(tmp_path, str(run_id), "tests.suite.observer:make"), _ignore)
    folder = Store(tmp_path, V1).run_folder(run_id)
    assert (folder / "notes" / "seen.txt").read_text() == "a note"
    assert Store(tmp_path, V1).record(run_id).learner_code_sha256 == code_digest("tests.suite.observer:make")
    assert [path.name for path in (folder / "checkpoint").iterdir()] == ["no_weights"]


def test_the_temporary_folder_may_be_cleaned_meanwhile(tmp_path, monkeypatch):
    """Checkpoint and notes are kept although a machine empties its temporary folder during training."""
    run_id, cleaned = parse_run_id("smoke/fresh/breakout/seed0", V1), []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    def clean(event) -> None:
        if isinstance(event, Played):
            for folder in (tmp_path / "tmp").glob("amtlb-*"):
                shutil.rmtree(folder)
                cleaned.append(folder)

    play(job(tmp_path / "out", str(run_id), "tests.suite.observer:make"), clean)
    assert cleaned
    folder = Store(tmp_path / "out", V1).run_folder(run_id)
    assert {path.name for path in folder.iterdir()} == {"checkpoint", "ledger.parquet", "notes", "record.json"}


def test_a_folder_belongs_to_the_learner_that_began_in_it(tmp_path):
    """While a run is played, and no run is complete, another learner cannot begin in the same folder."""
    refused = []

    def try_another(event) -> None:
        if isinstance(event, Played) and not refused:
            with pytest.raises(
                ForeignProtocol, match=r"plays runs of baselines\.uniform:make .*, not of tests"
            ) as told:
                play(job(tmp_path, "smoke/fresh/asterix/seed0", "tests.suite.observer:make"), _ignore)
            refused.append(told)

    play(job(tmp_path, "smoke/fresh/breakout/seed0"), try_another)
    assert refused


def test_a_record_that_could_not_be_read_back_completes_no_run(tmp_path, monkeypatch):
    """A record that would be refused when read is refused when written, and the run is not complete."""
    monkeypatch.setattr("suite.results.reading.MAX_RECORD_BYTES", 100)
    run_id = parse_run_id("smoke/fresh/breakout/seed0", V1)
    with pytest.raises(StoreError, match=r"the record that was written has .* at most 100 can be right"):
        play(job(tmp_path, str(run_id)), _ignore)
    assert not Store(tmp_path, V1).is_complete(run_id)


def test_a_name_that_no_record_can_hold_plays_nothing(tmp_path):
    """It is refused before the folder is made, wherever the learner is."""
    with pytest.raises(UnknownName, match=r"'my-learner:make'.*rename"):
        play(job(tmp_path / "out", "smoke/fresh/breakout/seed0", "my-learner:make"), print)
    assert not (tmp_path / "out").exists()
