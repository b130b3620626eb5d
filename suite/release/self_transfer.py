"""The published ceiling of transfer: what learners earn that start a game as themselves, trained on it before.

``artifacts/<protocol version>/<edition>/self_transfer.jsonl`` has a line per play, which ``make self-transfer``
adds. A play is no run of the edition, since no submission may begin so; its figures stand next to the runs'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from protocol import Edition, Frozen, Sha256
from suite.report.numbers import plain, points
from suite.report.sheets import Column, Row, Sheet
from suite.report.tables import CONTRAST_COLUMNS, contrast_cells
from suite.results.published import edition_folder
from suite.scoring.comparison import Contender
from suite.scoring.draws import draw_pairs
from suite.scoring.estimates import estimate_each
from suite.scoring.resampling import DRAWS
from suite.scoring.statistics import contrasts

FILE = "self_transfer.jsonl"
TENTHS = 10


class SelfTransfer(Frozen):
    """One play.

    Attributes:
        learner: a published baseline's name.
        game: that it plays, for the budget of a fresh run.
        seed: of the fresh run as whose checkpoint it starts.
        checkpoint_sha256: of that checkpoint, as in the fresh run's record.
        tenths: the rewards of each tenth of its frames, in game points.
        cpu: on which it was played.
    """

    learner: str
    game: str
    seed: Annotated[int, Field(ge=0)]
    checkpoint_sha256: Sha256
    tenths: Annotated[tuple[int, ...], Field(min_length=TENTHS, max_length=TENTHS)]
    cpu: str


def control_games(edition: Edition) -> tuple[str, ...]:
    """The games that are played so: the first one of each of the first two folds."""
    return tuple(games[0] for games in edition.folds[:2])


def read_self_transfer(edition: str) -> tuple[SelfTransfer, ...]:
    """The published plays of an edition, in the order of the file; () where there are none."""
    path = edition_folder(edition) / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return tuple(SelfTransfer.model_validate_json(line) for line in lines)


def self_transfer_sheet(contenders: Sequence[Contender], plays: Iterable[SelfTransfer]) -> Sheet:
    """The rewards of learners in a game the second time, next to those of their fresh runs.

    Args:
        contenders: of one edition.
        plays: of learners among these; a game of a learner has a line once all of its seeds are played.
    """
    steps = contenders[0].outcomes.budget_steps
    return Sheet(
        f"self-transfer: reward of the whole budget, mean over {contenders[0].outcomes.edition.seeds} seeds; "
        "first and last tenth in points per 1,000 steps",
        (
            Column("learner", "learner", "label"),
            Column("game", "game", "label"),
            Column("fresh", "fresh"),
            Column("again", "trained before on this game"),
            Column("first", "first tenth", rank=2),
            Column("last", "last tenth", rank=2),
            Column("pairs", "each play, relative to its fresh run"),
            *CONTRAST_COLUMNS,
        ),
        tuple(_row(one, steps) for one in _pairs(contenders, plays)),
    )


class _Pair(NamedTuple):
    """A learner in a game, before and after.

    Attributes:
        fresh: float (S,), of the fresh runs, in game points.
        tenths: float (S, 10), of the plays after them, in game points.
    """

    learner: str
    game: str
    fresh: np.ndarray
    tenths: np.ndarray


def _pairs(contenders: Sequence[Contender], plays: Iterable[SelfTransfer]) -> list[_Pair]:
    outcomes = {one.label: one.outcomes for one in contenders}
    places = {name: place for place, name in enumerate(outcomes)}
    ordered = sorted(plays, key=lambda play: (places[play.learner], play.game, play.seed))
    pairs = []
    for (learner, game), found in groupby(ordered, lambda play: (play.learner, play.game)):
        own = outcomes[learner]
        seeds = {play.seed: play.tenths for play in found}
        if {*seeds} == {*range(own.edition.seeds)}:
            fresh = own.curves.fresh[own.games.index(game), :, -1]
            pairs.append(_Pair(learner, game, fresh, np.array([*seeds.values()], float)))
    return pairs


def _row(pair: _Pair, steps: int) -> Row:
    again = pair.tenths.sum(axis=1)
    generator = np.random.Generator(np.random.Philox(key=0))
    draws = draw_pairs([0], len(again), DRAWS, generator)  # a play goes on from the fresh run of its seed
    first, last = 1000 * pair.tenths.mean(axis=0)[[0, -1]] / (steps / TENTHS)
    return {
        "learner": pair.learner,
        "game": pair.game,
        "fresh": points(pair.fresh.mean()),
        "again": points(again.mean()),
        "first": points(first),
        "last": points(last),
        "pairs": tuple(
            plain(now / fresh if fresh > 0 else None) for now, fresh in zip(again, pair.fresh, strict=True)
        ),
        **contrast_cells(estimate_each(contrasts, again[None], pair.fresh[None], draws)[0]),
    }
