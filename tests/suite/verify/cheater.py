"""Plays runs by rules that can be bent one at a time, and records them as if nothing had been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from protocol import Protocol, Run
from suite.emulator.console import RAM_BYTES, Console
from suite.emulator.roms import checked_cartridge
from suite.lanes.schedules import EvaluationSchedule, Schedule, TrainingMeter


@dataclass(frozen=True)
class Bend:
    """The deviations of a play from the protocol; by default there are none.

    Attributes:
        games: that are played instead of the run's.
        choose: which game is drawn, instead of the hash's choice.
        first_number: of each lane's first episode.
        more_steps: that lane 0 plays beyond its last training episode.
        longer_evaluation_steps: beyond the cap of an evaluation episode.
        early_end_step: at which every training episode ends and claims that the game was over.
        sticky_probability: of the sticky actions.
        only_action: that is ever taken; None: uniform actions.
        instead: the game that is played, by the one whose name it gets.
    """

    games: tuple[str, ...] | None = None
    choose: object | None = None
    first_number: int = 0
    more_steps: int = 0
    longer_evaluation_steps: int = 0
    early_end_step: int | None = None
    sticky_probability: float = 0.25
    only_action: int | None = None
    instead: Mapping[str, str] = field(default_factory=dict)


class Cheater:
    """Plays one run with uniform actions and keeps rows of a ledger."""

    def __init__(self, protocol: Protocol, run: Run, bend: Bend, seed: int) -> None:
        self._protocol, self._run, self._bend = protocol, run, bend
        self._rules = protocol.environment.model_copy(
            update={"sticky_action_probability": bend.sticky_probability}
        )
        self._generator = np.random.Generator(np.random.Philox(key=seed))
        self._consoles: dict[tuple[int, str], Console] = {}
        self.rows: list[dict[str, object]] = []

    def play(self) -> list[dict[str, object]]:
        """All rows of the ledger, in the order in which the episodes ended."""
        run, bend, rules = self._run, self._bend, self._rules
        games = bend.games or run.games
        choose = bend.choose or run.game_choice
        budget_steps = run.total_budget_steps // len(games)
        lanes = self._protocol.lanes
        meter = TrainingMeter(games, budget_steps, lanes, rules.max_episode_steps, choose)  # type: ignore[arg-type]
        self._numbers_from = bend.first_number
        self._play(meter, bend.early_end_step)
        if run.evaluation_episodes:
            cap = run.evaluation_max_steps + bend.longer_evaluation_steps
            self._play(EvaluationSchedule(games, run.evaluation_episodes, meter.numbers, cap), None)
        ended = [0] * lanes
        order = []
        for place, row in enumerate(self.rows):
            ended[row["lane"]] += row["length_steps"]  # type: ignore[operator,index,call-overload]
            order.append((ended[row["lane"]], row["lane"], place))  # type: ignore[index,call-overload]
        return [self.rows[place] for *_, place in sorted(order)]  # type: ignore[type-var]

    def _play(self, schedule: Schedule, early_end_step: int | None) -> None:
        lanes = [_Lane(self, lane) for lane in range(self._protocol.lanes)]
        extra = self._bend.more_steps if schedule.phase == "training" else 0
        for lane in lanes:
            lane.begin(schedule)
        while any(game is not None for game in schedule.playing):
            reasons = [lane.step(schedule.max_episode_steps, early_end_step) for lane in lanes]
            numbers = list(schedule.numbers)
            cut = schedule.advance([reason is not None for reason in reasons])
            spent = all(game is None for game in schedule.playing)
            for place, lane in enumerate(lanes):
                reason = reasons[place] or ("budget" if place in cut else None)
                if reason is not None and lane.playing:
                    if spent and place == 0:
                        for _ in range(extra):
                            lane.step(schedule.max_episode_steps, None)
                    lane.end(schedule.phase, numbers[place], reason)
                    lane.begin(schedule)

    def console(self, lane: int, game: str) -> Console:
        if (lane, game) not in self._consoles:
            played = self._bend.instead.get(game, game)
            self._consoles[lane, game] = Console(checked_cartridge(self._protocol, played), self._rules)
        return self._consoles[lane, game]

    def action(self) -> int:
        drawn = int(self._generator.integers(0, self._rules.actions))
        return drawn if self._bend.only_action is None else self._bend.only_action

    def seed(self, lane: int, number: int) -> int:
        return self._run.episode_seed(lane, number + self._numbers_from)

    def keep(self, lane: int, phase: str, number: int, game: str, reason: str, played: _Lane) -> None:
        import hashlib

        ram = np.empty(RAM_BYTES, np.uint8)
        played.console.ram(ram)
        at = [step for step, reward in enumerate(played.rewards) if reward]
        self.rows.append(
            {
                "phase": phase,
                "lane": lane,
                "number": number + self._numbers_from,
                "game": game,
                "seed": self.seed(lane, number),
                "length_steps": len(played.rewards),
                "episode_return": sum(played.rewards),
                "end_reason": reason,
                "actions": bytes(played.actions),
                "reward_steps": at,
                "rewards": [played.rewards[step] for step in at],
                "ram_sha256": hashlib.sha256(ram.tobytes()).digest(),
            }
        )


class _Lane:
    """One lane's current episode."""

    def __init__(self, cheater: Cheater, lane: int) -> None:
        self._cheater, self._lane = cheater, lane
        self.playing: str | None = None
        self.actions: list[int] = []
        self.rewards: list[int] = []

    def begin(self, schedule: Schedule) -> None:
        self.playing = schedule.playing[self._lane]
        self.actions, self.rewards = [], []
        if self.playing is not None:
            self.console = self._cheater.console(self._lane, self.playing)
            self.console.begin(self._cheater.seed(self._lane, schedule.numbers[self._lane]))

    def step(self, cap: int, early_end_step: int | None) -> str | None:
        """Play a step; why the episode ends with it, if it does."""
        if self.playing is None:
            return None
        self.actions.append(self._cheater.action())
        self.rewards.append(self.console.step(self.actions[-1]))
        if self.console.game_over or len(self.actions) == early_end_step:
            return "game_over"
        return "max_frames" if len(self.actions) == cap else None

    def end(self, phase: str, number: int, reason: str) -> None:
        assert self.playing is not None
        self._cheater.keep(self._lane, phase, number, self.playing, reason, self)


def play_bent(protocol: Protocol, run: Run, bend: Bend, seed: int = 0) -> Sequence[dict[str, object]]:
    """The ledger's rows of a run that was played with one rule bent."""
    return Cheater(protocol, run, bend, seed).play()
