"""Forged submissions: a valid one, changed in one way, with every digest made right again as a cheat would.

Each forgery says which rule must find it, and which others may as well. ``make verifier-table`` makes and
verifies them all.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from protocol import describe, episode_seed, parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.digests import file_digest
from suite.results.ledger import read_ledger
from suite.results.schema import LEDGER_SCHEMA
from suite.results.store import Store, notes_digest
from suite.scoring.outcomes import read_outcomes
from suite.scoring.score import score, write_scores
from suite.submission.checksums import sums_text
from tests.suite.helpers import V1
from tests.suite.verify.cheater import Bend, play_bent

EDITION = V1.edition("smoke")
FRESH, OTHER_FRESH = "fresh/breakout/seed0", "fresh/asterix/seed1"
GENERALIST, PRETRAIN, TRANSFER = "generalist/seed0", "pretrain/fold1/seed0", "transfer/fold1/breakout/seed0"


class Forgery(NamedTuple):
    """One way to be wrong.

    Attributes:
        name: what it is.
        rule: that must find it.
        also: rules that may find it, too.
        forge: changes the submission in a folder.
        replay: whether episodes must be played again to find it.
        retrain: runs that the learner must play again to find it.
    """

    name: str
    rule: str
    forge: Callable[[Forged], None]
    also: tuple[str, ...] = ()
    replay: bool = False
    retrain: tuple[str, ...] = ()


class Forged:
    """A submission that is being changed; paths of runs are without the edition."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record(self, run: str) -> dict[str, Any]:
        """A run's record."""
        found: dict[str, Any] = json.loads((self.folder / run / "record.json").read_text())
        return found

    def write_record(self, run: str, record: dict[str, Any]) -> None:
        """Replace it."""
        (self.folder / run / "record.json").write_text(json.dumps(record, indent=2) + "\n")

    def change(self, run: str, **fields: Any) -> None:
        """Change fields of a run's record."""
        self.write_record(run, self.record(run) | fields)
        self.sums()

    def rows(self, run: str) -> list[dict[str, Any]]:
        """The rows of a run's ledger."""
        return read_ledger(self.folder / run / "ledger.parquet").to_pylist()

    def write_rows(self, run: str, rows: Any, *, claims: bool = True, scores: bool = True) -> None:
        """Replace the ledger; digests, and unless told otherwise claims and scores, are made right."""
        path = self.folder / run / "ledger.parquet"
        pq.write_table(pa.Table.from_pylist(list(rows), LEDGER_SCHEMA), path, compression="zstd")
        record = self.record(run) | {"ledger_sha256": file_digest(path)}
        if claims:
            for spending in record["games"]:
                for phase in ("training", "evaluation"):
                    own = [row for row in rows if (row["game"], row["phase"]) == (spending["game"], phase)]
                    spending[f"{phase}_frames"] = 4 * sum(row["length_steps"] for row in own)
                    spending[f"{phase}_episodes"] = len(own)
        self.write_record(run, record)
        if scores:
            write_scores(score(read_outcomes(Store(self.folder, V1), EDITION)), self.folder)
        self.sums()

    def edit_rows(self, run: str, edit: Callable[[list[dict[str, Any]]], None], **options: bool) -> None:
        """Change rows of a ledger in place."""
        rows = self.rows(run)
        edit(rows)
        self.write_rows(run, rows, **options)

    def sums(self) -> None:
        """Make SHA256SUMS right."""
        (self.folder / "SHA256SUMS").write_text(sums_text(self.folder))

    def list_in_sums(self, file: str) -> None:
        """Name one more file in SHA256SUMS."""
        with (self.folder / "SHA256SUMS").open("a") as sums:
            sums.write(f"{file_digest(self.folder / file)}  {file}\n")

    def play(self, run: str, bend: Bend, *, scores: bool = True) -> None:
        """Replace a run by one that was really played, with one rule bent."""
        described = describe(parse_run_id(f"smoke/{run}", V1), V1)
        self.write_rows(run, list(play_bent(V1, described, bend)), scores=scores)

    def train(self, run: str, learner: str) -> None:
        """Replace a run by one that another learner really played; the record names the declared one."""
        with tempfile.TemporaryDirectory() as scratch:
            store, run_id = Store(Path(scratch), V1), parse_run_id(f"smoke/{run}", V1)
            outcome = play_one(run_id, store, V1, Settings(learner, "cpu", 1, 0, None, None))
            assert outcome.status == "complete", outcome
            self.write_record(run, self.record(run) | {"checkpoint_out": store.record(run_id).checkpoint_out})
            self.write_rows(run, read_ledger(store.ledger_path(run_id)).to_pylist())


def _write(forged: Forged, run: str, name: str, data: bytes) -> None:
    (forged.folder / run / name).write_bytes(data)
    forged.sums()


def _edit_text(forged: Forged, run: str, old: str, new: str) -> None:
    path = forged.folder / run / "record.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    forged.sums()


def _truncate(forged: Forged, name: str) -> None:
    path = forged.folder / FRESH / name
    _write(forged, FRESH, name, path.read_bytes()[: path.stat().st_size // 2])


def _wrong_dtype(forged: Forged) -> None:
    path = forged.folder / FRESH / "ledger.parquet"
    table = pq.read_table(path)
    wide = table.column("length_steps").cast(pa.int64())
    pq.write_table(table.set_column(table.schema.get_field_index("length_steps"), "length_steps", wide), path)
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _other_ledger_version(forged: Forged) -> None:
    path = forged.folder / FRESH / "ledger.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"amtlb.schema_version": "2"}), path, compression="zstd")
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _said(forged: Forged, old: str, new: str) -> None:
    """Change what the description says."""
    path = forged.folder / "submission.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    forged.sums()


def _note(forged: Forged, at: str) -> None:
    """A note that was not there when the run ended."""
    path = forged.folder / FRESH / "notes" / at
    path.parent.mkdir(parents=True)
    path.write_text("noted later")
    forged.sums()


def _deep_note(forged: Forged) -> None:
    _note(forged, "a/b/c/d/note.txt")
    forged.change(FRESH, notes_sha256=notes_digest(forged.folder / FRESH))


def _drop_run(forged: Forged) -> None:
    shutil.rmtree(forged.folder / TRANSFER)
    forged.sums()


def _foreign_run(forged: Forged) -> None:
    shutil.copytree(forged.folder / FRESH, forged.folder / "fresh/pong/seed0")
    forged.sums()


def _declared_contained(forged: Forged) -> None:
    _said(forged, "contained = false", f'contained = true\nimage_sha256 = "{"0" * 64}"')


def _drop_seed(forged: Forged) -> None:
    for folder in list(forged.folder.rglob("seed1")):
        shutil.rmtree(folder)
    forged.sums()


def _third_seed(forged: Forged) -> None:
    shutil.copytree(forged.folder / GENERALIST, forged.folder / "generalist/seed2")
    forged.sums()


def _stray_file(forged: Forged) -> None:
    (forged.folder / FRESH / "weights.pt").write_bytes(b"weights")
    forged.list_in_sums(f"{FRESH}/weights.pt")


def _symlink(forged: Forged) -> None:
    (forged.folder / FRESH / "notes").mkdir()
    (forged.folder / FRESH / "notes" / "more").symlink_to("/etc/passwd")


def _bomb(forged: Forged) -> None:
    path = forged.folder / FRESH / "ledger.parquet"
    rows = forged.rows(FRESH)
    rows[0]["actions"] = bytes(200_000_000)
    pq.write_table(pa.Table.from_pylist(rows, LEDGER_SCHEMA), path, compression="zstd")
    forged.change(FRESH, ledger_sha256=file_digest(path))


def _wrong_sum(forged: Forged) -> None:
    path = forged.folder / "SHA256SUMS"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("0" * 64 + lines[0][64:] + "".join(lines[1:]))


def _unlisted(forged: Forged) -> None:
    path = forged.folder / "SHA256SUMS"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def _spending(forged: Forged, **fields: Any) -> None:
    record = forged.record(FRESH)
    record["games"][0] |= fields
    forged.write_record(FRESH, record)
    forged.sums()


def _other_edition(forged: Forged) -> None:
    for path in forged.folder.rglob("record.json"):
        path.write_text(path.read_text().replace('"run_id": "smoke/', '"run_id": "huge/'))
    forged.sums()


def _other_configuration(forged: Forged) -> None:
    from protocol import canonical_digest

    configuration = forged.record(FRESH)["configuration"] | {"learning_rate": 0.1}
    digest = canonical_digest(configuration)
    forged.change(FRESH, configuration=configuration, configuration_digest=digest)


def _wrong_emulator(forged: Forged) -> None:
    forged.change(FRESH, versions=forged.record(FRESH)["versions"] | {"ale-py": "0.10.1"})


def _change_row(forged: Forged, place: int, **fields: Any) -> None:
    forged.edit_rows(FRESH, lambda rows: rows[place].update(fields))


def _chosen_seeds(forged: Forged) -> None:
    forged.edit_rows(FRESH, lambda rows: [row.update(seed=place) for place, row in enumerate(rows)] and None)


def _reorder(rows: list[dict[str, Any]]) -> None:
    rows[0], rows[1] = rows[1], rows[0]


def _swap_actions(rows: list[dict[str, Any]]) -> None:
    """What two episodes have in common of their length is swapped, so that no length changes."""
    one, other = rows[:2]
    steps = min(one["length_steps"], other["length_steps"])
    first, second = one["actions"], other["actions"]
    one["actions"], other["actions"] = second[:steps] + first[steps:], first[:steps] + second[steps:]


def _repeat(rows: list[dict[str, Any]]) -> None:
    rows.append(dict(rows[-1]))


def _lose(rows: list[dict[str, Any]]) -> None:
    del rows[0]


def _no_evaluation(rows: list[dict[str, Any]]) -> None:
    rows[:] = [row for row in rows if row["phase"] == "training"]


def _one_game_alone(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["game"] = rows[0]["game"]


def _one_evaluation_less(rows: list[dict[str, Any]]) -> None:
    del rows[-1]


def _more_evaluation(rows: list[dict[str, Any]]) -> None:
    last = rows[-1]
    number = last["number"] + 1
    seed = episode_seed(V1.edition_digests["smoke"], f"smoke/{FRESH}", last["lane"], number)
    rows.append(last | {"number": number, "seed": seed})


def _undue_cut(forged: Forged) -> None:
    """No-ops last until the cap of the evaluation; one such end is called another."""
    forged.play(FRESH, Bend(only_action=0))
    forged.edit_rows(FRESH, lambda rows: rows[-1].update(end_reason="no_reward"))


def _illegal_action(rows: list[dict[str, Any]]) -> None:
    rows[0]["actions"] = b"\x12" + rows[0]["actions"][1:]


def _missing_action(rows: list[dict[str, Any]]) -> None:
    rows[0]["actions"] = rows[0]["actions"][:-1]


def _more_reward(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["rewards"])
    row["rewards"][0] += 1
    row["episode_return"] += 1


def _clip(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["rewards"] = [max(-1, min(1, reward)) for reward in row["rewards"]]
        row["episode_return"] = sum(row["rewards"])


def _minimal_actions(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["actions"] = bytes((0, 1, 3, 4).index(a) if a in (0, 1, 3, 4) else 0 for a in row["actions"])


def _higher_return(rows: list[dict[str, Any]]) -> None:
    rows[0]["episode_return"] += 1


def _other_ram(rows: list[dict[str, Any]]) -> None:
    rows[0]["ram_sha256"] = bytes(32)


def _claim_of_half(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        half = row["length_steps"] // 2
        kept = [place for place, step in enumerate(row["reward_steps"]) if step < half]
        row |= {"length_steps": half, "actions": row["actions"][:half]}
        row |= {name: [row[name][place] for place in kept] for name in ("reward_steps", "rewards")}
        row["episode_return"] = sum(row["rewards"])


def _checkpoint_of(forged: Forged, run: str) -> None:
    forged.change(TRANSFER, checkpoint_in=forged.record(run)["checkpoint_out"])


def _hand_over(forged: Forged) -> None:
    """The generalist's weights, which know every game, are handed over as the pre-trained ones."""
    digest = forged.record(GENERALIST)["checkpoint_out"]
    forged.change(PRETRAIN, checkpoint_out=digest)
    for run in sorted(forged.folder.glob("transfer/fold1/*/seed0")):
        forged.change(run.relative_to(forged.folder).as_posix(), checkpoint_in=digest)


def _figure(forged: Forged, **fields: Any) -> None:
    path = forged.folder / "scores.json"
    scores = json.loads(path.read_text())
    scores["multitask"][0] |= fields
    path.write_text(json.dumps(scores, indent=2) + "\n")
    forged.sums()


def _contrast(forged: Forged) -> None:
    path = forged.folder / "scores.json"
    scores = json.loads(path.read_text())
    scores["transfer"]["contrast"]["value"] += 0.1
    path.write_text(json.dumps(scores, indent=2) + "\n")
    forged.sums()


def _scoring_version(forged: Forged) -> None:
    path = forged.folder / "scores.json"
    scores = json.loads(path.read_text()) | {"scoring_version": 99}
    path.write_text(json.dumps(scores, indent=2) + "\n")
    forged.sums()


def _always_first(lane: int, number: int, weights: Any) -> int:
    return next(place for place, weight in enumerate(weights) if weight)


def _named(
    name: str, rule: str, forge: Callable[..., None], *also: str, replay: bool = False, **fields: Any
) -> Forgery:
    return Forgery(name, rule, partial(forge, **fields) if fields else forge, also, replay)


def _rows(
    name: str, rule: str, edit: Any, *also: str, run: str = FRESH, replay: bool = False, **options: bool
) -> Forgery:
    return Forgery(name, rule, lambda forged: forged.edit_rows(run, edit, **options), also, replay)


def _played(
    name: str, rule: str, run: str, *also: str, replay: bool = False, scores: bool = True, **bend: Any
) -> Forgery:
    return Forgery(name, rule, lambda forged: forged.play(run, Bend(**bend), scores=scores), also, replay)


FORGERIES = (
    _named("a record with a field of its own", "S1", lambda f: f.change(FRESH, extra=1)),
    _named(
        "a record that is not UTF-8", "S1", lambda f: _write(f, FRESH, "record.json", b'{"run_id": "\xff"}')
    ),
    _named("a record cut off", "S1", lambda f: _truncate(f, "record.json")),
    _named(
        "a key that stands twice", "S1", lambda f: _edit_text(f, FRESH, '"device"', '"cpu": "x",\n  "device"')
    ),
    _named("a speed that is no number", "S1", lambda f: f.change(FRESH, wall_seconds=float("nan"))),
    _named("a negative count", "S1", lambda f: f.change(FRESH, budget_frames=-8000)),
    _named("a ledger cut off", "S1", lambda f: _truncate(f, "ledger.parquet"), "S4"),
    _named("a column of another type", "S1", _wrong_dtype),
    _named("a ledger of another version", "S1", _other_ledger_version),
    _named("no description", "S1", lambda f: (f.folder / "submission.toml").unlink() or f.sums()),
    _named("a description of another version", "S1", _said, old="schema_version = 1", new="schema_version = 2"),
    _named("open without a word on what it brings", "S1", _said, old='"standard"', new='"open"'),
    _named(
        "weights from elsewhere in the division standard",
        "S1",
        _said,
        old='"standard"',
        new='"standard"\nbrings = "weights from elsewhere"',
    ),
    _named("a run missing", "S2", _drop_run),
    _named("a run of a game that is not in the edition", "S2", _foreign_run),
    _named("weights among the runs", "S3", _stray_file),
    _named("a symlink out of the folder", "S3", _symlink),
    _named("a ledger that unpacks to 200 MB", "S3", _bomb),
    _named("a note four folders deep", "S3", _deep_note),
    _named("a record about another ledger", "S4", lambda f: f.change(FRESH, ledger_sha256="0" * 64)),
    _named("a note that was written later", "S4", _note, at="later.txt"),
    _named("notes left out", "S4", lambda f: f.change(FRESH, notes_sha256="0" * 64)),
    _named("a wrong sum", "S4", _wrong_sum),
    _named("a file without a sum", "S4", _unlisted),
    _named("another edition's digest", "P1", lambda f: f.change(FRESH, edition_digest="0" * 64)),
    _named("another ROM", "P2", _spending, rom_sha256="0" * 64),
    _named("another version of the emulator", "P3", _wrong_emulator),
    _named("an emulator that deviates", "P3", _spending, conformance_sha256="0" * 64),
    _named("pictures that deviate", "P3", _spending, pictures_sha256="0" * 64),
    _named("an edition of one's own", "P4", _other_edition),
    _named("a learning rate for one game", "P5", _other_configuration),
    _named("another learner for one game", "P5", lambda f: f.change(FRESH, learner="baselines.dqn:make")),
    _named("an image for one game", "P5", lambda f: f.change(FRESH, image_sha256="0" * 64)),
    _named("a box that there never was", "P5", _declared_contained),
    _named("a seed dropped", "D1", _drop_seed),
    _named("a seed too many", "D1", _third_seed),
    _named("one episode with a seed of its own", "D2", _change_row, place=0, seed=1),
    _named("a run of chosen seeds", "D2", _chosen_seeds),
    _played("games in an order of one's own", "D3", GENERALIST, choose=_always_first),
    _named("a chosen seed of the learner", "D4", lambda f: f.change(FRESH, training_seed=7)),
    _named("a chosen seed of the evaluation", "D4", lambda f: f.change(FRESH, evaluation_seed=7)),
    _played("one step over the budget", "B1", FRESH, more_steps=1),
    _rows("half of every episode claimed", "B1", _claim_of_half, "B4", run=TRANSFER),
    _rows("a game that pre-training never played", "B1", _one_game_alone, run=PRETRAIN, scores=False),
    _named("more frames claimed than played", "B2", _spending, training_frames=32_000),
    _named("steps claimed as frames", "B2", _spending, training_frames=2_000),
    _played("evaluation beyond its cap", "B3", FRESH, longer_evaluation_steps=1, only_action=0),
    _named("a cut that was not due", "B3", _undue_cut),
    _played("a first episode left out of the count", "B4", FRESH, first_number=1),
    _rows("rows out of order", "B4", _reorder),
    _rows("an episode twice", "B4", _repeat, "B5"),
    _rows("an episode lost", "B4", _lose, "B1", "B5"),
    _rows("no evaluation", "B5", _no_evaluation, scores=False),
    _rows("an evaluation episode less", "B5", _one_evaluation_less),
    _rows("an evaluation episode more", "B5", _more_evaluation),
    _played("pre-training on the held-out game", "F1", PRETRAIN, scores=False, games=("asterix", "breakout")),
    _named("weights of the generalist handed over", "F2", _hand_over),
    _named("the checkpoint of another seed", "F3", lambda f: _checkpoint_of(f, "pretrain/fold1/seed1")),
    _named("the checkpoint of another fold", "F3", lambda f: _checkpoint_of(f, "pretrain/fold0/seed0"), "F2"),
    _named("a fresh run that is none", "F4", lambda f: f.change(FRESH, checkpoint_in="0" * 64)),
    _rows("an action that there is not", "A1", _illegal_action),
    _rows("an action less than steps", "A2", _missing_action),
    _rows("a point more", "R1", _more_reward, replay=True),
    _rows("clipped rewards", "R1", _clip, run=OTHER_FRESH, replay=True),
    _played("episodes that end with a life", "R2", FRESH, replay=True, early_end_step=50),
    _rows("another RAM", "R3", _other_ram, replay=True),
    _rows("actions of two episodes swapped", "R3", _swap_actions, "R1", "R2", run=OTHER_FRESH, replay=True),
    _rows("the game's own few actions", "R3", _minimal_actions, "R1", "R2", replay=True),
    _played("no sticky actions", "R3", FRESH, "R1", "R2", replay=True, sticky_probability=0.0),
    _rows("a return that is no sum", "R4", _higher_return),
    _named("a better top score", "C1", _figure, generalist_top=1e6),
    _named("a better contrast", "C1", _contrast),
    _named("scores of a version that nobody knows", "C1", _scoring_version),
    Forgery(
        "actions of another learner than the declared one",
        "T1",
        lambda forged: forged.play(OTHER_FRESH, Bend(only_action=0)),
        retrain=(f"smoke/{OTHER_FRESH}",),
    ),
    Forgery(
        "other hyper-parameters than the declared ones",
        "T1",
        lambda forged: forged.train(OTHER_FRESH, "tests.suite.verify.tuned:make"),
        retrain=(f"smoke/{OTHER_FRESH}",),
    ),
)
