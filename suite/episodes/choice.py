"""The choice of the episode of a run that is shown, and of the one of another run that belongs next to it."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from protocol import Phase, UnknownName
from suite.episodes.recorded import Recorded
from suite.results.columns import start_steps
from suite.scoring.arrays import Ints
from suite.scoring.curves import frames_of_game

BEST, LAST = "best", "last"


def choose_row(recorded: Recorded, episode: str, phase: Phase | None, game: str | None) -> int:
    """The row of the ledger that is asked for.

    Args:
        recorded: the run.
        episode: ``best`` (the highest return; of several the first), ``last`` (that ended last), or a row.
        phase: of the episode; None: evaluation, or training where the run has no evaluation.
        game: None: the run's only game; a row needs no game.

    Raises:
        UnknownName: there is no such episode, or the run plays several games and none is named.
    """
    if episode not in (BEST, LAST):
        if not episode.isdecimal():
            raise UnknownName(f"episode {episode!r} does not exist; choose best, last or a row of the ledger")
        if int(episode) not in (rows := recorded.rows(phase, game)):
            raise UnknownName(
                f"row {episode} of {recorded.name} is no {phase or ''} episode of {game or 'its games'}; there "
                f"are {len(rows)} such, from row {rows[0]} to row {rows[-1]}"
            )
        return int(episode)
    if game is None and len(recorded.run.games) > 1:
        raise UnknownName(
            f"{recorded.name} plays {len(recorded.run.games)} games; choose one by --game: "
            f"{', '.join(recorded.run.games)}"
        )
    rows = recorded.rows(phase or ("evaluation" if recorded.run.evaluation_episodes else "training"), game)
    if episode == LAST:
        return rows[-1]
    return rows[int(np.argmax(recorded.table["episode_return"].take(rows).to_numpy()))]


def choose_beside(recorded: Recorded, row: int, other: Recorded, episode: str) -> int:
    """The row of another run's episode that belongs next to one that was chosen.

    In evaluation, both runs are trained to the end, and the same choice is made in each. In training, it is the
    episode of the same game that began after the most similar number of frames of that game.

    Args:
        recorded: the run whose episode was chosen.
        row: of its ledger.
        other: the other run.
        episode: how it was chosen (see ``choose_row``); where a row was named, the best of the other is taken.

    Raises:
        UnknownName: the other run has no such episode.
    """
    chosen = recorded.episode(row)
    if chosen.phase == "evaluation":
        return choose_row(other, episode if episode in (BEST, LAST) else BEST, "evaluation", chosen.game)
    rows = other.rows("training", chosen.game)
    began = trained_frames(other, chosen.game)[rows]
    return rows[int(np.argmin(np.abs(began - trained_frames(recorded, chosen.game)[row])))]


def trained_frames(recorded: Recorded, game: str) -> Ints:
    """After how many frames of training on a game, over all lanes, each episode of the run began.

    Args:
        recorded: the run.
        game: whose clock is read.

    Returns:
        int64 (rows,), by row of the ledger.
    """
    table = recorded.table
    lanes, numbers, lengths = (
        table[name].to_numpy().astype(np.int64) for name in ("lane", "number", "length_steps")
    )
    starts = start_steps(lanes, numbers, lengths)
    own = pc.and_(pc.equal(table["phase"], "training"), pc.equal(table["game"], game)).to_numpy()
    return frames_of_game(starts, starts[own], lengths[own], recorded.run.frame_skip)
