"""The published baselines are whole, described, recomputable and replayable."""

import json
import os
import subprocess
import sys
import tomllib

import mlcroissant
import numpy as np
import pytest
import yaml

from protocol import RunRecord, plan
from suite.digests import file_digest
from suite.emulator.replayer import Replayer
from suite.release.croissant import croissant
from suite.results.ledger import episodes_of, read_ledger
from suite.results.published import ARTIFACTS, edition_folder, published_baselines, published_folder
from suite.results.store import Store
from suite.scoring.score import score
from suite.scoring.scores import Scores
from suite.submission.checksums import published_files, sums_text
from tests.suite.helpers import V1

pytestmark = [  # of mlcroissant's own making
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:DeprecationWarning"),
]
PUBLISHED = {
    "smoke": ("dqn", "multihead_a2c", "ppo", "ppo_reset", "uniform"),
    "lite": ("multihead_a2c", "ppo", "ppo_reset", "uniform"),
}
"""By edition, the baselines of which all runs are published."""
BASELINES = [(edition, name) for edition, names in PUBLISHED.items() for name in names]
of_each_baseline = pytest.mark.parametrize(("edition", "name"), BASELINES)
of_each_edition = pytest.mark.parametrize("edition", PUBLISHED)
SAMPLE = 8
"""Runs of each baseline of which an episode is played again."""


@of_each_edition
def test_the_baselines_are_published(edition):
    """Each is there under its own name, with every run of the edition."""
    assert published_baselines(edition) == PUBLISHED[edition]
    for name in PUBLISHED[edition]:
        store = Store(published_folder(name, edition), V1)
        for run in plan(V1, V1.edition(edition)):
            assert store.record(run.run_id).learner == f"baselines.{name}:make"


@of_each_baseline
def test_nothing_else_is_published(edition, name):
    """Git holds the listed files only: no checkpoint, no log; the sums are those of the files."""
    folder = published_folder(name, edition)
    listed = [*published_files(folder), folder / "SHA256SUMS"]
    if (ARTIFACTS.parent / ".git").exists():  # a copy without git has nothing to ask
        command = ["git", "ls-files", folder.relative_to(ARTIFACTS.parent)]
        held = subprocess.run(
            command, cwd=ARTIFACTS.parent, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert sorted(held) == sorted(path.relative_to(ARTIFACTS.parent).as_posix() for path in listed)
    assert (folder / "SHA256SUMS").read_text() == sums_text(folder)


@of_each_baseline
def test_records_are_about_their_ledgers(edition, name):
    """Each record's digest and totals are those of the ledger beside it."""
    store = Store(published_folder(name, edition), V1)
    for run in plan(V1, V1.edition(edition)):
        record, ledger = store.record(run.run_id), store.ledger_path(run.run_id)
        assert record.ledger_sha256 == file_digest(ledger)
        table = read_ledger(ledger, ["phase", "length_steps"]).to_pydict()
        steps = sum(n for phase, n in zip(*table.values(), strict=True) if phase == "training")
        assert 4 * steps == record.budget_frames == run.total_budget_frames


@of_each_baseline
def test_every_figure_recomputes(edition, name):
    """The published scores are what the ledgers give; the last digits may be those of another CPU."""
    folder = published_folder(name, edition)
    published = Scores.model_validate_json((folder / "scores.json").read_bytes())
    again = score(folder)
    assert_close(again.model_dump(), published.model_dump())


def assert_close(one: object, other: object, place: str = "scores") -> None:
    """Two trees are equal, numbers to nine digits."""
    assert type(one) is type(other), place
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            assert_close(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, tuple):
        assert len(one) == len(other), place
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_close(*pair, f"{place}[{index}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12), place
    else:
        assert one == other, place


@of_each_baseline
def test_a_sample_of_episodes_plays_again(edition, name):
    """Drawn from all runs, episodes yield their recorded rewards, end and RAM from their actions alone."""
    generator = np.random.Generator(np.random.Philox(key=BASELINES.index((edition, name))))
    store, runs = Store(published_folder(name, edition), V1), plan(V1, V1.edition(edition))
    for run in generator.choice(np.array(runs, dtype=object), SAMPLE, replace=False):
        episodes = list(episodes_of(read_ledger(store.ledger_path(run.run_id))))
        episode = episodes[generator.integers(len(episodes))]
        again = Replayer(V1).replay(run, episode)
        assert again.rewards == episode.rewards, (run.run_id, episode.lane, episode.number)
        assert again.reward_steps == episode.reward_steps
        assert again.ram_sha256 == episode.ram_sha256
        assert again.game_over == (episode.end_reason == "game_over")


@of_each_edition
def test_the_metadata_is_of_these_files(edition):
    """croissant.json is what the files give, and mlcroissant finds nothing to complain of."""
    path = edition_folder(edition) / "croissant.json"
    folders = [published_folder(name, edition) for name in PUBLISHED[edition]]
    assert json.loads(path.read_text()) == croissant(V1, edition, folders)
    dataset = mlcroissant.Dataset(jsonld=str(path))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings


@pytest.mark.slow
def test_the_metadata_leads_to_every_episode():
    """Read through the metadata, there is a row for each episode."""
    folder = edition_folder("smoke")
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    rows = list(dataset.records("episodes"))
    ledgers = list(folder.rglob("ledger.parquet"))
    assert len(rows) == sum(read_ledger(path, ["lane"]).num_rows for path in ledgers)
    assert {row["episodes/game"].decode() for row in rows} == set(V1.edition("smoke").games)


@pytest.mark.slow
@of_each_edition
def test_the_metadata_leads_to_the_published_runs(edition):
    """Read through the metadata, there is a row for each run of each published baseline, and no other."""
    dataset = mlcroissant.Dataset(jsonld=str(edition_folder(edition) / "croissant.json"))
    runs = [(row["runs/learner"].decode(), row["runs/run_id"].decode()) for row in dataset.records("runs")]
    assert sorted(runs) == sorted(
        (f"baselines.{name}:make", str(run.run_id))
        for name in PUBLISHED[edition]
        for run in plan(V1, V1.edition(edition))
    )


def test_the_citation_file_is_complete():
    """CITATION.cff has what the Citation File Format 1.2.0 requires, and the package's version."""
    root = ARTIFACTS.parent
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license", "type"} <= citation.keys()
    assert citation["version"] == tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]


def test_the_datasheet_answers_every_group_of_questions():
    """The datasheet has the seven headings of Gebru et al. 2021."""
    text = (ARTIFACTS / "DATASHEET.md").read_text()
    for heading in (
        "Motivation",
        "Composition",
        "Collection",
        "Preprocessing",
        "Uses",
        "Distribution",
        "Maintenance",
    ):
        assert f"## {heading}" in text


@pytest.mark.slow
def test_a_wheel_brings_the_published_baselines(installed, tmp_path):
    """Installed from a wheel, the command knows every published file, and compares baselines in any folder."""
    folders = [published_folder(name, edition) for edition, name in BASELINES]
    for path in (path for folder in folders for path in (*published_files(folder), folder / "SHA256SUMS")):
        assert (installed / "amtlb/artifacts" / path.relative_to(ARTIFACTS)).read_bytes() == path.read_bytes()
    code = "import sys; from suite.cli import main; sys.argv[0] = 'amtlb'; main()"
    command = [sys.executable, "-P", "-c", code, "compare", "ppo", "uniform"]
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "uniform" in done.stdout


@of_each_edition
def test_heads_are_reset_after_a_load_alone(edition):
    """Wherever no checkpoint is loaded, runs of ppo_reset are those of ppo to the byte, on any CPU."""
    of_ppo, of_reset = (edition_folder(edition) / name for name in ("ppo", "ppo_reset"))
    compared = 0
    for path in of_reset.glob("**/record.json"):
        reset, plain = (
            RunRecord.model_validate_json(file.read_text())
            for file in (path, of_ppo / path.relative_to(of_reset))
        )
        if reset.checkpoint_in is None:
            assert (reset.ledger_sha256, reset.checkpoint_out) == (plain.ledger_sha256, plain.checkpoint_out)
            compared += 1
        else:
            assert reset.ledger_sha256 != plain.ledger_sha256
    assert compared
