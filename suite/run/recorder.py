"""The recorder of a run: its journal, and a report of each step and each episode."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from protocol import EndReason, Phase
from suite.results.journal import JournalRecorder
from suite.run.messages import EpisodeEnd, Listener, Played


class ReportingRecorder(JournalRecorder):
    """A journal that also reports how far the run is and what its episodes earned.

    Args:
        path: the journal; it must not exist.
        lanes: how many lanes.
        report: takes the agent steps played, and each episode that has ended.
    """

    def __init__(self, path: Path, lanes: int, report: Listener) -> None:
        super().__init__(path, lanes)
        self._report = report
        self._played_steps = 0
        self._playing: dict[int, tuple[Phase, str]] = {}
        self._returns = np.zeros(lanes, np.int64)

    def begin(self, lane: int, phase: Phase, number: int, game: str, seed: int) -> None:
        """An episode begins."""
        super().begin(lane, phase, number, game, seed)
        self._playing[lane] = phase, game
        self._returns[lane] = 0

    def step(self, actions: np.ndarray, rewards: np.ndarray) -> None:
        """All lanes were stepped."""
        super().step(actions, rewards)
        self._returns += rewards
        self._played_steps += len(actions)
        self._report(Played(steps=self._played_steps))

    def end(self, lane: int, reason: EndReason, ram: np.ndarray) -> None:
        """The lane's episode has ended."""
        super().end(lane, reason, ram)
        self._report(EpisodeEnd(*self._playing[lane], int(self._returns[lane]), self._played_steps))
