"""The metrics of a run, thinned to a hundred points each: the same from a live run as from its ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from protocol import PHASES, Phase, Run
from suite.results.columns import Columns
from suite.run.messages import EpisodeEnd, Played, Point

POINTS = 100
"""A metric has a point at each hundredth of its run's training frames, at most."""
SPEED = "training.steps_per_second"


class Returns:
    """Turns ended episodes into points: the mean return by game of what ended within each hundredth.

    Evaluation episodes give one point a game, at the end.

    Args:
        run: whose episodes come.
    """

    def __init__(self, run: Run) -> None:
        self._frames, self._frame_skip = run.total_budget_frames, run.frame_skip
        self._hundredth = 1
        self._open: dict[str, list[int]] = defaultdict(list)
        self._evaluated: dict[str, list[int]] = defaultdict(list)

    def hundredth(self, steps: int) -> int:
        """In which hundredth of the training, from 1, a step lies; the last one for evaluation."""
        return min(POINTS, max(1, -(-steps * self._frame_skip * POINTS // self._frames)))

    def frames(self, hundredth: int) -> int:
        """The training frames at the end of a hundredth."""
        return self._frames * hundredth // POINTS

    def add(self, ended: EpisodeEnd) -> list[Point]:
        """Take in an episode, in the order of their ends; the points of the hundredth that it closes."""
        if ended.phase == "evaluation":
            self._evaluated[ended.game].append(ended.episode_return)
            return []
        points = []
        if (now := self.hundredth(ended.steps)) > self._hundredth:
            points = self._close()
            self._hundredth = now
        self._open[ended.game].append(ended.episode_return)
        return points

    def finish(self) -> list[Point]:
        """The points that are left when the run is over."""
        points = self._close()
        return points + list(self._means(self._evaluated, "evaluation", POINTS))

    def _close(self) -> list[Point]:
        points = list(self._means(self._open, "training", self._hundredth))
        self._open.clear()
        return points

    def _means(self, returns: dict[str, list[int]], phase: Phase, hundredth: int) -> Iterator[Point]:
        for game, earned in sorted(returns.items()):
            yield Point(f"{phase}.return.{game}", self.frames(hundredth), sum(earned) / len(earned))


class Speeds:
    """Turns how far a run is into points: its speed over each hundredth that it has passed, in agent steps/s.

    Args:
        returns: of the same run.
        now: when it began, in seconds of a clock.
    """

    def __init__(self, returns: Returns, now: float) -> None:
        self._returns, self._since = returns, now
        self._since_steps: int | None = None
        self._hundredth = 1

    def begin(self, now: float) -> None:
        """Its lanes are ready: what came before was no play."""
        self._since = now

    def add(self, played: Played, now: float) -> list[Point]:
        """Take in how far it is; a point, if it is in another hundredth than before.

        What an earlier try had played by the first call took none of this one's time.
        """
        if self._since_steps is None:
            self._since_steps = played.resumed_steps
            self._hundredth = self._returns.hundredth(played.resumed_steps)
            self._since = now if played.resumed_steps else self._since
        hundredth = self._returns.hundredth(played.steps)
        if hundredth == self._hundredth:
            return []
        speed = (played.steps - self._since_steps) / (now - self._since)
        self._hundredth, self._since_steps, self._since = hundredth, played.steps, now
        return [Point(SPEED, self._returns.frames(hundredth - 1), round(speed, 1))]


def points_of(episodes: Iterable[EpisodeEnd], run: Run) -> list[Point]:
    """All points of a run's returns."""
    returns = Returns(run)
    return [point for ended in episodes for point in returns.add(ended)] + returns.finish()


def ended_episodes(columns: Columns, run: Run, lanes: int) -> Iterator[EpisodeEnd]:
    """The episodes of a run's ledger as a live run reports them; all lanes are stepped together."""
    told = (columns.phase, columns.game, columns.claimed_return, columns.ends * lanes)
    for phase, game, earned, steps in zip(*(one.tolist() for one in told), strict=True):
        yield EpisodeEnd(PHASES[phase], run.games[game], earned, steps)
