"""A run is found by its folder or by a baseline's name, and not read where it cannot be trusted."""

import json
import shutil

import pytest

from protocol import ForeignProtocol, StoreError, UnknownName
from suite.episodes.recorded import find_recorded
from tests.suite.episodes.recordings import FRESH, GENERALIST, copied, published
from tests.suite.helpers import V1


def test_a_folder_and_a_name_find_the_same_run(tmp_path, monkeypatch):
    """A published run, its copy in a results folder, and the same from inside that folder are equal."""
    folder = copied(FRESH, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = [find_recorded(name, V1, "smoke") for name in (FRESH, str(folder), "fresh/breakout/seed0")]
    assert len({(one.run, one.ledger_sha256) for one in found}) == 1
    assert found[0].table.num_rows == found[1].table.num_rows > 0


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("ppo", UnknownName, "names no run"),
        ("nobody/fresh/breakout/seed0", UnknownName, "'nobody'"),
        ("ppo/fresh/breakout/seed9", StoreError, "no complete run"),
        ("ppo/fresh/../fresh/breakout/seed0", UnknownName, "names no run|neither a results folder"),
        ("artifacts/fresh", StoreError, "no complete run"),
    ],
)
def test_what_is_no_run_is_named(name, kind, words, tmp_path, monkeypatch):
    """A name that leads to no complete run is an error that names it."""
    (tmp_path / "artifacts").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=words):
        find_recorded(name, V1, "smoke")


def garble_record(folder):
    (folder / "record.json").write_text("{")


def garble_ledger(folder):
    data = bytearray((folder / "ledger.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "ledger.parquet").write_bytes(data)


def remove_ledger(folder):
    (folder / "ledger.parquet").unlink()


def link_ledger(folder):
    shutil.move(folder / "ledger.parquet", folder.parent / "elsewhere")
    (folder / "ledger.parquet").symlink_to(folder.parent / "elsewhere")


def edit_record(**fields):
    def edit(folder):
        record = json.loads((folder / "record.json").read_text()) | fields
        (folder / "record.json").write_text(json.dumps(record))

    return edit


@pytest.mark.parametrize(
    ("harm", "kind", "words"),
    [
        (garble_record, StoreError, "its record.json is not JSON"),
        (garble_ledger, StoreError, "its ledger.parquet has digest"),
        (remove_ledger, StoreError, "its ledger.parquet is missing"),
        (link_ledger, StoreError, "its ledger.parquet .*link"),
        (edit_record(run_id="smoke/fresh/breakout/seed1"), ForeignProtocol, "seed1"),
        (edit_record(edition_digest="0" * 64), ForeignProtocol, "edition"),
        (edit_record(ledger_sha256="0" * 64), StoreError, "digest"),
        (edit_record(run_id="huge/fresh/breakout/seed0"), UnknownName, "huge"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, harm, kind, words):
    """A garbled, missing, linked or foreign record or ledger is an error of one line."""
    folder = copied(FRESH, tmp_path)
    harm(folder)
    with pytest.raises(kind, match=words) as caught:
        find_recorded(str(folder), V1, "smoke")
    assert "\n" not in str(caught.value)


def test_rows_are_those_of_a_phase_and_a_game():
    """The rows of all games and phases are the rows of the ledger; other games and phases are refused."""
    run = published(GENERALIST)
    parts = [run.rows(phase, game) for phase in ("training", "evaluation") for game in run.run.games]
    assert (
        sorted(row for part in parts for row in part) == run.rows(None, None) == list(range(run.table.num_rows))
    )
    assert {run.episode(row).game for row in parts[1]} == {run.run.games[1]}
    for phase, game in (("tryout", None), (None, "pong")):
        with pytest.raises(UnknownName, match=phase or game):
            run.rows(phase, game)
    with pytest.raises(UnknownName, match="has no evaluation episode"):
        published("ppo/pretrain/fold0/seed0").rows("evaluation", None)
