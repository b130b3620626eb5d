"""The rules about what nobody may choose: the seed, the game and the cut of every episode are derived."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from protocol import END_REASONS, Protocol, Run
from suite.lanes.schedules import TrainingMeter
from suite.results.columns import Columns, Ints, some
from suite.results.store import LEDGER
from suite.verify.findings import Finding, Place, finding


def check_seeds(run: Run, columns: Columns) -> Iterator[Finding]:
    """Rule D2: each episode's seed follows from its run, lane and number."""
    places = zip(columns.lane.tolist(), columns.number.tolist(), strict=True)
    seeds = np.array([run.episode_seed(*place) for place in places], np.uint64)
    wrong = np.flatnonzero(seeds != columns.seed)
    for row in some(wrong):
        yield finding("D2", Place.of_run(run.run_id, LEDGER, row), f"seed {seeds[row]}", f"{columns.seed[row]}")
    if more := len(wrong) - len(some(wrong)):
        yield finding("D2", Place.of_run(run.run_id, LEDGER), "seeds as derived", f"{more:,} more")


def check_draws(protocol: Protocol, run: Run, columns: Columns) -> Iterator[Finding]:
    """Rule D3: fed with the recorded ends, the meter draws the recorded games and makes their cuts.

    The rows must stand in the order of their ends, and every lane must have spent its share (B4, B1).
    """
    meter = TrainingMeter.of(run, protocol)
    recorded = _Recorded.of(run, columns)
    playing = [recorded.lanes.index(lane) for lane in range(protocol.lanes)]
    wrong = _wrong_game(meter, recorded, playing, range(protocol.lanes))
    now = 0
    for end, ended in recorded.together():
        if wrong is not None:
            break
        wrong = _wrong_cut(meter, recorded, playing, end - now, ended)
        now = end
        if wrong is None:
            for lane in ended:
                playing[lane] = recorded.following[playing[lane]]
            wrong = _wrong_game(meter, recorded, playing, ended)
    if wrong is not None:
        row, expected, found = wrong
        yield finding("D3", Place.of_run(run.run_id, LEDGER, recorded.rows[row]), expected, found)


_Wrong = tuple[int, str, str]
"""A place among the training episodes, what was expected there, what was found."""


class _Recorded(NamedTuple):
    """The training episodes of a ledger, in the order of their ends.

    Attributes:
        rows: of the ledger.
        lanes: of each.
        ends: when, in vector steps.
        games: of each, and None for what follows upon the last.
        cuts: whether it was cut because frames were spent.
        following: the place of the next episode of its lane; -1: it is the lane's last.
    """

    rows: list[int]
    lanes: list[int]
    ends: list[int]
    games: list[str | None]
    cuts: list[bool]
    following: list[int]

    @classmethod
    def of(cls, run: Run, columns: Columns) -> _Recorded:
        rows = np.flatnonzero(columns.training)
        lanes = columns.lane[rows]
        return cls(
            rows=rows.tolist(),
            lanes=lanes.tolist(),
            ends=columns.ends[rows].tolist(),
            games=[*(run.games[place] for place in columns.game[rows].tolist()), None],
            cuts=(columns.reason[rows] == END_REASONS.index("budget")).tolist(),
            following=_following(lanes).tolist(),
        )

    def together(self) -> Iterator[tuple[int, list[int]]]:
        """(when, in which lanes) episodes ended, vector step by vector step."""
        for end, places in groupby(range(len(self.ends)), self.ends.__getitem__):
            yield end, [self.lanes[place] for place in places]


def _following(lanes: Ints) -> Ints:
    order = np.argsort(lanes, kind="stable")
    following = np.full(len(lanes), -1, np.int64)
    same = lanes[order[1:]] == lanes[order[:-1]]
    following[order[:-1][same]] = order[1:][same]
    return following


def _wrong_game(
    meter: TrainingMeter, recorded: _Recorded, playing: list[int], lanes: range | list[int]
) -> _Wrong | None:
    """The first of these lanes whose next recorded game is not the one that the meter has drawn."""
    for lane in lanes:
        due, found = meter.playing[lane], recorded.games[playing[lane]]
        if due != found:
            return playing[lane], f"{due or 'no game'}, as drawn", found or "no game"
    return None


def _wrong_cut(
    meter: TrainingMeter, recorded: _Recorded, playing: list[int], steps: int, ended: list[int]
) -> _Wrong | None:
    """Let so many vector steps go by, with whose last these lanes end; None: the meter cuts what was cut."""
    if not meter.skip(steps - 1):
        return playing[0], "a cut where a game's frames are spent", "none"
    claimed = {lane for lane in ended if recorded.cuts[playing[lane]]}
    over = [lane in ended and lane not in claimed for lane in range(len(playing))]
    if wrong := claimed ^ {*meter.advance(over)}:
        return playing[min(wrong)], "a cut exactly where a game's frames are spent", "another"
    return None
