"""A miniature edition of flavours, played from end to end by the commands, and forged."""

import json
import shutil
from pathlib import Path

import pytest

from suite.verify.findings import Verification
from tests.suite.helpers import V1
from tests.suite.miniature import FOLDS, GAMES, SEEDS, Miniature

pytestmark = pytest.mark.long

HONEST, FORGED = "space_invaders_mode5_difficulty1", "space_invaders_mode15_difficulty1"
SAID = ("--name", "uniform", "--author", "A. Author", "--code", "none", "--deterministic")

FORGE = """
import sys
from pathlib import Path

from protocol import describe, load, parse_run_id
from tests.suite.verify.cheater import Bend, play_bent
from tests.suite.verify.corpus import Forged

folder, claimed, played = sys.argv[1:]
run = describe(parse_run_id(f"flavours/fresh/{claimed}/seed0", load("v1")), load("v1"))
Forged(Path(folder)).write_rows(run.run_id.path, play_bent(load("v1"), run, Bend(instead={claimed: played})))
"""


@pytest.fixture(scope="module")
def miniature(tmp_path_factory) -> Miniature:
    return Miniature(tmp_path_factory.mktemp("miniature") / "copy")


@pytest.fixture(scope="module")
def submission(miniature, tmp_path_factory) -> Path:
    """The whole miniature, played by the uniform learner and packed."""
    folder = tmp_path_factory.mktemp("flavours")
    play = ("benchmark", "--edition", "flavours", "--learner", "baselines.uniform:make")
    done = miniature.amtlb(*play, "--out", folder / "results")
    assert done.returncode == 0, done.stdout + done.stderr
    done = miniature.amtlb("submit", folder / "results", folder / "submission", *SAID)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "submission"


def verified(miniature: Miniature, folder: Path) -> Verification:
    done = miniature.amtlb("verify", folder, "--replay", "--json")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return Verification.model_validate_json(done.stdout)


def test_an_edition_of_flavours_is_played_and_verified(miniature, submission):
    """All runs are played, each fold holds out a flavour of each game, and every episode replays."""
    found = verified(miniature, submission)
    assert (found.exit_status, found.findings) == (0, ())
    assert found.replayed is not None
    assert found.replayed.episodes == found.replayed.of_episodes > 0
    runs = {path.parent.relative_to(submission).as_posix() for path in submission.rglob("record.json")}
    tasks = {*(f"fresh/{game}" for game in GAMES), "generalist"}
    for fold, held_out in enumerate(FOLDS):
        tasks |= {f"pretrain/fold{fold}", *(f"transfer/fold{fold}/{game}" for game in held_out)}
    assert runs == {f"{task}/seed{seed}" for task in tasks for seed in range(SEEDS)}


def test_another_mode_under_the_name_of_a_flavour_is_found(miniature, submission, tmp_path):
    """Episodes that were played in another mode, with every digest right, do not replay; all else passes."""
    forged = tmp_path / "forged"
    shutil.copytree(submission, forged)
    done = miniature.python(FORGE, forged, HONEST, FORGED)
    assert done.returncode == 0, done.stderr
    found = verified(miniature, forged)
    assert found.exit_status == 1
    assert {one.rule for one in found.findings} <= {"R1", "R2", "R3"}
    assert {one.run_id for one in found.findings} == {f"flavours/fresh/{HONEST}/seed0"}
    assert {"R3"} <= {one.rule for one in found.findings}


def test_the_commands_know_the_edition(miniature, submission):
    """The protocol's commands show the edition, its digest is its own, and a run of it is found complete."""
    shown = json.loads(miniature.amtlb("protocol", "show", "--json").stdout)
    assert shown["protocol"]["editions"][-1]["games"] == list(GAMES)
    assert {name: shown["edition_digests"][name] for name in V1.edition_digests} == V1.edition_digests
    record = json.loads((submission / f"fresh/{HONEST}/seed0/record.json").read_text())
    assert record["edition_digest"] == shown["edition_digests"]["flavours"]
    assert record["games"][0]["rom_sha256"] == V1.game("space_invaders").rom_sha256
    done = miniature.amtlb("run", f"flavours/fresh/{HONEST}/seed7")
    assert done.returncode == 2
    assert "names no run of edition flavours" in done.stderr


def test_every_vector_agrees_with_the_flavours(miniature):
    """``protocol check`` plays the vectors of the flavours, too; the ROMs are still 63."""
    done = miniature.amtlb("protocol", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"63 ROMs and the {2 * (63 + len(GAMES) - 1)} conformance vectors" in done.stdout


def test_flavours_are_watched_and_reported(miniature, submission, tmp_path):
    """The report names every flavour, and an episode of one is proven while it is drawn."""
    done = miniature.amtlb("report", submission, "--out", tmp_path / "report")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    assert all(game in page for game in GAMES)
    out = tmp_path / "episode.webp"
    done = miniature.amtlb("watch", submission / f"fresh/{HONEST}/seed0", "--episode", 0, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert out.read_bytes()[8:12] == b"WEBP"
