"""The best evaluation episode of each game: which run played it."""

from __future__ import annotations

import numpy as np

from protocol import Arm, RunId
from suite.scoring.outcomes import Outcomes

EVALUATED_ARMS: tuple[Arm, ...] = ("fresh", "transfer", "generalist")
"""The arms that are evaluated; of equal returns, the first in this order is the best."""


def best_runs(outcomes: Outcomes) -> dict[str, RunId]:
    """By game, in the order of ``outcomes.games``, the run with the highest return of an evaluation episode.

    Of several, it is the first by arm (see EVALUATED_ARMS), then by seed.
    """
    tops = np.stack([getattr(outcomes.evaluation_tops, arm) for arm in EVALUATED_ARMS])  # (3, G, S)
    found = {}
    for place, game in enumerate(outcomes.games):
        arm_place, seed = np.unravel_index(int(tops[:, place].argmax()), tops[:, place].shape)
        arm = EVALUATED_ARMS[arm_place]
        fold = outcomes.folds[place] if arm == "transfer" else None
        own_game = None if arm == "generalist" else game
        found[game] = RunId(outcomes.edition.name, arm, fold, own_game, int(seed))
    return found
