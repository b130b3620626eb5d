"""The differences in looks between a game's flavours, and the candidates of ``flavours`` that follow from them.

docs/flavours.md states the rule. A pair of flavours that has been measured is a line of a data file.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from protocol import current_protocol, episode_seed
from tests.bench.lines import add_line, read_lines
from tests.bench.pilot import ordered
from tests.bench.verdict import SEEDS

MOST_CANDIDATES = 4
STEPS = 1_000
LEAST_RATIO = 2.0

Pictures = npt.NDArray[np.float64]


@cache
def available(game: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The modes and the difficulties that the emulator has of a game; the first of each is the default."""
    from ale_py import ALEInterface, LoggerMode

    from suite.emulator.roms import checked_cartridge

    ALEInterface.setLoggerMode(LoggerMode.Error)
    ale = ALEInterface()
    ale.loadROM(checked_cartridge(current_protocol(), game).rom)
    return tuple(ale.getAvailableModes()), tuple(ale.getAvailableDifficulties())


def flavours_of(game: str) -> list[str]:
    """The flavours of a game in the order of the rule: the default one, then the others by their hash."""
    modes, difficulties = available(game)
    others = [*product(modes, difficulties)][1:]
    names = {
        f"{game}/{mode}/{difficulty}": f"{game}_mode{mode}_difficulty{difficulty}"
        for mode, difficulty in others
    }
    return [game, *(names[key] for key in ordered(names))]


def mean_pictures(flavour: str) -> Pictures:
    """The mean picture of uniform play for each seed, float64 (seeds, 84, 84)."""
    from suite.emulator.console import Console
    from suite.emulator.roms import checked_cartridge

    protocol = current_protocol()
    console = Console(checked_cartridge(protocol, flavour), protocol.environment)
    picture = np.empty((protocol.environment.screen_size_pixels,) * 2, np.uint8)
    sums = np.zeros((SEEDS, *picture.shape))
    for seed in range(SEEDS):
        generator = np.random.Generator(np.random.Philox(key=seed))
        number = 0
        console.begin(episode_seed(protocol.practice_digest, f"looks/{seed}", 0, number))
        for action in generator.integers(0, protocol.environment.actions, STEPS).tolist():
            console.step_and_show(action, picture)
            sums[seed] += picture
            if console.game_over:
                number += 1
                console.begin(episode_seed(protocol.practice_digest, f"looks/{seed}", 0, number))
    return sums / STEPS


def difference(one: Pictures, other: Pictures) -> float:
    """The mean absolute difference of mean pictures, over all pairs of different seeds, one of each."""
    return float(np.mean([np.abs(one[a] - other[b]).mean() for a, b in permutations(range(len(one)), 2)]))


class Looks:
    """The data file of how different flavours look.

    Args:
        data: the file; pairs are added to it as they are measured.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self.pairs = {(line["flavour"], line["other"]): line for line in read_lines(data)}
        self._pictures = cache(mean_pictures)

    def is_begun(self, game: str) -> bool:
        """True if any flavours of a game were measured."""
        return any(other == game for _, other in self.pairs)

    def ratio(self, flavour: str, other: str) -> float:
        """The ratio of the difference between two flavours to that between plays of one of them."""
        pair = self.pairs[flavour, other]
        return float(pair["between"] / pair["within"])

    def candidates(self, game: str) -> tuple[list[str], tuple[str, str] | None]:
        """The candidates of a game as far as is known, and the pair to measure next; None: all are known."""
        found: list[str] = []
        for flavour in flavours_of(game):
            for other in found:
                if (flavour, other) not in self.pairs:
                    return found, (flavour, other)
                if self.ratio(flavour, other) < LEAST_RATIO:
                    break
            else:
                found.append(flavour)
            if len(found) == MOST_CANDIDATES:
                break
        return found, None

    def measure(self, game: str) -> list[str]:
        """Measure the pairs that a game lacks; its candidates."""
        while (pair := self.candidates(game)[1]) is not None:
            one, other = map(self._pictures, pair)
            within = max(difference(one, one), difference(other, other))
            line = {"flavour": pair[0], "other": pair[1], "between": difference(one, other), "within": within}
            self.pairs[pair] = line
            add_line(self._data, line)
            print(f"{pair[0]} and {pair[1]}: {self.ratio(*pair):.2f}", flush=True)
        return self.candidates(game)[0]
