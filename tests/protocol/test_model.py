"""The frozen protocol: its numbers, its digest, its strictness."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol import (
    Edition,
    Flavour,
    Game,
    Protocol,
    UnknownName,
    load,
    load_references,
    make_folds,
    make_stratified_folds,
)

DIGESTS = {
    "smoke": "e88220fac46b12e4922e389ee23e796578ff4a9fdb0691ee7d52862b1e6f68b6",
    "lite": "d2c30c08e2aa3d9e7cad07cb10ee26fe0e9083f8d55dd5f1a8d8d7fdfb4f3673",
    "full": "fd85a48556c37a746a3d417aa221eb416133d8d908e71bc31cafa1cac8cd97bf",
}


@pytest.fixture
def v1() -> Protocol:
    return load("v1")


def changed(v1: Protocol, **fields: object) -> str:
    return json.dumps(v1.model_dump(mode="json") | fields)


def test_digests_are_pinned(v1):
    """Each edition has the digest under which its runs are published."""
    assert v1.edition_digests == DIGESTS


def rebuilt(v1: Protocol, **fields: object) -> Protocol:
    """The same protocol with other fields, unchecked; built again, since digests are cached with a protocol."""
    return Protocol.model_construct(**{name: getattr(v1, name) for name in Protocol.model_fields} | fields)


def other(value: Any) -> Any:
    """A different value of the same kind."""
    if isinstance(value, str):
        return value + "x"
    return (*value, *value) if isinstance(value, tuple) else 2 * value


def changed_editions(changed: Protocol) -> set[str]:
    return {name for name in DIGESTS if changed.edition_digests[name] != DIGESTS[name]}


def test_an_added_edition_or_game_leaves_digests_as_they_are(v1):
    """A new edition changes no digest, and a new game of full changes only full's digest."""
    games = (*v1.games, Game(name="tetris", rom_sha256="0" * 64))
    made_up = v1.edition("smoke").model_copy(update={"name": "made_up"})
    added = rebuilt(v1, games=games, editions=(*v1.editions, made_up))
    assert changed_editions(added) == set()
    assert len({*added.edition_digests.values()}) == 4
    full = v1.edition("full")
    folds = (*full.folds[:-1], (*full.folds[-1], "tetris"))
    larger = full.model_copy(update={"games": (*full.games, "tetris"), "folds": folds})
    assert changed_editions(rebuilt(v1, games=games, editions=(*v1.editions[:2], larger))) == {"full"}


@pytest.mark.parametrize("part", ["emulator", "environment", "derivations"])
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_every_digest_follows_what_editions_share(v1, part):
    """Any changed value that editions share changes every digest, and that of the practice lanes."""
    shared = getattr(v1, part)
    for name, value in shared:
        changed = rebuilt(v1, **{part: shared.model_copy(update={name: other(value)})})
        assert changed_editions(changed) == {*DIGESTS}, name
        assert changed.practice_digest != v1.practice_digest, name


def test_every_digest_follows_the_lanes(v1):
    """Another number of lanes is another edition."""
    assert changed_editions(rebuilt(v1, lanes=16)) == {*DIGESTS}


def test_a_digest_follows_its_edition(v1):
    """Any changed value of an edition changes its digest alone; another ROM, those of editions with it."""
    for edition in v1.editions:
        for name, value in edition:
            if name in ("name", "games"):
                continue
            changed = edition.model_copy(update={name: other(value)})
            editions = [changed if one is edition else one for one in v1.editions]
            assert changed_editions(rebuilt(v1, editions=tuple(editions))) == {edition.name}, name
    games = [
        game.model_copy(update={"rom_sha256": "0" * 64}) if game.name == "asterix" else game
        for game in v1.games
    ]
    assert changed_editions(rebuilt(v1, games=tuple(games))) == {"smoke", "full"}


def test_environment_is_the_specified_one(v1):
    """The environment has the numbers of the specification."""
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
        ("lite", 8, [2] * 4, (400_000, 4, 16, 18_000)),
        ("full", 63, [12, 12, 13, 13, 13], (10_000_000, 3, 32, 108_000)),
    ],
)
def test_editions_are_the_specified_ones(v1, name, games, fold_sizes, numbers):
    """Each edition has the games, folds, budget, seeds and evaluation of the specification."""
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
    """The folds in the file are the result of the pure function of games, number and seed."""
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
    """Another type, an unknown field, an invalid budget, a game without ROM: none of them loads."""
    with pytest.raises(ValidationError):
        Protocol.model_validate_json(changed(v1, **fields))


def test_folds_that_are_no_partition_are_refused(v1):
    """An edition whose folds miss or repeat a game does not load."""
    data = v1.model_dump(mode="json")
    data["editions"][0]["folds"] = [["asterix"], ["asterix", "breakout"]]
    with pytest.raises(ValidationError, match="partition"):
        Protocol.model_validate_json(json.dumps(data))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"budget_frames": 8_016}, "the budget is not a whole number of vector steps"),
        ({"budget_frames": 8_002}, "the budget is not a whole number of vector steps"),
        ({"evaluation_episodes": 12}, "the evaluation does not fill the lanes evenly"),
        ({"evaluation_max_frames": 4_002}, "the evaluation does not fill the lanes evenly"),
        ({"folds": [["asterix"], ["breakout", "space_invaders"], []]}, "partition"),
    ],
)
def test_an_edition_that_does_not_fill_the_lanes_is_refused(v1, fields, words):
    """Frames that are no whole vector steps, episodes that lanes cannot share, an empty fold: none loads."""
    data = v1.model_dump(mode="json")
    data["editions"][0] |= fields
    with pytest.raises(ValidationError, match=words):
        Protocol.model_validate_json(json.dumps(data))


def test_an_edition_of_one_seed_is_refused(v1):
    """One seed gives no interval, so an edition needs two."""
    data = v1.model_dump(mode="json")
    data["editions"][0]["seeds"] = 1
    with pytest.raises(ValidationError, match="seeds"):
        Protocol.model_validate_json(json.dumps(data))


def test_unknown_names_are_told(v1):
    """An unknown version, edition, game or digest is an UnknownName that lists the choices."""
    with pytest.raises(UnknownName, match="v1"):
        load("v9")
    with pytest.raises(UnknownName, match="smoke, lite, full"):
        v1.edition("huge")
    with pytest.raises(UnknownName, match="63"):
        v1.game("tetris")


def test_references_name_games_and_change_nothing(v1):
    """57 games have reference scores; all are in the protocol, and the scores are part of no digest."""
    references = load_references("v1")
    assert len(references) == 57
    assert set(references) <= {game.name for game in v1.games}
    assert references["breakout"].model_dump() == {"random": 1.7, "human": 30.5}


FLAVOURS = tuple(f"{game}_mode{mode}_difficulty0" for game in ("breakout", "freeway") for mode in (4, 8))


def with_flavours(v1: Protocol, flavours: tuple[str, ...] = FLAVOURS, **fields: object) -> Protocol:
    """The protocol with one more edition, of flavours."""
    smoke = v1.edition("smoke").model_dump()
    folds = make_stratified_folds([flavours[:2], flavours[2:]], 2, v1.seed)
    edition = Edition.model_validate(smoke | {"name": "flavours", "games": flavours, "folds": folds})
    return rebuilt(v1, editions=(*v1.editions, edition), **fields)


@given(st.sampled_from(load("v1").games), st.integers(0, 999), st.integers(0, 999))
def test_the_name_of_a_flavour_says_all_of_it(game, mode, difficulty):
    """A game with any mode and difficulty is a flavour that has the game's ROM."""
    name = f"{game.name}_mode{mode}_difficulty{difficulty}"
    found = load("v1").game(name)
    assert found == Flavour(name=name, rom_sha256=game.rom_sha256, mode=mode, difficulty=difficulty)
    assert found.rom == game.rom == game.name


@pytest.mark.parametrize(
    "name",
    [
        "tetris_mode1_difficulty0",
        "freeway_mode1",
        "freeway_difficulty1",
        "freeway_mode01_difficulty0",
        "freeway_mode1_difficulty-1",
        "freeway_mode1000_difficulty0",
        "freeway_mode\u0661_difficulty0",
        "freeway_mode1_difficulty0\n",
        "freeway_mode1_difficulty0_mode1_difficulty0",
    ],
)
def test_other_names_are_no_flavours(v1, name):
    """A game that does not exist, half a flavour, and numbers written otherwise are an UnknownName."""
    with pytest.raises(UnknownName, match="freeway_mode1_difficulty0"):
        v1.game(name)


def test_an_edition_of_flavours_leaves_published_digests_as_they_are(v1):
    """Flavours in another edition change no digest, and add nothing but themselves to what is played."""
    added = with_flavours(v1)
    assert changed_editions(added) == set()
    assert added.practice_digest == v1.practice_digest
    assert added.played_games == (*v1.played_games, *FLAVOURS)
    assert v1.played_games == tuple(game.name for game in v1.games)


def test_the_digest_of_an_edition_follows_its_flavours(v1):
    """Another mode, another difficulty, and another ROM below the same names make another digest."""
    games = tuple(
        game.model_copy(update={"rom_sha256": "0" * 64}) if game.name == "freeway" else game
        for game in v1.games
    )
    others = [
        with_flavours(v1),
        with_flavours(v1, (*FLAVOURS[:3], "freeway_mode12_difficulty0")),
        with_flavours(v1, (*FLAVOURS[:3], "freeway_mode8_difficulty1")),
        with_flavours(v1, games=games),
    ]
    assert len({other.edition_digests["flavours"] for other in others}) == len(others)


def test_an_edition_with_a_flavour_of_no_game_is_refused(v1):
    """A flavour of a game that the protocol does not have does not load."""
    data = v1.model_dump(mode="json")
    data["editions"][0]["games"] = ["asterix", "breakout", "tetris_mode1_difficulty0"]
    data["editions"][0]["folds"] = [["asterix"], ["breakout", "tetris_mode1_difficulty0"]]
    with pytest.raises(ValidationError, match="without a ROM hash"):
        Protocol.model_validate_json(json.dumps(data))
