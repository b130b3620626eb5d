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
a line of the data file, and a part that is there is not played again. No learner is played where (a) failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from protocol import current_protocol, episode_seed
from suite.machine import available_cores, cpu_type
from tests.bench.learning import play_in_process, practise
from tests.bench.lines import add_line, read_lines
from tests.bench.verdict import (
    LEARNERS,
    LEAST_OF_UNIFORM,
    MOST_OF_LEARNED,
    SEEDS,
    UNLEARNED,
    Verdict,
    cells,
    judge,
)

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
FRAMES = 400_000
UNIFORM_FRAMES, CONSTANT_FRAMES = 100_000, 20_000
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
    return [*ordered(first), *ordered(rest)]


def ordered(names: Iterable[str]) -> list[str]:
    """Names in the order of SHA-256 of "2016/NAME"."""
    return sorted(names, key=lambda name: hashlib.sha256(f"2016/{name}".encode()).hexdigest())


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
    rates: list[float] = []
    negative_rewards = 0
    for action in range(protocol.environment.actions):
        rewards: list[int] = []
        number = 0
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
        learners: those whose better one counts: PPO, and DQN where it could change the verdict.
        others: files of other pilots, whose parts of these learners count, too.
    """

    def __init__(self, data: Path, learners: Sequence[str] = LEARNERS, others: Sequence[Path] = ()) -> None:
        self._data = data
        self._learners = learners
        lines = (line for path in (*others, data) for line in read_lines(path))
        parts = {Part(*(line[name] for name in Part._fields)): line for line in lines}
        barred = {*LEARNERS} - {*learners}
        self.parts = {part: line for part, line in parts.items() if part.player not in barred}

    def verdict(self, game: str) -> Verdict | None:
        """The verdict on a candidate; None: it has not been played as far as needed."""
        if self._missing(game, UNLEARNED):
            return None
        verdict = judge([line for part, line in self.parts.items() if part.game == game])
        if self._missing(game, ("ppo",)):
            return verdict if verdict.negative_rewards else None
        if self._learners == LEARNERS and (verdict.undecided or 0 < len(self._missing(game, ("dqn",))) < SEEDS):
            return None
        return verdict

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
        """The next parts of a candidate: the cheap ones, then each learner's if it could change the verdict."""
        for players in (UNLEARNED, *((learner,) for learner in self._learners)):
            if (missing := self._missing(game, players)) and self.verdict(game) is None:
                return missing
        return []

    def play(self, games: Sequence[str], processes: int) -> Iterator[dict[str, Any]]:
        """Play what candidates lack, in their order, in so many processes at a time; each part as it ends."""
        while parts := [part for game in games for part in self.next_parts(game)]:
            with ThreadPoolExecutor(processes) as pool:
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
        add_line(self._data, line)


def print_part(line: dict[str, Any]) -> None:
    """Say what a part that has ended found."""
    rates = " ".join(f"{rate:.1f}" for rate in line["points_per_1000_steps"])
    print(f"{line['game']} {line['player']} seed {line['seed']}: {rates}", flush=True)


def table(pilot: Pilot) -> str:
    """The results, as the page of the docs that ``make pilot`` writes."""
    chosen = pilot.chosen()
    head = "| game | negative rewards | uniform | best constant action | PPO | DQN | (a) | (b) | (c) | |"
    rows = [head, "|---|--:|--:|--:|--:|--:|---|---|---|---|"]
    for game in candidates():
        if (verdict := pilot.verdict(game)) is not None:
            place = f"**{chosen.index(game) + 1}**" if game in chosen else ""
            rows.append("| " + " | ".join([game, *cells(verdict, LEARNERS), place]) + " |")
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
        for line in pilot.play(games, available_cores()):
            print_part(line)
    options.table.write_text(table(pilot), encoding="utf-8")


if __name__ == "__main__":
    main()
