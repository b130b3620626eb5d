"""Every published format is read for ever: a file of each format and version, stored as it was written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from protocol import RunRecord, describe, parse_run_id
from suite.digests import file_digest
from suite.results.ledger import episodes_of, read_ledger
from suite.results.reading import read_record, read_table
from suite.scoring.scores import Scores
from suite.submission.description import Submission, parse_submission
from tests.suite.helpers import V1

DATA = Path(__file__).parent / "data"
RUN = "smoke/fresh/breakout/seed0"


class Published(NamedTuple):
    """A stored file: how it is read, and some of what it says, by attribute."""

    file: str
    read: Callable[[bytes], Any]
    says: dict[str, Any]


def table_of(data: bytes) -> Any:
    return read_table(describe(parse_run_id(RUN, V1), V1), data)


PUBLISHED = (
    Published(
        "v1/record.json",
        RunRecord.model_validate_json,
        {
            "run_id": RUN,
            "learner": "baselines.uniform:make",
            "configuration": {"algorithm": "uniform", "actions": 18},
            "training_seed": 2851569034,
            "notes_sha256": None,
            "resumed_from": (),
        },
    ),
    Published("v1/ledger.parquet", table_of, {"num_rows": 23, "num_columns": 12}),
    Published(
        "v1/submission.toml",
        parse_submission,
        {
            "name": "borrowed eyes",
            "authors": ("A. Author", "Ðorđe 😀"),
            "division": "open",
            "contained": True,
            "image_sha256": "ab" * 32,
            "deterministic": True,
        },
    ),
    Published(
        "v1/scores.json",
        Scores.model_validate_json,
        {
            "schema_version": 1,
            "scoring_version": 1,
            "edition": "smoke",
            "learner": "baselines.uniform:make",
            "seeds": 2,
        },
    ),
)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.file)
def test_what_was_published_is_read(published):
    """A file of every published format reads with today's code and says what it said."""
    found = published.read((DATA / published.file).read_bytes())
    assert {name: getattr(found, name) for name in published.says} == published.says


def test_every_stored_file_is_read():
    """No file is stored without a reader."""
    stored = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    assert stored == {published.file for published in PUBLISHED}


def test_the_published_ledger_has_its_episodes():
    """The stored ledger is the one that the stored record names, and its episodes have their values."""
    ledger = DATA / "v1/ledger.parquet"
    record = read_record(DATA, "v1/record.json")
    assert record.ledger_sha256 == file_digest(ledger)
    assert 4 * sum(read_ledger(ledger, ["length_steps"])["length_steps"].to_pylist()) == 8000 + 6036
    episodes = list(episodes_of(read_ledger(ledger)))
    assert sum(episode.episode_return for episode in episodes) == 24
    first = episodes[0]
    assert (first.lane, first.number, first.game, first.seed) == (2, 0, "breakout", 4675541754596611504)
    assert (first.phase, first.length_steps, first.end_reason) == ("training", 125, "game_over")


def test_a_later_version_is_no_version_of_today():
    """The stored description is of version 1; a field that it lacks has a default."""
    text = (DATA / "v1/submission.toml").read_text(encoding="utf-8")
    kept = [
        line for line in text.splitlines() if line.split()[0] in ("schema_version", "name", "authors", "code")
    ]
    found = parse_submission("\n".join(kept).encode())
    assert found == Submission(schema_version=1, name=found.name, authors=found.authors, code=found.code)
