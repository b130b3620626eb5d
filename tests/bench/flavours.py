"""The choice of the games and flavours of ``flavours``; ``make flavours`` measures what is missing of it.

docs/flavours.md states the rule, which was written down before anything was measured. For one game after
another, it is measured which of its flavours look different (tests/bench/flavour_looks.py); then the pilot of
``lite`` is played in those, with PPO alone. Each play is a line of a data file, and is not played again. Once
four games have qualified, the command prints the edition's table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from protocol import current_protocol, make_stratified_folds
from suite.machine import available_cores
from tests.bench.flavour_looks import Looks, flavours_of
from tests.bench.pilot import DATA as LITE_DATA
from tests.bench.pilot import TUNED_ON, Pilot, ordered, print_part
from tests.bench.verdict import Verdict, cells

FAREBROTHER = ("breakout", "freeway", "hero", "space_invaders")
"""The games whose modes Farebrother, Machado and Bowling (2018) chose."""
GAMES, FLAVOURS, FOLDS = 4, 3, 3
LEARNERS = ("ppo",)
LOOKS, PLAYS = Path("docs/flavours_looks.jsonl"), Path("docs/flavours_pilot.jsonl")
TABLE = Path("docs/flavours_pilot.md")


def games() -> Iterator[str]:
    """Every game that may be chosen, in the order of the rule; its ROM is loaded when it is asked for."""
    protocol = current_protocol()
    seen: list[str] = []
    for group in (FAREBROTHER, protocol.edition("lite").games, protocol.edition("full").games):
        seen += [game for game in ordered(group) if game not in seen]
    return (game for game in seen if game not in TUNED_ON and len(flavours_of(game)) >= FLAVOURS)


class Outcome(NamedTuple):
    """The outcome for a game so far.

    Attributes:
        qualified: its flavours that qualified, as many as are needed.
        next_flavour: the one to play next; None: the game is decided.
    """

    qualified: tuple[str, ...]
    next_flavour: str | None

    @property
    def qualifies(self) -> bool:
        """True if the game has its three flavours."""
        return len(self.qualified) == FLAVOURS


def judge_game(candidates: Sequence[str], verdict_on: Callable[[str], Verdict | None]) -> Outcome:
    """The outcome for a game by the verdicts on its candidates; a verdict is None until the flavour was played.

    Args:
        candidates: the flavours that look different, the default one first.
        verdict_on: the verdict on one of them.
    """
    qualified: list[str] = []
    for place, flavour in enumerate(candidates):
        failed = place - len(qualified)
        if len(qualified) == FLAVOURS or len(candidates) - failed < FLAVOURS or (place and not qualified):
            break
        if (verdict := verdict_on(flavour)) is None:
            return Outcome(tuple(qualified), flavour)
        qualified += [flavour] * verdict.qualifies
    return Outcome(tuple(qualified), None)


class Choice:
    """The data of looks and plays, and what they choose.

    Args:
        looks: the pairs that were measured.
        pilot: the plays.
    """

    def __init__(self, looks: Looks, pilot: Pilot) -> None:
        self.looks, self.pilot = looks, pilot

    def outcome(self, game: str) -> Outcome | None:
        """The outcome for a game so far; None: its candidates are not known yet."""
        candidates, pair = self.looks.candidates(game)
        return judge_game(candidates, self.pilot.verdict) if pair is None else None

    def chosen(self) -> dict[str, tuple[str, ...]]:
        """The flavours of the games that qualify, four at most, as far as all before them are decided."""
        found: dict[str, tuple[str, ...]] = {}
        for game in games():
            outcome = self.outcome(game)
            if outcome is None or outcome.next_flavour is not None or len(found) == GAMES:
                break
            if outcome.qualifies:
                found[game] = outcome.qualified
        return found

    def decide(self, game: str, processes: int) -> None:
        """Measure and play what a game lacks."""
        candidates = self.looks.measure(game)
        while (flavour := judge_game(candidates, self.pilot.verdict).next_flavour) is not None:
            for line in self.pilot.play([flavour], processes):
                print_part(line)


def edition_table(chosen: dict[str, tuple[str, ...]]) -> str:
    """The edition, as a table for the file of the protocol."""
    folds = make_stratified_folds(chosen.values(), FOLDS, current_protocol().seed)
    names = sorted(flavour for flavours in chosen.values() for flavour in flavours)
    lines = ["[[editions]]", 'name = "flavours"', "games = [", *(f'    "{name}",' for name in names), "]"]
    lines.append("folds = [")
    for fold in folds:
        lines += ["    [", *(f'        "{name}",' for name in fold), "    ],"]
    numbers = (
        "budget_frames = 400_000",
        "seeds = 3",
        "evaluation_episodes = 16",
        "evaluation_max_frames = 18_000",
    )
    return "\n".join([*lines, "]", *numbers])


def page(choice: Choice) -> str:
    """The results, as the page of the docs that ``make flavours`` writes."""
    chosen = choice.chosen()
    end = f"The pilot is not complete: {len(chosen)} of {GAMES} games have qualified so far."
    if len(chosen) == GAMES:
        end = f"The chosen games: {', '.join(chosen)}."
    head = "| flavour | ratio | negative rewards | uniform | best constant action | PPO | (a) | (b) | (c) | |"
    rows = [head, "|---|--:|--:|--:|--:|--:|---|---|---|---|"]
    for game in games():
        if not choice.looks.is_begun(game):
            break
        rows += _rows(choice, game, chosen.get(game, ()))
    return "\n".join([_TITLE, *rows, "", end, ""])


def _rows(choice: Choice, game: str, chosen: Sequence[str]) -> list[str]:
    """A row for each candidate of a game, as far as they are known."""
    candidates, _ = choice.looks.candidates(game)
    rows = []
    for place, flavour in enumerate(candidates):
        ratios = [choice.looks.ratio(flavour, other) for other in candidates[:place]]
        verdict = choice.pilot.verdict(flavour)
        told = [""] * 7 if verdict is None else cells(verdict, LEARNERS)
        row = [flavour, f"{min(ratios):.1f}" if ratios else "", *told, "**yes**" if flavour in chosen else ""]
        rows.append("| " + " | ".join(row) + " |")
    return rows


_TITLE = """# The pilot that chooses the flavours of `flavours`

`make flavours` measures what is missing of it and writes this page. The rule was written down before anything
was measured ([flavours.md](flavours.md)). The data are in [flavours_looks.jsonl](flavours_looks.jsonl), one
line per pair of flavours, and in [flavours_pilot.jsonl](flavours_pilot.jsonl), one line per play. Plays of
default flavours that the pilot of `lite` has made are in [lite_pilot.jsonl](lite_pilot.jsonl).

The rows are the candidates. The ratio says how much the mean pictures of a flavour differ from those of the
candidate above that is most like it, relative to the difference between plays of one flavour. The other columns
are those of [lite_pilot.md](lite_pilot.md): points per 1,000 agent steps, means over 3 seeds. A row without
them has not been played.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and play what is missing, say what is found, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--looks", type=int, metavar="N", help="only measure how the flavours of the first N games look"
    )
    parser.add_argument("--processes", type=int, default=available_cores(), help="default: %(default)s")
    options = parser.parse_args(arguments)
    choice = Choice(Looks(LOOKS), Pilot(PLAYS, LEARNERS, [LITE_DATA]))
    for game in islice(games(), options.looks):
        if options.looks:
            choice.looks.measure(game)
        elif len(choice.chosen()) == GAMES:
            break
        else:
            choice.decide(game, options.processes)
    TABLE.write_text(page(choice), encoding="utf-8")
    if len(choice.chosen()) == GAMES:
        print(edition_table(choice.chosen()))


if __name__ == "__main__":
    main()
