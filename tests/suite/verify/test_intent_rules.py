"""Rule I1: where a configuration names a game the reviewer is warned, and no verdict is given."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import RunRecord, canonical_digest, parse_run_id
from suite.cli.printing import output_console, print_verification
from suite.scoring.score import score, write_scores
from suite.verify.findings import REVIEWED_RULES, RULES, Finding
from suite.verify.intent_rules import check_intent
from tests.suite.helpers import V1
from tests.suite.verify.corpus import FRESH, Forged
from tests.suite.verify.packed import audited, invented, packed

RECORD = RunRecord.model_validate_json((Path(__file__).parents[2] / "data/v1/record.json").read_bytes())
RUNS = [parse_run_id(f"smoke/fresh/breakout/seed{seed}", V1) for seed in (0, 1)]
GAMES = [game.name for game in V1.games]
UNNAMED = {
    "learning_rate": 5e-4,
    "optimizer": "adam",
    "heads": [4, 8],
    "transferred": ["encoder", "alienation", "heroic", "pongs", "space", "invaders space"],
    "space": {"of": "invaders"},
    "": None,
}


def warned(*configurations: dict[str, Any]) -> list[Finding]:
    records = {
        run: RECORD.model_copy(update={"configuration": one, "configuration_digest": canonical_digest(one)})
        for run, one in zip(RUNS, configurations, strict=False)
    }
    return list(check_intent(V1, records))


def camel(game: str) -> str:
    return "".join(word.capitalize() for word in game.split("_"))


@given(
    st.sampled_from(GAMES),
    st.sampled_from(["{}", "lr_{}", "{}_lr", "ALE/{}-v5", "when {} is played", "3{}2", "{}.bin"]),
    st.sampled_from([str, str.upper, camel, lambda game: game.replace("_", " ")]),
    st.booleans(),
)
def test_every_game_is_found_in_keys_and_texts(game, form, write, as_key):
    """A game's name as words of its own, in any of the usual spellings, makes one warning that says where."""
    text = form.format(write(game))
    configuration = {"lr": {text: 0.1}} if as_key else {"lr": [0.1, text]}
    (finding,) = warned(UNNAMED | configuration)
    assert (finding.rule, finding.severity) == ("I1", "warning")
    assert ("configuration.lr" + (f".{text}" if as_key else "[1]"))[-60:] in finding.found


def test_other_words_are_no_games():
    """Words that only contain a game's name, and words apart, make no warning."""
    assert warned(UNNAMED) == []


def test_one_configuration_is_one_warning():
    """Runs of one configuration make one warning, runs of two make two, and many places are counted."""
    table = dict.fromkeys(GAMES[:9], 1)
    assert len(warned(table, table)) == 1
    assert len(warned(table, {"pong": 2})) == 2
    assert warned(table)[0].found.endswith("and 4 more")


@pytest.fixture(scope="module")
def keyed(tmp_path_factory) -> Path:
    """A submission whose hyper-parameters are keyed by game, in every run."""
    folder = tmp_path_factory.mktemp("keyed")
    forged = Forged(packed(invented(folder / "results"), folder / "submission"))
    configuration = {"learning_rates": {"breakout": 1e-3, "asterix": 1e-4}}
    for path in forged.folder.rglob("record.json"):
        run = path.parent.relative_to(forged.folder).as_posix()
        digest = canonical_digest(configuration)
        forged.write_record(
            run, forged.record(run) | {"configuration": configuration, "configuration_digest": digest}
        )
    write_scores(score(forged.folder), forged.folder)
    forged.sums()
    return forged.folder


def test_a_warning_changes_no_verdict(keyed):
    """Hyper-parameters keyed by game warn the reviewer; verdicts and exit status stay as they are."""
    found = audited(keyed)
    (finding,) = found.findings
    assert (finding.rule, finding.run_id) == ("I1", "smoke/fresh/asterix/seed0")
    assert "configuration.learning_rates.breakout" in finding.found
    assert found.exit_status == 0
    assert [(rule.rule, rule.warnings) for rule in found.for_the_reviewer] == [("I1", 1)]


def test_a_rule_of_the_reviewer_never_reads_pass(keyed):
    """A rule that no program can check has no verdict, in JSON and on a terminal, and is shown separately."""
    assert not REVIEWED_RULES.keys() & RULES.keys()
    found = audited(keyed)
    assert {verdict.rule for verdict in found.verdicts} == set(RULES)
    console = output_console()
    with console.capture() as shown:
        print_verification(console, found)
    lines = [line for line in shown.get().splitlines() if "I1" in line]
    assert "I1 for the reviewer" in lines[0] and "warnings: 1" in lines[0]
    assert lines[1].startswith("I1 warning: ")
    assert not any("PASS" in line for line in lines)


def test_warnings_stand_beside_errors(keyed):
    """An error is an error with a warning beside it."""
    forged = Forged(keyed)
    record = forged.record(FRESH)
    try:
        forged.change(FRESH, training_seed=1)
        found = audited(keyed)
        assert found.exit_status == 1
        assert {("I1", "warning"), ("D4", "error")} <= {(one.rule, one.severity) for one in found.findings}
    finally:
        forged.write_record(FRESH, record)
        forged.sums()
