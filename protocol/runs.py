"""The runs of an edition: their ids, what each plays, and which must be played first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

from protocol.errors import UnknownName
from protocol.model import Edition, Protocol
from protocol.seeds import Phase, episode_seed, game_choice, learner_seed

Arm = Literal["fresh", "pretrain", "transfer", "generalist"]
ARMS: tuple[Arm, ...] = ("fresh", "pretrain", "transfer", "generalist")

_ID = re.compile(
    r"(?P<edition>[a-z0-9_]+)/(?P<arm>fresh|pretrain|transfer|generalist)"
    r"(?:/fold(?P<fold>0|[1-9]\d{0,3}))?(?:/(?P<game>(?!fold\d|seed\d)[a-z0-9_]+))?/seed(?P<seed>0|[1-9]\d{0,3})"
)


@dataclass(frozen=True, order=True)
class RunId:
    """The name of one run, which identifies it completely: ``lite/transfer/fold2/qbert/seed0``.

    Pretrain and transfer runs have a ``fold``, fresh and transfer runs a ``game``.
    """

    edition: str
    arm: Arm
    fold: int | None
    game: str | None
    seed: int

    def __str__(self) -> str:
        return f"{self.edition}/{self.path}"

    @property
    def path(self) -> str:
        """The id without its edition, which is the run's path in a results folder of that edition."""
        fold = () if self.fold is None else (f"fold{self.fold}",)
        game = () if self.game is None else (self.game,)
        return "/".join((self.arm, *fold, *game, f"seed{self.seed}"))


@dataclass(frozen=True)
class Run:
    """One learner that spends one budget.

    Attributes:
        run_id: its name.
        edition_digest: of the edition that it belongs to.
        games: what it plays, in the edition's order.
        budget_frames: the budget of each of these games, in emulator frames.
        starts_from: the run whose checkpoint the learner starts from; None: a new learner.
        evaluation_episodes: episodes of each game after training; 0: none.
        evaluation_max_frames: the cap of each, in emulator frames.
        frame_skip: emulator frames of one agent step.
    """

    run_id: RunId
    edition_digest: str
    games: tuple[str, ...]
    budget_frames: int
    starts_from: RunId | None
    evaluation_episodes: int
    evaluation_max_frames: int
    frame_skip: int

    @cached_property
    def episode_seed(self) -> Callable[[int, int], int]:
        """(lane, episode number) -> the key of the episode's sticky draws."""
        return partial(episode_seed, self.edition_digest, str(self.run_id))

    @cached_property
    def game_choice(self) -> Callable[[int, int, Sequence[int]], int]:
        """(lane, episode number, weights of the games) -> the index of the game that is drawn."""
        return partial(game_choice, self.edition_digest, str(self.run_id))

    def learner_seed(self, phase: Phase) -> int:
        """The seed that the learner is made with, for training or for its evaluation."""
        return learner_seed(self.edition_digest, self.run_id.seed, phase)

    @property
    def total_budget_frames(self) -> int:
        """The training budget over all games, in emulator frames."""
        return self.budget_frames * len(self.games)

    @property
    def most_frames(self) -> int:
        """The training budget and the evaluation, with every episode at its cap, in emulator frames."""
        evaluation_frames = self.evaluation_episodes * self.evaluation_max_frames
        return self.total_budget_frames + len(self.games) * evaluation_frames

    @property
    def budget_steps(self) -> int:
        """The budget of each game, in agent steps over all lanes."""
        return self.budget_frames // self.frame_skip

    @property
    def total_budget_steps(self) -> int:
        """The training budget over all games, in agent steps over all lanes."""
        return self.total_budget_frames // self.frame_skip

    @property
    def evaluation_max_steps(self) -> int:
        """The cap of an evaluation episode, in agent steps."""
        return self.evaluation_max_frames // self.frame_skip

    @property
    def most_steps(self) -> int:
        """The training budget and the evaluation, with every episode at its cap, in agent steps."""
        return self.most_frames // self.frame_skip


def parse_run_id(text: str, protocol: Protocol) -> RunId:
    """Read a run id; raises UnknownName unless it names a run of the protocol."""
    match = _ID.fullmatch(text)
    if match is None:
        raise UnknownName(
            f"run id {text!r} is not well-formed; it looks like smoke/fresh/breakout/seed0, "
            "smoke/pretrain/fold0/seed0, smoke/transfer/fold0/breakout/seed0 or smoke/generalist/seed0"
        )
    arm: Arm = match["arm"]  # type: ignore[assignment]  # the pattern admits the four arms only
    fold = None if match["fold"] is None else int(match["fold"])
    run_id = RunId(match["edition"], arm, fold, match["game"], int(match["seed"]))
    if run_id not in {run.run_id for run in plan(protocol, protocol.edition(run_id.edition))}:
        raise UnknownName(
            f"run id {text!r} names no run of edition {run_id.edition}; "
            f"`amtlb benchmark --edition {run_id.edition} --dry-run` lists them"
        )
    return run_id


def plan(protocol: Protocol, edition: Edition) -> tuple[Run, ...]:
    """Every run of an edition, arm by arm; a run comes after the run that it starts from."""
    seeds = range(edition.seeds)
    folds = range(len(edition.folds))
    name = edition.name
    ids = [RunId(name, "fresh", None, game, seed) for game in edition.games for seed in seeds]
    ids += [RunId(name, "pretrain", fold, None, seed) for fold in folds for seed in seeds]
    ids += [
        RunId(name, "transfer", fold, game, seed)
        for fold in folds
        for game in edition.folds[fold]
        for seed in seeds
    ]
    ids += [RunId(name, "generalist", None, None, seed) for seed in seeds]
    return tuple(describe(run_id, protocol) for run_id in ids)


def describe(run_id: RunId, protocol: Protocol) -> Run:
    """One run of an edition: the games that it plays, its start and its evaluation."""
    edition = protocol.edition(run_id.edition)
    if run_id.game is not None:
        games: tuple[str, ...] = (run_id.game,)
    elif run_id.fold is not None:
        games = edition.training_games(run_id.fold)
    else:
        games = edition.games
    starts_from = None
    if run_id.arm == "transfer":
        starts_from = RunId(run_id.edition, "pretrain", run_id.fold, None, run_id.seed)
    evaluated = run_id.arm != "pretrain"
    return Run(
        run_id=run_id,
        edition_digest=protocol.edition_digests[edition.name],
        games=games,
        budget_frames=edition.budget_frames,
        starts_from=starts_from,
        evaluation_episodes=edition.evaluation_episodes if evaluated else 0,
        evaluation_max_frames=edition.evaluation_max_frames if evaluated else 0,
        frame_skip=protocol.environment.frame_skip,
    )
