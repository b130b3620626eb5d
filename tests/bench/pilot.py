"""The pilot that chooses the games of ``lite``; ``make pilot`` plays what is missing and writes its table.

The rule was written down before the pilot was played. Candidates are the 26 games of Atari-100k (Kaiser et al.
2020) without those of ``smoke`` and those on which learners were tuned or are checked, ordered by SHA-256 of
"2016/GAME"; behind them, in the same order, the other games of ``full``. A candidate qualifies if, over 3
seeds,

(a) no reward was negative;
(b) neither uniform play nor any constant action earns more than 80 % of what the better of fresh PPO and DQN
    earns in its last tenth;
(c) that learner earns, in its last tenth, at least 1.5 times what uniform play earns.

The first eight that qualify are the games of ``lite``. All is in points per 1,000 agent steps. Learners play
400,000 frames in 8 lanes; what does not learn has one rate at all times and plays less: uniform play 100,000
frames in 8 lanes, each constant action 20,000 in one. Seeds are those of ``practice_lanes``, which no run has.
Where PPO alone meets (b) and (c), DQN is not played: a better learner only makes both easier. Each part is
a line of the data file, and a part that is there is not played again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from protocol import current_protocol, episode_seed
from suite.machine import available_cores, cpu_type
from tests.bench.learning import play_in_process, practise

ATARI_100K = (
    *("alien", "amidar", "assault", "asterix", "bank_heist", "battle_zone", "boxing", "breakout"),
    *(
        "chopper_command",
        "crazy_climber",
        "demon_attack",
        "freeway",
        "frostbite",
        "gopher",
        "hero",
        "jamesbond",
    ),
    *("kangaroo", "krull", "kung_fu_master", "ms_pacman", "pong", "private_eye", "qbert", "road_runner"),
    *("seaquest", "up_n_down"),
)
TUNED_ON = (
    *("boxing", "demon_attack", "freeway", "krull", "kung_fu_master", "ms_pacman", "pong", "road_runner"),
    "up_n_down",
)
"""Games of the trials in docs/baselines.md, and pong, in which learners are checked and timed."""
CHOSEN = 8
SEEDS = 3
FRAMES = 400_000
UNIFORM_FRAMES, CONSTANT_FRAMES = 100_000, 20_000
MOST_OF_LEARNED, LEAST_OF_UNIFORM = 0.8, 1.5
LEARNERS = ("ppo", "dqn")
DATA = Path("docs/lite_pilot.jsonl")
TABLE = Path("docs/lite_pilot.md")


class Part(NamedTuple):
    """One play: of ``ppo``, ``dqn``, ``uniform`` or ``constant``, which is each of the 18 actions in turn."""

    game: str
    player: str
    seed: int


def candidates() -> list[str]:
    """Every game that may be chosen, in the order of the rule."""
    protocol = current_protocol()
    barred = {*protocol.edition("smoke").games, *TUNED_ON}
    first = [game for game in ATARI_100K if game not in barred]
    rest = [game for game in protocol.edition("full").games if game not in {*barred, *first}]
    return [*_ordered(first), *_ordered(rest)]


def _ordered(games: Iterable[str]) -> list[str]:
    return sorted(games, key=lambda game: hashlib.sha256(f"2016/{game}".encode()).hexdigest())


class Verdict(NamedTuple):
    """What the parts of one candidate say; rates are means over seeds, in points per 1,000 agent steps.

    Attributes:
        negative_rewards: over all plays.
        uniform: rate.
        constant: the best constant action and its rate.
        learned: by learner that was played, the rate of its last tenth.
    """

    negative_rewards: int
    uniform: float
    constant: tuple[int, float]
    learned: dict[str, float]

    @property
    def best(self) -> float:
        """The rate of the better learner."""
        return max(self.learned.values())

    @property
    def conditions(self) -> tuple[bool, bool, bool]:
        """(a), (b), (c)."""
        floor = max(self.uniform, self.constant[1])
        return (
            self.negative_rewards == 0,
            floor <= MOST_OF_LEARNED * self.best,
            self.best > 0 and self.best >= LEAST_OF_UNIFORM * self.uniform,
        )

    @property
    def qualifies(self) -> bool:
        """Whether all three hold."""
        return all(self.conditions)

    @property
    def undecided(self) -> bool:
        """Whether DQN could still make the candidate qualify."""
        return self.conditions[0] and not self.qualifies and "dqn" not in self.learned


def judge(parts: Sequence[dict[str, Any]]) -> Verdict:
    """The verdict on one candidate, from its lines of the data file."""
    of = {
        player: [part for part in parts if part["player"] == player]
        for player in (*LEARNERS, "uniform", "constant")
    }
    actions = np.mean([part["points_per_1000_steps"] for part in of["constant"]], axis=0)
    return Verdict(
        negative_rewards=sum(part["negative_rewards"] for part in parts),
        uniform=statistics.mean(statistics.mean(part["points_per_1000_steps"]) for part in of["uniform"]),
        constant=(int(actions.argmax()), float(actions.max())),
        learned={
            learner: statistics.mean(part["points_per_1000_steps"][-1] for part in of[learner])
            for learner in LEARNERS
            if of[learner]
        },
    )


def play(part: Part) -> dict[str, Any]:
    """Play one part, in this process."""
    found: dict[str, Any] = {**part._asdict(), "cpu": cpu_type()}
    if part.player == "constant":
        return found | _hold_each(part)
    learner = import_module(f"baselines.{part.player}").make(part.seed, current_protocol().lanes)
    frames = UNIFORM_FRAMES if part.player == "uniform" else FRAMES
    points = practise(learner, (part.game,), part.seed, frames)
    return found | {
        "frames": frames,
        "configuration": learner.configuration,
        "points_per_1000_steps": points.rates,
        "negative_rewards": points.negative_rewards,
    }


def _hold_each(part: Part) -> dict[str, Any]:
    """Hold each of the 18 actions, in one lane, episode after episode."""
    from suite.emulator.console import Console
    from suite.emulator.roms import checked_cartridge

    protocol = current_protocol()
    console = Console(checked_cartridge(protocol, part.game), protocol.environment)
    seed_of = partial(episode_seed, protocol.practice_digest, f"practice/{part.seed}", 0)
    steps = CONSTANT_FRAMES // protocol.environment.frame_skip
    rates, negative_rewards = [], 0
    for action in range(protocol.environment.actions):
        rewards, number = [], 0
        console.begin(seed_of(number))
        while len(rewards) < steps:
            rewards.append(console.step(action))
            if console.game_over:
                number += 1
                console.begin(seed_of(number))
        rates.append(1000 * sum(rewards) / steps)
        negative_rewards += sum(reward < 0 for reward in rewards)
    return {
        "frames": CONSTANT_FRAMES,
        "points_per_1000_steps": rates,
        "negative_rewards": negative_rewards,
    }


class Pilot:
    """The data file, and what is to be played next.

    Args:
        data: the file; parts are added to it as they end.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        text = data.read_text(encoding="utf-8") if data.exists() else ""
        self.parts = {
            Part(*(line[name] for name in Part._fields)): line for line in map(json.loads, text.splitlines())
        }

    def verdict(self, game: str) -> Verdict | None:
        """The verdict on a candidate; None: it has not been played as far as needed."""
        if self._missing(game, ("ppo", "uniform", "constant")):
            return None
        verdict = judge([line for part, line in self.parts.items() if part.game == game])
        return None if verdict.undecided or 0 < len(self._missing(game, ("dqn",))) < SEEDS else verdict

    def chosen(self) -> list[str]:
        """The candidates that qualify, in order, eight at most, as far as all before them have a verdict."""
        found: list[str] = []
        for game in candidates():
            verdict = self.verdict(game)
            if verdict is None or len(found) == CHOSEN:
                break
            found += [game] * verdict.qualifies
        return found

    def next_parts(self, game: str) -> list[Part]:
        """What a candidate lacks: all but DQN first, then DQN where it could change the verdict."""
        if first := self._missing(game, ("ppo", "uniform", "constant")):
            return first
        return self._missing(game, ("dqn",)) if self.verdict(game) is None else []

    def play(self, games: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Play what candidates lack, in their order, on all cores; each part as it ends."""
        while parts := [part for game in games for part in self.next_parts(game)]:
            with ThreadPoolExecutor(available_cores()) as pool:
                for ended in as_completed(
                    [pool.submit(play_in_process, "tests.bench.pilot", part) for part in parts]
                ):
                    self._keep(line := ended.result())
                    yield line

    def _missing(self, game: str, players: Sequence[str]) -> list[Part]:
        wanted = (Part(game, player, seed) for player in players for seed in range(SEEDS))
        return [part for part in wanted if part not in self.parts]

    def _keep(self, line: dict[str, Any]) -> None:
        self.parts[Part(*(line[name] for name in Part._fields))] = line
        with self._data.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def table(pilot: Pilot) -> str:
    """What was found, as the page of the docs that ``make pilot`` writes."""
    chosen = pilot.chosen()
    head = "| game | negative rewards | uniform | best constant action | PPO | DQN | (a) | (b) | (c) | |"
    rows = [head, "|---|--:|--:|--:|--:|--:|---|---|---|---|"]
    for game in candidates():
        if (verdict := pilot.verdict(game)) is None:
            continue
        action, rate = verdict.constant
        learned = [f"{verdict.learned[name]:,.1f}" if name in verdict.learned else "" for name in LEARNERS]
        met = ["yes" if condition else "no" for condition in verdict.conditions]
        place = f"**{chosen.index(game) + 1}**" if game in chosen else ""
        cells = [game, f"{verdict.negative_rewards:,}", f"{verdict.uniform:,.1f}", f"{rate:,.1f} ({action})"]
        rows.append("| " + " | ".join([*cells, *learned, *met, place]) + " |")
    return "\n".join([_TITLE, *rows, "", f"The chosen games, in this order: {', '.join(chosen)}.", ""])


_TITLE = f"""# The pilot that chose the games of `lite`

`make pilot` plays the pilot and writes this page. The data are in [lite_pilot.jsonl](lite_pilot.jsonl), one
line per play. The rule, its candidates and their order were fixed before the pilot was played
([tests/bench/pilot.py](../tests/bench/pilot.py)). A game qualifies if three conditions hold: (a) no reward was
negative; (b) neither uniform play nor any constant action earns more than {100 * MOST_OF_LEARNED:.0f} % of what
the better of fresh PPO and DQN earns in its last tenth; (c) that learner earns, in its last tenth, at least
{LEAST_OF_UNIFORM} times what uniform play earns. The first {CHOSEN} games that qualify are the games of `lite`.

The table shows points per 1,000 agent steps, means over {SEEDS} seeds. Learners had {FRAMES:,} frames, uniform
play {UNIFORM_FRAMES:,}, and each constant action {CONSTANT_FRAMES:,} in one lane; the number of the best
constant action is in brackets. DQN was played only where it could change the verdict: where PPO alone meets (b)
and (c), a better learner does, too.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is missing, say what is found, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=DATA, help="lines of what has been played; default: %(default)s"
    )
    parser.add_argument("--table", type=Path, default=TABLE, help="the page to write; default: %(default)s")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(play(Part(*json.loads(options.one)))))
        return
    pilot = Pilot(options.data)
    first = [game for game in candidates() if game in ATARI_100K]
    for games in (first, *([game] for game in candidates()[len(first) :])):
        if games is not first and len(pilot.chosen()) == CHOSEN:
            break
        for line in pilot.play(games):
            rates = " ".join(f"{rate:.1f}" for rate in line["points_per_1000_steps"])
            print(f"{line['game']} {line['player']} seed {line['seed']}: {rates}", flush=True)
    options.table.write_text(table(pilot), encoding="utf-8")


if __name__ == "__main__":
    main()
