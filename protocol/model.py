"""The frozen protocol as typed, immutable values, and the digests of its editions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocol.errors import UnknownName

Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""A SHA-256 digest as 64 lower-case hexadecimal digits."""
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
FLAVOUR_NAME = re.compile(
    r"(?P<rom>[a-z][a-z0-9_]*)_mode(?P<mode>0|[1-9][0-9]{0,2})_difficulty(?P<difficulty>0|[1-9][0-9]{0,2})"
)
"""The pattern of a flavour's name: its ROM, and ale-py's numbers of its mode and difficulty."""


class Frozen(BaseModel):
    """Base of every model that several floors use: strict, immutable, finite, without unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Emulator(Frozen):
    """The emulator that the ROM hashes and the conformance vectors belong to."""

    package: str
    version: str


class Environment(Frozen):
    """The way in which every game is shown and played; the names give the units."""

    frame_skip: Annotated[int, Field(ge=4, le=4)]  # what the console can play
    pooled_frames: Annotated[int, Field(ge=2, le=2)]
    screen_size_pixels: Positive
    stack_frames: Positive
    actions: Annotated[int, Field(ge=1, le=18)]
    sticky_action_probability: Annotated[float, Field(ge=0, lt=1)]
    max_episode_frames: Positive
    max_steps_without_reward: Positive

    @property
    def max_episode_steps(self) -> int:
        """The episode cap in agent steps."""
        return self.max_episode_frames // self.frame_skip

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """The shape of one lane's observation: pictures, oldest first, rows and columns."""
        return self.stack_frames, self.screen_size_pixels, self.screen_size_pixels


class Derivations(Frozen):
    """The parts of the rules that code decides, by the name of their version.

    The set of names is closed, so no release plays a version that it does not implement. Code that changes a
    seed, a picture or the order of lanes needs a new name here, which changes the digest of every edition.
    ``protocol/v1.toml`` defines each name.
    """

    episode_seed: Literal["sha256-1"]
    game_choice: Literal["sha256-1"]
    learner_seed: Literal["sha256-1"]
    sticky_draws: Literal["philox-1"]
    episode_start: Literal["reset-restore-1"]
    luminance: Literal["ale-grayscale-1"]
    pooling: Literal["max-of-last-two-1"]
    resize: Literal["opencv-area-1"]
    padding: Literal["zeros-1"]
    first_picture: Literal["as-loaded-1"]
    lane_order: Literal["ascending-1"]
    evaluation_order: Literal["game-after-game-1"]


class Game(Frozen):
    """One game: ale-py's name and the SHA-256 of its ROM."""

    name: Name
    rom_sha256: Sha256

    @property
    def rom(self) -> str:
        """ale-py's name of the ROM."""
        return self.name


class Flavour(Game):
    """A game in a mode and a difficulty that are set after its ROM was loaded; the name says all of it.

    A flavour is called ``freeway_mode1_difficulty0`` after its ROM and ale-py's numbers of the mode and the
    difficulty. The game as its ROM is loaded, in its default mode and difficulty, is the Game itself.

    Attributes:
        mode: ale-py's number of the mode.
        difficulty: ale-py's number of the difficulty.
    """

    mode: Natural
    difficulty: Natural

    @property
    def rom(self) -> str:
        """ale-py's name of the ROM."""
        return self.name.removesuffix(f"_mode{self.mode}_difficulty{self.difficulty}")


class Edition(Frozen):
    """One size of the protocol: its games, folds of held-out games, budgets and evaluation."""

    name: Name
    games: Annotated[tuple[Name, ...], Field(min_length=2)]
    folds: Annotated[tuple[tuple[Name, ...], ...], Field(min_length=2)]
    budget_frames: Positive
    seeds: Annotated[int, Field(ge=2)]  # of one, no interval can be drawn
    evaluation_episodes: Positive
    evaluation_max_frames: Positive

    @model_validator(mode="after")
    def _folds_partition_the_games(self) -> Self:
        held_out = [game for fold in self.folds for game in fold]
        if sorted(held_out) != sorted(set(self.games)) or not all(self.folds):
            raise ValueError(f"the folds of edition {self.name} do not partition its games")
        return self

    def training_games(self, fold: int) -> tuple[str, ...]:
        """The games of all folds except ``fold``, in the edition's order."""
        return tuple(game for game in self.games if game not in self.folds[fold])


class Protocol(Frozen):
    """One version of the rules: what all editions share, and the editions, each frozen by its own digest."""

    version: Name
    seed: Annotated[int, Field(ge=0)]
    lanes: Positive
    emulator: Emulator
    environment: Environment
    derivations: Derivations
    editions: tuple[Edition, ...]
    games: tuple[Game, ...]

    @model_validator(mode="after")
    def _editions_fit(self) -> Self:
        skip = self.environment.frame_skip
        for edition in self.editions:
            if unknown := sorted(name for name in edition.games if self._find(name) is None):
                raise ValueError(f"edition {edition.name} has games without a ROM hash: {unknown}")
            if edition.budget_frames % (self.lanes * skip):
                raise ValueError(f"edition {edition.name}: the budget is not a whole number of vector steps")
            if edition.evaluation_episodes % self.lanes or edition.evaluation_max_frames % skip:
                raise ValueError(f"edition {edition.name}: the evaluation does not fill the lanes evenly")
        return self

    @cached_property
    def edition_digests(self) -> Mapping[str, str]:
        """The digest of each edition, which identifies it and is part of each of its seeds.

        SHA-256, in hexadecimal, over the RFC 8785 canonical JSON of exactly what decides how that edition is
        played: lanes, emulator, environment, derivations, the edition itself and its games with their ROMs, and
        with the mode and difficulty of each flavour. Adding another edition, game or flavour therefore changes
        no digest. Fields that are None are left out: if a later release adds a field that an edition does not
        use, the digest of that edition stays the same.
        """
        return {
            edition.name: canonical_digest(
                self._shared_rules
                | {
                    "edition": edition.model_dump(mode="json", exclude_none=True),
                    "games": [
                        self.game(name).model_dump(mode="json", exclude_none=True) for name in edition.games
                    ],
                }
            )
            for edition in self.editions
        }

    @cached_property
    def practice_digest(self) -> str:
        """The digest that replaces an edition's digest when lanes are played outside every edition."""
        return canonical_digest(self._shared_rules | {"edition": None})

    @property
    def _shared_rules(self) -> dict[str, Any]:
        parts = {"emulator": self.emulator, "environment": self.environment, "derivations": self.derivations}
        return {"lanes": self.lanes} | {
            name: part.model_dump(mode="json", exclude_none=True) for name, part in parts.items()
        }

    def edition(self, name: str) -> Edition:
        """The edition called ``name``; raises UnknownName if there is none."""
        for edition in self.editions:
            if edition.name == name:
                return edition
        known = ", ".join(edition.name for edition in self.editions)
        raise UnknownName(f"edition {name!r} does not exist in protocol {self.version}; choose one of: {known}")

    def game(self, name: str) -> Game:
        """The game or Flavour called ``name``; raises UnknownName if there is none.

        A flavour needs no entry of its own: its ROM is that of its game. Whether the emulator has its mode and
        difficulty shows when a console is made.
        """
        if (game := self._find(name)) is None:
            raise UnknownName(
                f"game {name!r} is not one of the {len(self.games)} of protocol {self.version}, nor a flavour "
                "of one, which looks like freeway_mode1_difficulty0"
            )
        return game

    @cached_property
    def played_games(self) -> tuple[str, ...]:
        """The names of all games that a run may play: each game with a ROM, then each flavour of an edition."""
        names = [game.name for game in self.games]
        return tuple(dict.fromkeys([*names, *(name for edition in self.editions for name in edition.games)]))

    def _find(self, name: str) -> Game | None:
        match = FLAVOUR_NAME.fullmatch(name)
        rom = name if match is None else match["rom"]
        game = next((game for game in self.games if game.name == rom), None)
        if game is None or match is None:
            return game
        mode, difficulty = int(match["mode"]), int(match["difficulty"])
        return Flavour(name=name, rom_sha256=game.rom_sha256, mode=mode, difficulty=difficulty)


def canonical_digest(value: Any) -> str:
    """SHA-256, in hexadecimal, over the RFC 8785 canonical JSON of a JSON-able value."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()
