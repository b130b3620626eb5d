"""An episode played again step by step, and proven on the way to be the one that its ledger claims."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from protocol import EndReason, Protocol, StoreError
from suite.emulator.console import RAM_BYTES, Console
from suite.episodes.recorded import Recorded


class Claims:
    """One row of a run's ledger, and what must follow from its actions.

    Args:
        protocol: the rules.
        recorded: the run; nothing is wrong with its ledger by itself (``suite.results.ledger_faults``).
        row: of its ledger.

    Attributes:
        row: of the ledger.
        episode: what it says.

    Raises:
        UnknownName: there is no such row.
        StoreError: the row has another seed than such an episode of this run.
    """

    def __init__(self, protocol: Protocol, recorded: Recorded, row: int) -> None:
        self.row, self.episode = row, recorded.episode(row)
        self._run, self._rules, self._place = (
            recorded.run,
            protocol.environment,
            f"row {row} of {recorded.name}",
        )
        self._seed = self._run.episode_seed(self.episode.lane, self.episode.number)
        if self._seed != self.episode.seed:
            self._refuse(f"the seed {self._seed}", str(self.episode.seed))
        self._rewards = dict(zip(self.episode.reward_steps, self.episode.rewards, strict=True))

    def play(self, console: Console, step: Callable[[int], int]) -> Iterator[int]:
        """Play the episode in a console of its game.

        Args:
            console: where it is begun; what it shows is the caller's to fetch.
            step: plays one agent step of this console with an action, and returns its reward.

        Yields:
            the score after each step, in game points. After the last one, how the episode ended is checked, so
            that it is proven once the iterator is exhausted.

        Raises:
            StoreError: a reward or the end is not what the ledger claims.
        """
        console.begin(self._seed)
        score = barren_steps = 0
        last = self.episode.length_steps - 1
        for number, action in enumerate(self.episode.actions):
            reward = step(action)
            if reward != (claimed := self._rewards.get(number, 0)):
                self._refuse(f"reward {reward} in step {number}", str(claimed))
            score += reward
            barren_steps = 0 if reward else barren_steps + 1
            if number < last and (reason := self._reason(console, number + 1, barren_steps)):
                self._refuse(f"the end ({reason}) after {number + 1} steps", f"{last + 1} steps")
            yield score
        self._check_end(console, self._reason(console, last + 1, barren_steps))

    def _reason(self, console: Console, steps: int, barren_steps: int) -> EndReason | None:
        """Why the lanes would have ended the episode now, but for its frames being spent."""
        evaluated = self.episode.phase == "evaluation"
        if console.game_over:
            return "game_over"
        if steps >= (self._run.evaluation_max_steps if evaluated else self._rules.max_episode_steps):
            return "max_frames"
        return "no_reward" if barren_steps >= self._rules.max_steps_without_reward else None

    def _check_end(self, console: Console, reason: EndReason | None) -> None:
        if reason is None and self.episode.phase == "training":
            reason = "budget"
        if reason != self.episode.end_reason:
            self._refuse(f"the end {reason or 'of the episode in a later step'}", self.episode.end_reason)
        ram = np.empty(RAM_BYTES, np.uint8)
        console.ram(ram)
        if (found := hashlib.sha256(ram.tobytes()).digest()) != self.episode.ram_sha256:
            self._refuse(f"RAM {found.hex()[:12]}...", f"{self.episode.ram_sha256.hex()[:12]}...")

    def _refuse(self, expected: str, found: str) -> None:
        raise StoreError(
            f"{self._place} does not say what was played: expected {expected}, found {found}; "
            "`amtlb verify` checks a whole submission"
        )
