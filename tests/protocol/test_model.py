"""The frozen protocol: its numbers, its digest, its strictness."""

import json

import pytest
from pydantic import ValidationError

from protocol import Protocol, UnknownName, load, load_by_digest, load_references, make_folds

DIGEST = "1b8619c0883e4628970ef15c718aa6069b1e3a648e08b5b99e75af4f0f181e9f"


@pytest.fixture
def v1() -> Protocol:
    return load("v1")


def changed(v1: Protocol, **fields: object) -> str:
    return json.dumps(v1.model_dump(mode="json") | fields)


def test_digest_is_pinned(v1):
    """Protocol v1 has the digest under which its runs are published."""
    assert v1.digest == DIGEST
    assert load_by_digest(DIGEST) is v1


def test_digest_follows_content(v1):
    """Any changed number is another protocol."""
    assert Protocol.model_validate_json(changed(v1, seed=v1.seed + 1)).digest != v1.digest


def test_environment_is_the_specified_one(v1):
    """The environment has the numbers of the normative text."""
    assert v1.lanes == 8
    assert v1.emulator.model_dump() == {"package": "ale-py", "version": "0.12.1"}
    assert v1.environment.model_dump() == {
        "frame_skip": 4,
        "pooled_frames": 2,
        "screen_size_pixels": 84,
        "stack_frames": 4,
        "actions": 18,
        "sticky_action_probability": 0.25,
        "max_episode_frames": 108_000,
        "max_steps_without_reward": 10_000,
    }


@pytest.mark.parametrize(
    ("name", "games", "fold_sizes", "numbers"),
    [
        ("smoke", 3, [1, 1, 1], (8_000, 2, 8, 4_000)),
        ("lite", 5, [1] * 5, (400_000, 5, 16, 18_000)),
        ("full", 62, [12, 12, 12, 13, 13], (10_000_000, 3, 32, 108_000)),
    ],
)
def test_editions_are_the_specified_ones(v1, name, games, fold_sizes, numbers):
    """Each edition has the games, folds, budget, seeds and evaluation of the normative text."""
    edition = v1.edition(name)
    assert len(edition.games) == games
    assert sorted(map(len, edition.folds)) == fold_sizes
    assert (
        edition.budget_frames,
        edition.seeds,
        edition.evaluation_episodes,
        edition.evaluation_max_frames,
    ) == numbers


@pytest.mark.parametrize("name", ["smoke", "lite", "full"])
def test_folds_are_regenerated(v1, name):
    """The folds in the file are what the pure function makes of games, number and seed."""
    edition = v1.edition(name)
    assert make_folds(edition.games, len(edition.folds), v1.seed) == edition.folds


def test_training_games_are_the_other_folds(v1):
    """A fold's training games and its held-out games make up the edition."""
    edition = v1.edition("full")
    for fold, held_out in enumerate(edition.folds):
        assert sorted(edition.training_games(fold) + held_out) == sorted(edition.games)


def test_models_are_frozen(v1):
    """A loaded protocol cannot be changed."""
    with pytest.raises(ValidationError, match="frozen"):
        v1.lanes = 4
    with pytest.raises(AttributeError):
        v1.games.append(v1.games[0])


@pytest.mark.parametrize(
    "fields",
    [
        {"lanes": "8"},
        {"lanes": 8.0},
        {"surprise": 1},
        {"lanes": 3},
        {"games": []},
        {"seed": -1},
    ],
)
def test_bad_content_is_refused(v1, fields):
    """Another type, an unknown field, a broken budget, a game without ROM: none of them loads."""
    with pytest.raises(ValidationError):
        Protocol.model_validate_json(changed(v1, **fields))


def test_folds_that_are_no_partition_are_refused(v1):
    """An edition whose folds miss or repeat a game does not load."""
    data = v1.model_dump(mode="json")
    data["editions"][0]["folds"] = [["asterix"], ["asterix", "breakout"]]
    with pytest.raises(ValidationError, match="partition"):
        Protocol.model_validate_json(json.dumps(data))


def test_unknown_names_are_told(v1):
    """An unknown version, edition, game or digest is an UnknownName that lists the choices."""
    with pytest.raises(UnknownName, match="v1"):
        load("v9")
    with pytest.raises(UnknownName, match="smoke, lite, full"):
        v1.edition("huge")
    with pytest.raises(UnknownName, match="62"):
        v1.game("tetris")
    with pytest.raises(UnknownName, match="no protocol"):
        load_by_digest("0" * 64)


def test_references_name_games_and_change_nothing(v1):
    """57 games have reference scores, all but one of them in the protocol; they are outside the digest."""
    references = load_references("v1")
    assert len(references) == 57
    assert set(references) - {game.name for game in v1.games} == {"surround"}
    assert references["breakout"].model_dump() == {"random": 1.7, "human": 30.5}
