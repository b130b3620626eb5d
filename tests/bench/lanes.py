"""The speed of the lanes, next to the bare emulator, ale-py's AtariVectorEnv and EnvPool; ``make bench``.

All figures of a game come from one call, in rounds that visit every contender in turn, so that a noisy
machine slows all of them alike; a ratio of two contenders is the median over the rounds of their ratio
within a round. The measure of all is the bare emulator's rate on one core (4 ``act`` per agent step, no
picture). All play 8 lanes of uniform actions, the full action set, sticky actions with probability 0.25,
frame skip 4, maximum of two frames, 84x84, stack of 4.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from ale_py import ALEInterface
from rich.console import Console
from rich.table import Table

from protocol import episode_seed, game_choice, load
from suite.emulator.roms import checked_cartridge
from suite.lanes.environment import LaneEnv
from suite.lanes.schedules import TrainingMeter
from suite.lanes.workers import make_engine
from suite.machine import cpu_type
from suite.results.journal import JournalRecorder

V1 = load("v1")
LANES = V1.lanes
RUN_ID = "smoke/generalist/seed0"
WARM_UP_STEPS = 30


def actions(steps: int) -> np.ndarray:
    """Uniform actions, int64 (steps, lanes)."""
    return np.random.Generator(np.random.Philox(key=0)).integers(0, 18, (steps, LANES))


class Bare:
    """The emulator alone: 4 ``act`` a step in one console, a reset when the game is over."""

    def __init__(self, game: str) -> None:
        self._ale = ALEInterface()
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.loadROM(checked_cartridge(V1, game).rom)
        self._snapshot = self._ale.cloneState(include_rng=True)

    def play(self, chosen: np.ndarray) -> None:
        """Play one step an action."""
        ale, act = self._ale, self._ale.act
        for action in chosen.ravel().tolist():
            act(action)
            act(action)
            act(action)
            act(action)
            if ale.game_over():
                ale.reset_game()
                ale.restoreState(self._snapshot)

    def close(self) -> None:
        """Nothing to close."""


class Ours:
    """Our lanes: in-process or with workers, recording or not."""

    _of = (V1.practice_digest, RUN_ID)

    def __init__(self, game: str, workers: int, record: bool) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._engine = make_engine(V1, (game,), workers)
        meter = TrainingMeter([game], 8 * 10**6, LANES, 27_000, partial(game_choice, *self._of))
        self._recorder = JournalRecorder(Path(self._folder.name) / "journal", LANES) if record else None
        self._env = LaneEnv(V1, partial(episode_seed, *self._of), self._engine, meter, 1, self._recorder)
        self._env.reset()

    def play(self, chosen: np.ndarray) -> None:
        """Play one vector step a row."""
        for row in chosen:
            self._env.step(row)

    def close(self) -> None:
        """End the workers and drop the journal."""
        if self._recorder is not None:
            self._recorder.close()
        self._engine.close()
        self._folder.cleanup()


class AtariVector:
    """ale-py's own vector environment."""

    def __init__(self, game: str, threads: int) -> None:
        from ale_py.vector_env import AtariVectorEnv

        self._env = AtariVectorEnv(
            game=game,
            num_envs=LANES,
            num_threads=threads,
            frameskip=4,
            img_height=84,
            img_width=84,
            grayscale=True,
            stack_num=4,
            maxpool=True,
            noop_max=0,
            use_fire_reset=False,
            episodic_life=False,
            reward_clipping=False,
            repeat_action_probability=0.25,
            full_action_space=True,
            max_num_frames_per_episode=108_000,
        )
        self._env.reset(seed=0)

    def play(self, chosen: np.ndarray) -> None:
        """Play one vector step a row."""
        for row in chosen:
            self._env.step(row)

    def close(self) -> None:
        """End its threads."""
        self._env.close()


class EnvPool:
    """EnvPool's vector environment."""

    def __init__(self, game: str, threads: int) -> None:
        import envpool

        self._env = envpool.make(
            "".join(word.capitalize() for word in game.split("_")) + "-v5",
            env_type="gymnasium",
            num_envs=LANES,
            batch_size=LANES,
            num_threads=threads,
            seed=0,
            full_action_space=True,
            repeat_action_probability=0.25,
            noop_max=1,
            reward_clip=False,
            episodic_life=False,
            use_fire_reset=False,
            img_height=84,
            img_width=84,
            stack_num=4,
            frame_skip=4,
            max_episode_steps=27_000,
        )
        self._env.reset()

    def play(self, chosen: np.ndarray) -> None:
        """Play one vector step a row."""
        for row in chosen.astype(np.int32):
            self._env.step(row)

    def close(self) -> None:
        """End its threads."""
        self._env.close()


CONTENDERS: dict[str, Callable[[str], Bare | Ours | AtariVector | EnvPool]] = {
    "bare": Bare,
    "ours, 1 thread": partial(Ours, workers=0, record=True),
    "ours, 1 thread, not recorded": partial(Ours, workers=0, record=False),
    "AtariVectorEnv, 1 thread": partial(AtariVector, threads=1),
    "EnvPool, 1 thread": partial(EnvPool, threads=1),
    "ours, 2 workers": partial(Ours, workers=2, record=True),
    "ours, 2 workers, not recorded": partial(Ours, workers=2, record=False),
    "AtariVectorEnv, 2 threads": partial(AtariVector, threads=2),
    "EnvPool, 2 threads": partial(EnvPool, threads=2),
}


Rates = dict[str, list[float]]
"""Agent steps a second of each contender, by round."""


def measure(game: str, steps: int, rounds: int) -> Rates:
    """Play every contender for so many vector steps a round."""
    players = {name: make(game) for name, make in CONTENDERS.items()}
    rates: Rates = {name: [] for name in players}
    chosen = actions(steps)
    for player in players.values():
        player.play(chosen[:WARM_UP_STEPS])
    for turn in range(rounds):
        # Every other round backwards: whoever follows whom changes sides.
        for name in list(players)[:: 1 if turn % 2 == 0 else -1]:
            begun = time.perf_counter()
            players[name].play(chosen)
            rates[name].append(chosen.size / (time.perf_counter() - begun))
    for player in players.values():
        player.close()
    return rates


def ratio(rates: Rates, one: str, other: str) -> float:
    """The median over the rounds of one contender's rate over another's."""
    return statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))


def aims(rates: Rates) -> dict[str, float]:
    """The figures that are to be reached."""

    def to_peers(ours: str, threads: str) -> float:
        return min(ratio(rates, ours, f"{peer}, {threads}") for peer in ("AtariVectorEnv", "EnvPool"))

    return {
        "ours / faster peer, 1 thread": to_peers("ours, 1 thread", "1 thread"),
        "ours / faster peer, 2 threads": to_peers("ours, 2 workers", "2 threads"),
        "recorded / not, 1 thread": ratio(rates, "ours, 1 thread", "ours, 1 thread, not recorded"),
        "recorded / not, 2 workers": ratio(rates, "ours, 2 workers", "ours, 2 workers, not recorded"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print two tables: rates against the bare emulator, and the ratios with their aims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", nargs="+", default=["breakout", "phoenix", "pong", "qbert"])
    parser.add_argument("--steps", type=int, default=100, help="vector steps a round")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args(arguments)
    console = Console(width=110)
    rates = {game: measure(game, options.steps, options.rounds) for game in options.games}
    to_bare = {name: [ratio(rates[game], name, "bare") for game in options.games] for name in CONTENDERS}
    found = [aims(rates[game]) for game in options.games]
    console.print(f"{cpu_type()}; {options.rounds} rounds of {options.steps} vector steps")
    for game in options.games:
        console.print(f"bare {game}: {statistics.median(rates[game]['bare']):,.0f} agent steps/s")
    _print(console, "rate / bare emulator's rate on one core", options.games, to_bare)
    _print(console, "ratio", options.games, {name: [game[name] for game in found] for name in found[0]})


def _print(console: Console, title: str, games: Sequence[str], rows: dict[str, list[float]]) -> None:
    table = Table(title=title)
    table.add_column("")
    for column in (*games, "mean"):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.3f}" for value in (*row, statistics.mean(row))))
    console.print(table)


if __name__ == "__main__":
    main()
