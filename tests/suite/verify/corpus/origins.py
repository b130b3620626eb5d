"""Forgeries of where runs come from: protocol, seeds and draws, checkpoints (rules P, D and F)."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import Any

import pyarrow.parquet as pq

from protocol import canonical_digest
from suite.digests import file_digest
from suite.results.published import published_folder
from tests.suite.verify.corpus.forging import (
    FRESH,
    GENERALIST,
    PRETRAIN,
    TRANSFER,
    Forged,
    earlier_part,
    named,
    played,
    read_json,
    said,
    spending,
)


def _declared_contained(forged: Forged) -> None:
    said(forged, "contained = false", f'contained = true\nimage_sha256 = "{"0" * 64}"')


def _drop_seed(forged: Forged) -> None:
    for folder in list(forged.folder.rglob("seed1")):
        shutil.rmtree(folder)
    forged.sums()


def _third_seed(forged: Forged) -> None:
    shutil.copytree(forged.folder / GENERALIST, forged.folder / "generalist/seed2")
    forged.sums()


def _other_edition(forged: Forged) -> None:
    for path in forged.folder.rglob("record.json"):
        path.write_text(path.read_text().replace('"run_id": "smoke/', '"run_id": "huge/'))
    forged.sums()


def _other_configuration(forged: Forged) -> None:
    configuration = forged.record(FRESH)["configuration"] | {"learning_rate": 0.1}
    digest = canonical_digest(configuration)
    forged.change(FRESH, configuration=configuration, configuration_digest=digest)


def _wrong_emulator(forged: Forged) -> None:
    forged.change(FRESH, versions=forged.record(FRESH)["versions"] | {"ale-py": "0.10.1"})


def _packed_anew(forged: Forged) -> None:
    """Another's runs, whose ledgers hold the same rows in other bytes."""
    for path in sorted(forged.folder.rglob("ledger.parquet")):
        pq.write_table(pq.read_table(path), path, compression="snappy")
        forged.change(path.parent.relative_to(forged.folder).as_posix(), ledger_sha256=file_digest(path))
    _everywhere(forged, learner="mine.own:make")


def _fresh_of(forged: Forged, baseline: str) -> None:
    """The fresh runs of another published learner: weak ones make the transfer runs look strong."""
    theirs = Forged(published_folder(baseline, "smoke"))
    for path in sorted(forged.folder.glob("fresh/*/*/ledger.parquet")):
        run = path.parent.relative_to(forged.folder).as_posix()
        forged.write_rows(run, theirs.rows(run), scores=False)
    forged.edit_rows(FRESH, lambda rows: None)  # makes the scores right


def _changed_ends(forged: Forged) -> None:
    """Another's runs, in which every episode has another last action and another last state of the console."""

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["actions"] = row["actions"][:-1] + bytes([17 - row["actions"][-1]])
            row["ram_sha256"] = hashlib.sha256(row["ram_sha256"]).digest()

    for path in sorted(forged.folder.rglob("ledger.parquet")):
        forged.edit_rows(path.parent.relative_to(forged.folder).as_posix(), change, scores=False)
    _everywhere(forged, learner="mine.own:make")


def _change_row(forged: Forged, place: int, **fields: Any) -> None:
    forged.edit_rows(FRESH, lambda rows: rows[place].update(fields))


def _chosen_seeds(forged: Forged) -> None:
    forged.edit_rows(FRESH, lambda rows: [row.update(seed=place) for place, row in enumerate(rows)] and None)


def _better_seed_twice(forged: Forged) -> None:
    forged.write_rows(FRESH, forged.rows(FRESH.replace("seed0", "seed1")))


def _checkpoint_of(forged: Forged, run: str) -> None:
    forged.change(TRANSFER, checkpoint_in=forged.record(run)["checkpoint_out"])


def _hand_over(forged: Forged) -> None:
    """The generalist's weights, which know every game, are handed over as the pre-trained ones."""
    digest = forged.record(GENERALIST)["checkpoint_out"]
    forged.change(PRETRAIN, checkpoint_out=digest)
    for run in sorted(forged.folder.glob("transfer/fold1/*/seed0")):
        forged.change(run.relative_to(forged.folder).as_posix(), checkpoint_in=digest)


def _of_another_seed(forged: Forged) -> None:
    """Pre-trained once: the second seed's transfer runs start from the first one's checkpoint."""
    digest = forged.record(PRETRAIN)["checkpoint_out"]
    other = PRETRAIN.replace("seed0", "seed1")
    forged.change(other, checkpoint_out=digest)
    for run in sorted(forged.folder.glob("transfer/fold1/*/seed1")):
        forged.change(run.relative_to(forged.folder).as_posix(), checkpoint_in=digest)


def _everywhere(forged: Forged, **fields: Any) -> None:
    for path in sorted(forged.folder.rglob("record.json")):
        forged.write_record(path.parent.relative_to(forged.folder).as_posix(), read_json(path) | fields)
    scores = forged.folder / "scores.json"
    scores.write_text(json.dumps(read_json(scores) | {"learner": fields.get("learner", "")}, indent=2) + "\n")
    forged.sums()


def _always_first(lane: int, number: int, weights: Any) -> int:
    return next(place for place, weight in enumerate(weights) if weight)


ORIGINS = (
    named("a protocol to come", "P1", lambda f: f.change(FRESH, protocol_version="v2")),
    named("another edition's digest", "P1", lambda f: f.change(FRESH, edition_digest="0" * 64)),
    named("another ROM", "P2", spending, rom_sha256="0" * 64),
    named("another version of the emulator", "P3", _wrong_emulator),
    named(
        "another version of the emulator before a break",
        "P3",
        lambda f: earlier_part(f, FRESH, versions=f.record(FRESH)["versions"] | {"ale-py": "0.10.1"}),
    ),
    named("an emulator that deviates", "P3", spending, conformance_sha256="0" * 64),
    named("pictures that deviate", "P3", spending, pictures_sha256="0" * 64),
    named("an edition of one's own", "P4", _other_edition),
    named("a learning rate for one game", "P5", _other_configuration),
    named("another learner for one game", "P5", lambda f: f.change(FRESH, learner="baselines.dqn:make")),
    named("an image for one game", "P5", lambda f: f.change(FRESH, image_sha256="0" * 64)),
    named(
        "a learner whose name only begins alike", "P5", lambda f: f.change(FRESH, learner="baselines.ppo:maker")
    ),
    named("a published learner's runs under another name", "P5", _everywhere, learner="mine.own:make"),
    named("a published learner's runs under another name, packed anew", "P5", _packed_anew),
    named("a published learner's runs under another name, with other ends", "P5", _changed_ends),
    named("fresh runs of another published learner", "P5", _fresh_of, baseline="dqn"),
    named("fresh runs of a learner that never learns", "P5", _fresh_of, baseline="uniform"),
    named("a box that there never was", "P5", _declared_contained),
    named("a seed dropped", "D1", _drop_seed),
    named("a seed too many", "D1", _third_seed),
    named("one episode with a seed of its own", "D2", _change_row, place=0, seed=1),
    named("a run of chosen seeds", "D2", _chosen_seeds),
    named("the better of two seeds, twice", "D2", _better_seed_twice, "D3"),
    played("games in an order of one's own", "D3", GENERALIST, choose=_always_first),
    named("a chosen seed of the learner", "D4", lambda f: f.change(FRESH, training_seed=7)),
    named("a chosen seed of the evaluation", "D4", lambda f: f.change(FRESH, evaluation_seed=7)),
    played("pre-training on the held-out game", "F1", PRETRAIN, scores=False, games=("asterix", "breakout")),
    named("weights of the generalist handed over", "F2", _hand_over),
    named("the checkpoint of another seed", "F3", lambda f: _checkpoint_of(f, "pretrain/fold1/seed1")),
    named("the checkpoint of another fold", "F3", lambda f: _checkpoint_of(f, "pretrain/fold0/seed0"), "F2"),
    named("pre-trained once for two seeds", "F3", _of_another_seed),
    named(
        "transfer before pre-training",
        "F3",
        lambda f: f.change(TRANSFER, started_at="2001-01-01T00:00:00+00:00"),
    ),
    named(
        "transfer before the parts of pre-training can have ended",
        "F3",
        lambda f: earlier_part(f, PRETRAIN, wall_seconds=100_000.0),
    ),
    named("a transfer from nothing", "F3", lambda f: f.change(TRANSFER, checkpoint_in=None)),
    named("a fresh run that is none", "F4", lambda f: f.change(FRESH, checkpoint_in="0" * 64)),
)
