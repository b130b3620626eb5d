"""The recorder of a run: its journal, and a report of each step and each episode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from protocol import EndReason, EpisodeRecord, Phase
from suite.results.journal import JournalRecorder
from suite.run.messages import EpisodeEnd, Listener, Played


class ReportingRecorder(JournalRecorder):
    """A journal that also reports how far the run is and what its episodes earned.

    Args:
        path: the journal; it must not exist, unless its size is given.
        lanes: how many lanes.
        report: takes the agent steps played, and each episode that has ended; of a journal to go on with, the
            ended ones again, so that whoever follows the run has all of it.
        size_bytes: of a journal to go on with (see JournalRecorder).
        played_steps: the agent steps that it holds, over all lanes.
    """

    def __init__(
        self,
        path: Path,
        lanes: int,
        report: Listener,
        size_bytes: int | None = None,
        played_steps: int = 0,
    ) -> None:
        super().__init__(path, lanes, size_bytes, _reporting_again(report, lanes))
        self._report = report
        self.played_steps = self._resumed_steps = played_steps
        self._playing: dict[int, tuple[Phase, str]] = {}
        self._returns = np.zeros(lanes, np.int64)
        for unfinished in self.unfinished:
            self._playing[unfinished["lane"]] = unfinished["phase"], unfinished["game"]
            self._returns[unfinished["lane"]] = sum(unfinished["rewards"])
        if size_bytes is not None:
            self._report(Played(steps=self.played_steps, resumed_steps=self._resumed_steps))

    def begin(self, lane: int, phase: Phase, number: int, game: str, seed: int) -> None:
        """An episode begins."""
        super().begin(lane, phase, number, game, seed)
        self._playing[lane] = phase, game
        self._returns[lane] = 0

    def step(self, actions: np.ndarray, rewards: np.ndarray) -> None:
        """All lanes were stepped."""
        super().step(actions, rewards)
        self._returns += rewards
        self.played_steps += len(actions)
        self._report(Played(steps=self.played_steps, resumed_steps=self._resumed_steps))

    def end(self, lane: int, reason: EndReason, ram: np.ndarray) -> None:
        """The lane's episode has ended."""
        super().end(lane, reason, ram)
        self._report(EpisodeEnd(*self._playing[lane], int(self._returns[lane]), self.played_steps))


def _reporting_again(report: Listener, lanes: int) -> Callable[[EpisodeRecord], None]:
    """Report the ended episodes of a journal to go on with, at the steps that all lanes had played by then."""
    steps_of_lane = [0] * lanes

    def report_again(episode: EpisodeRecord) -> None:
        steps_of_lane[episode.lane] += episode.length_steps
        steps = steps_of_lane[episode.lane] * lanes
        report(EpisodeEnd(episode.phase, episode.game, episode.episode_return, steps))

    return report_again
