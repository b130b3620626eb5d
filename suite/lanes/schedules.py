"""The game that each lane plays next, and the end of its frames; pure bookkeeping, without an emulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple
from typing import Protocol as Contract

from protocol import Phase, Protocol, Run

Chooser = Callable[[int, int, Sequence[int]], int]
"""(lane, episode number, weights of the games) -> index of the game drawn."""


class Schedule(Contract):
    """The games that the lanes play: training by budget, or evaluation by count.

    Attributes:
        phase: training or evaluation.
        playing: for each lane, the game of its current episode; None: the lane has nothing left to play.
        numbers: for each lane, the number of its current episode.
        max_episode_steps: the cap of an episode in agent steps.
    """

    phase: Phase
    playing: list[str | None]
    numbers: list[int]
    max_episode_steps: int

    def advance(self, over: Sequence[bool]) -> Sequence[int]:
        """Advance after a vector step; ``over`` marks the lanes whose episode has ended.

        Returns the lanes whose episode is cut because its frames are spent. ``playing`` and ``numbers`` then
        show the next episode of these lanes and of those whose episode has ended.
        """


class MeterState(NamedTuple):
    """The state of a ``TrainingMeter``.

    Attributes:
        left: by game, agent steps that are neither spent nor reserved.
        playing: for each lane, the game of its current episode; None: the lane has nothing left.
        numbers: for each lane, the number of its current episode.
    """

    left: dict[str, int]
    playing: tuple[str | None, ...]
    numbers: tuple[int, ...]


class TrainingMeter:
    """Spends every game's budget to the last step, in a deterministic order.

    Each lane always reserves one step of its game. After a vector step, the lanes are processed in order. A
    lane whose episode has ended draws its next game in proportion to the unreserved steps that the games have
    left. A lane whose game has no step left to reserve is cut, and draws again.

    Args:
        games: names of the games.
        budget_steps: agent steps for each game; over all games a multiple of ``lanes``.
        lanes: consoles played in parallel.
        max_episode_steps: cap of an episode.
        choose: draws the game of an episode.

    Raises:
        ValueError: the budget is not a positive whole number of vector steps.
    """

    phase: Phase = "training"

    def __init__(
        self,
        games: Sequence[str],
        budget_steps: int,
        lanes: int,
        max_episode_steps: int,
        choose: Chooser,
    ) -> None:
        total = budget_steps * len(games)
        if total < lanes or total % lanes:
            raise ValueError(f"a budget of {total} steps is not a whole number of steps of {lanes} lanes")
        self.games = tuple(games)
        self.max_episode_steps = max_episode_steps
        self.playing: list[str | None] = [None] * lanes
        self.numbers = [0] * lanes
        self._choose = choose
        self._left = dict.fromkeys(self.games, budget_steps)
        for lane in range(lanes):
            self._draw(lane)

    @classmethod
    def of(cls, run: Run, protocol: Protocol) -> TrainingMeter:
        """The schedule of a run's training."""
        choose = run.game_choice if len(run.games) > 1 else _only_game  # as a draw among one would give
        return cls(run.games, run.budget_steps, protocol.lanes, protocol.environment.max_episode_steps, choose)

    def state(self) -> MeterState:
        """All that it goes on with."""
        return MeterState(dict(self._left), tuple(self.playing), tuple(self.numbers))

    def set_state(self, state: MeterState) -> None:
        """Go on from there."""
        self._left, self.playing, self.numbers = dict(state.left), [*state.playing], [*state.numbers]

    @property
    def unspent_steps(self) -> int:
        """The agent steps that are left, over all games, including reserved ones."""
        return sum(self._left.values()) + sum(game is not None for game in self.playing)

    def skip(self, steps: int) -> bool:
        """Advance by vector steps in which no episode ends; False, and no change, if one would be cut."""
        spent: dict[str, int] = {}
        for game in self.playing:
            if game is not None:
                spent[game] = spent.get(game, 0) + steps
        if any(self._left[game] < own for game, own in spent.items()):
            return False
        for game, own in spent.items():
            self._left[game] -= own
        return True

    def advance(self, over: Sequence[bool]) -> Sequence[int]:
        """Advance after a vector step (see Schedule)."""
        left = self._left
        cut = []
        for lane, game in enumerate(self.playing):
            if game is None:
                raise ValueError("the budget is spent: there is nothing to advance")
            if not over[lane]:
                if left[game]:
                    left[game] -= 1
                    continue
                cut.append(lane)
            self.numbers[lane] += 1
            self._draw(lane)
        return cut

    def _draw(self, lane: int) -> None:
        weights = list(self._left.values())
        if not any(weights):
            self.playing[lane] = None
            return
        game = self.games[self._choose(lane, self.numbers[lane], weights)]
        self._left[game] -= 1
        self.playing[lane] = game


def _only_game(lane: int, number: int, weights: Sequence[int]) -> int:
    return 0


class EvaluationSchedule:
    """Plays a fixed number of episodes of each game, game after game, shared evenly among the lanes.

    Args:
        games: names of the games, in the order in which every lane plays them.
        episodes: episodes of each game; a multiple of the number of lanes.
        first_numbers: for each lane, the number of its first episode.
        max_episode_steps: cap of an episode.

    Raises:
        ValueError: the episodes cannot be shared evenly.
    """

    phase: Phase = "evaluation"

    def __init__(
        self,
        games: Sequence[str],
        episodes: int,
        first_numbers: Sequence[int],
        max_episode_steps: int,
    ) -> None:
        lanes = len(first_numbers)
        if episodes < lanes or episodes % lanes:
            raise ValueError(f"{episodes} episodes of a game cannot be shared evenly among {lanes} lanes")
        self.max_episode_steps = max_episode_steps
        self.numbers = list(first_numbers)
        rounds = [game for game in games for _ in range(episodes // lanes)]
        self._queues = [iter(rounds) for _ in range(lanes)]
        self.playing: list[str | None] = [next(queue) for queue in self._queues]

    def skip(self, ended: Sequence[int]) -> None:
        """Move on over so many episodes in each lane."""
        for lane, episodes in enumerate(ended):
            for _ in range(episodes):
                self.advance([other == lane for other in range(len(ended))])

    def advance(self, over: Sequence[bool]) -> Sequence[int]:
        """Advance after a vector step (see Schedule); the budget never cuts an evaluation episode."""
        for lane, ended in enumerate(over):
            if ended:
                self.numbers[lane] += 1
                self.playing[lane] = next(self._queues[lane], None)
        return ()
