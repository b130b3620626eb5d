"""The faults of a ledger, found without an emulator, before anything is computed from it.

Rules, scores and retraining let the same ledgers through. A fault names the rule of the verifier that it breaks
(docs/rules.md); seeds and draws, which follow from the run's name, are the verifier's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from protocol import END_REASONS, PHASES, Protocol, Run
from suite.results.columns import Bools, Columns, Ints, first, some


class Fault(NamedTuple):
    """One thing that is wrong with a ledger.

    Attributes:
        rule: the id of the rule that it breaks.
        row: of the ledger, from 0; None: no single episode.
        expected, found: in words.
    """

    rule: str
    row: int | None
    expected: str
    found: str


def faults(columns: Columns, run: Run, protocol: Protocol) -> Iterator[Fault]:
    """Everything that is wrong with a ledger by itself; where a value is outside its set, that alone."""
    outside = list(_values(columns, protocol))
    yield from outside
    if outside:
        return  # what follows counts on lanes, phases and reasons that exist
    yield from _actions(columns, protocol)
    yield from _rewards(columns)
    yield from _order(columns, protocol)
    foreign = list(_foreign_games(columns, run))
    yield from foreign
    if not foreign:
        yield from _budget(columns, run, protocol)
    if rewards_have_steps(columns):
        yield from _cuts(columns, run, protocol)
    yield from _evaluation(columns, run, protocol)


def _values(columns: Columns, protocol: Protocol) -> Iterator[Fault]:
    """S1: every value is one that its column can have."""
    if not len(columns.lane):
        yield Fault("S1", None, "at least one episode", "none")
    lanes, words = protocol.lanes, "another word"
    checks: tuple[tuple[Bools, str, Ints | None], ...] = (
        (columns.phase < 0, f"a phase out of {', '.join(PHASES)}", None),
        ((columns.lane < 0) | (columns.lane >= lanes), f"a lane from 0 to {lanes - 1}", columns.lane),
        (columns.number < 0, "an episode number from 0", columns.number),
        (columns.length < 1, "a length of at least one step", columns.length),
        (columns.reason < 0, f"an end reason out of {', '.join(END_REASONS)}", None),
    )
    for wrong, expected, values in checks:
        if (row := first(wrong)) is not None:
            found = words if values is None else str(values[row])
            more = int(wrong.sum()) - 1
            yield Fault("S1", row, expected, f"{found}, and {more:,} more" if more else found)


def _each(rule: str, rows: Ints, tell: Callable[[int], tuple[str, str]]) -> Iterator[Fault]:
    """A fault at each of the first few rows, with what was expected and found, and how many more there are."""
    shown = some(rows)
    for row in shown:
        yield Fault(rule, row, *tell(row))
    if more := len(rows) - len(shown):
        yield Fault(rule, None, "none like the one before", f"{more:,} more")


def _actions(columns: Columns, protocol: Protocol) -> Iterator[Fault]:
    most = protocol.environment.actions - 1
    too_high = np.searchsorted(columns.action_ends, np.flatnonzero(columns.actions > most), "right")
    yield from _each("A1", np.unique(too_high), lambda row: (f"actions from 0 to {most}", "another"))
    counts = np.diff(columns.action_ends, prepend=0)
    yield from _each(
        "A2",
        np.flatnonzero(counts != columns.length),
        lambda row: (f"{columns.length[row]} actions, one per step", f"{counts[row]}"),
    )


def _rewards(columns: Columns) -> Iterator[Fault]:
    """R4: each reward has its step, in order and inside the episode, and their sum is the return."""
    counts, paired = columns.reward_counts, _paired(columns)
    sums = np.concatenate([[0], np.cumsum(columns.rewards)])
    returns = sums[columns.reward_ends] - sums[columns.reward_ends - counts]
    yield from _each(
        "R4",
        np.flatnonzero(returns != columns.claimed_return),
        lambda row: (f"a return of {returns[row]}, the sum of its rewards", f"{columns.claimed_return[row]}"),
    )
    yield from _each(
        "R4",
        np.flatnonzero(~paired),
        lambda row: (f"a step for each of its {counts[row]} rewards", "another number of steps"),
    )
    if not paired.all():
        return
    episode, steps = np.repeat(np.arange(len(counts)), counts), columns.reward_steps
    wrong = (steps < 0) | (steps >= columns.length[episode]) | (columns.rewards == 0)
    wrong[1:] |= (steps[1:] <= steps[:-1]) & (episode[1:] == episode[:-1])
    expected = "rewards other than 0 at ascending steps of the episode"
    yield from _each("R4", np.unique(episode[wrong]), lambda _: (expected, "others"))


def rewards_have_steps(columns: Columns) -> bool:
    """True if every episode has as many steps of rewards as rewards; otherwise no cut can be judged."""
    return bool(_paired(columns).all())


def _paired(columns: Columns) -> Bools:
    """bool (E,), whether an episode has as many steps of rewards as rewards."""
    paired: Bools = np.diff(columns.reward_step_ends, prepend=0) == columns.reward_counts
    return paired


def _order(columns: Columns, protocol: Protocol) -> Iterator[Fault]:
    """B4: the order in each lane is right, and rows stand in the order of ends."""
    in_lanes = [fault for lane in range(protocol.lanes) for fault in _order_in_lane(columns, lane)]
    yield from in_lanes
    if in_lanes:
        return  # when an episode ended follows from those before it
    keys = columns.ends * protocol.lanes + columns.lane
    if (place := first(np.diff(keys) <= 0)) is not None:
        yield Fault("B4", place + 1, "episodes in the order of their ends", "an earlier one")


def _order_in_lane(columns: Columns, lane: int) -> Iterator[Fault]:
    """B4: the numbers run from 0, training before evaluation; the first place where they do not."""
    rows = np.flatnonzero(columns.lane == lane)
    numbers = columns.number[rows]
    if (place := first(numbers != np.arange(len(rows)))) is not None:
        yield Fault("B4", int(rows[place]), f"episode {place} of lane {lane} here", f"episode {numbers[place]}")
    elif (place := first(np.diff(columns.evaluation[rows].astype(np.int64)) < 0)) is not None:
        yield Fault("B4", int(rows[place + 1]), "evaluation behind training", "training")


def _foreign_games(columns: Columns, run: Run) -> Iterator[Fault]:
    rule = "F1" if run.run_id.arm == "pretrain" else "B1"
    foreign = np.flatnonzero(columns.game < 0)
    if len(foreign):
        found = f"another, {len(foreign)} times"
        yield Fault(rule, int(foreign[0]), f"games out of {', '.join(run.games)}", found)


def _budget(columns: Columns, run: Run, protocol: Protocol) -> Iterator[Fault]:
    """B1: every game was given exactly its frames, and every lane its share."""
    training = columns.training
    for place, game in enumerate(run.games):
        frames = run.frame_skip * int(columns.length[training & (columns.game == place)].sum())
        if frames != run.budget_frames:
            yield Fault("B1", None, f"{run.budget_frames:,} training frames of {game}", f"{frames:,}")
    share = run.total_budget_steps // protocol.lanes
    for lane in range(protocol.lanes):
        steps = int(columns.length[training & (columns.lane == lane)].sum())
        if steps != share:
            yield Fault("B1", None, f"{share:,} training steps in lane {lane}", f"{steps:,}")


def _cuts(columns: Columns, run: Run, protocol: Protocol) -> Iterator[Fault]:
    """B3: no episode lives past its cap or the no-reward rule, and each cut is the one that was due."""
    rules = protocol.environment
    caps = np.where(columns.evaluation, run.evaluation_max_steps, rules.max_episode_steps)
    yield from _each(
        "B3",
        np.flatnonzero(columns.length > caps),
        lambda row: (f"at most {caps[row]:,} steps", f"{columns.length[row]:,}"),
    )
    barren = _barren_steps(columns)
    game_over, cap, no_reward, budget = map(
        END_REASONS.index, ("game_over", "max_frames", "no_reward", "budget")
    )
    due = np.select(
        [columns.length == caps, barren >= rules.max_steps_without_reward], [cap, no_reward], budget
    )
    wrong = (columns.reason != game_over) & (columns.reason != due) & (columns.length <= caps)

    def tell(row: int) -> tuple[str, str]:
        steps = f"{columns.length[row]:,} steps, {barren[row]:,} without a reward at the end"
        expected = f"the end {END_REASONS[due[row]]} or {END_REASONS[game_over]} after {steps}"
        return expected, END_REASONS[columns.reason[row]]

    yield from _each("B3", np.flatnonzero(wrong), tell)
    late = _longest_wait(columns) > rules.max_steps_without_reward
    expected = f"a cut after {rules.max_steps_without_reward:,} steps without a reward"
    yield from _each("B3", np.flatnonzero(late), lambda _: (expected, "none"))


def _barren_steps(columns: Columns) -> Ints:
    """Steps without a reward at the end of each episode."""
    counts = columns.reward_counts
    last = np.where(counts > 0, columns.reward_ends - 1, 0)
    at = columns.reward_steps[last] if len(columns.reward_steps) else np.zeros(len(counts), np.int64)
    return columns.length - 1 - np.where(counts > 0, at, -1)


def _longest_wait(columns: Columns) -> Ints:
    """The most steps that each episode waited for a reward: until its step was over, or until the end."""
    counts = columns.reward_counts
    longest = _barren_steps(columns)
    if len(columns.reward_steps):
        episode = np.repeat(np.arange(len(counts)), counts)
        before = np.concatenate([[-1], columns.reward_steps[:-1]])
        before[columns.reward_ends[counts > 0] - counts[counts > 0]] = -1
        np.maximum.at(longest, episode, columns.reward_steps - before)
    return longest


def _evaluation(columns: Columns, run: Run, protocol: Protocol) -> Iterator[Fault]:
    """B5: each lane plays its share of each game's evaluation, game after game; no budget cuts it."""
    expected = np.repeat(np.arange(len(run.games)), run.evaluation_episodes // protocol.lanes)
    for lane in range(protocol.lanes):
        rows = np.flatnonzero(columns.evaluation & (columns.lane == lane))
        if columns.game[rows].tolist() != expected.tolist():
            wanted = f"{len(expected)} evaluation episodes in lane {lane}, game after game"
            yield Fault("B5", None, wanted, f"{len(rows)} of {len(set(columns.game[rows].tolist()))} games")
    cut = columns.evaluation & (columns.reason == END_REASONS.index("budget"))
    if (row := first(cut)) is not None:
        yield Fault("B5", row, "no evaluation episode that ends for its budget", "one")
