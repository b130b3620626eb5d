"""The rules that one run's ledger and record are held to: columns in, findings out; no emulator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protocol import END_REASONS, PHASES, Protocol, Run, RunRecord, episode_seed, game_choice
from suite.ledger import LEDGER_SCHEMA
from suite.meter import TrainingMeter
from suite.scoring import start_steps
from suite.verify.findings import Finding

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Columns(NamedTuple):
    """A ledger as arrays, a place an episode; lists are flat, with offsets.

    Attributes:
        evaluation: bool (E,), whether it is an evaluation episode.
        lane, number, length: int (E,).
        game: int (E,), its place in the run's games; -1: a foreign game.
        seed: uint64 (E,).
        claimed_return: int (E,).
        reason: int (E,), its place in END_REASONS.
        actions, action_ends: uint8 (A,), and int (E,), where each episode's actions end.
        reward_steps, rewards, reward_ends: int (R,), and int (E,), where each episode's rewards end.
    """

    evaluation: Bools
    lane: Ints
    number: Ints
    length: Ints
    game: Ints
    seed: npt.NDArray[np.uint64]
    claimed_return: Ints
    reason: Ints
    actions: npt.NDArray[np.uint8]
    action_ends: Ints
    reward_steps: Ints
    rewards: Ints
    reward_ends: Ints


class Ledger:
    """One run's ledger and what the protocol says of the run."""

    def __init__(self, protocol: Protocol, run: Run, file: str, table: pa.Table) -> None:
        self.protocol, self.run, self.file = protocol, run, file
        self.columns = _columns(table, run.games)
        self.games = table["game"]

    def finding(self, rule: str, expected: str, found: str, row: int | None = None) -> Finding:
        """Something that is not as it should be."""
        run_id = str(self.run.run_id)
        return Finding(rule=rule, run_id=run_id, file=self.file, row=row, expected=expected, found=found)


def schema_problem(schema: pa.Schema) -> str | None:
    """How a file's schema differs from the ledger's; None: not at all."""
    if schema.remove_metadata().equals(LEDGER_SCHEMA):
        return None
    for field in LEDGER_SCHEMA:
        if field.name not in schema.names:
            return f"no column {field.name}"
        if not schema.field(field.name).equals(field):
            return f"column {schema.field(field.name)}"[:100]
    return f"columns {schema.names}"[:200]


def _columns(table: pa.Table, games: Sequence[str]) -> Columns:
    table = table.combine_chunks()

    def ints(name: str) -> Ints:
        values: Ints = _one(table, name).to_numpy(zero_copy_only=False).astype(np.int64)
        return values

    actions = _one(table, "actions").cast(pa.large_binary())
    ends = np.frombuffer(actions.buffers()[1], np.int64)[: len(actions) + 1]
    steps, rewards = _one(table, "reward_steps"), _one(table, "rewards")
    return Columns(
        evaluation=_places(_one(table, "phase"), PHASES) == PHASES.index("evaluation"),
        lane=ints("lane"),
        number=ints("number"),
        length=ints("length_steps"),
        game=_places(_one(table, "game"), games),
        seed=_one(table, "seed").to_numpy(),
        claimed_return=ints("episode_return"),
        reason=_places(_one(table, "end_reason"), END_REASONS),
        actions=np.frombuffer(actions.buffers()[2] or b"", np.uint8)[: ends[-1]],
        action_ends=ends[1:],
        reward_steps=steps.flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        rewards=rewards.flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        reward_ends=np.cumsum(rewards.value_lengths().to_numpy(zero_copy_only=False), dtype=np.int64),
    )


def _one(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _places(column: pa.Array, names: Sequence[str]) -> Ints:
    import pyarrow.compute as pc

    places: Ints = pc.fill_null(pc.index_in(column, value_set=pa.array(names)), -1).to_numpy().astype(np.int64)
    return places


def check_ledger(ledger: Ledger, record: RunRecord) -> list[Finding]:
    """Everything that a ledger and its record tell without an emulator."""
    findings = list(_values(ledger))
    if findings:
        return findings  # what follows counts on lanes, phases and reasons that exist
    findings += _actions(ledger)
    findings += _rewards(ledger)
    findings += _order(ledger)
    foreign = list(_foreign_games(ledger))
    findings += foreign
    ordered = not any(finding.rule == "B4" for finding in findings)
    if not foreign:
        findings += _budget(ledger)
        findings += _claims(ledger, record)
    findings += _cuts(ledger)
    findings += _evaluation(ledger)
    findings += _seeds(ledger)
    if ordered and not foreign and not any(finding.rule == "B1" for finding in findings):
        findings += _draws(ledger)
    return findings


def _first(mask: Bools) -> int | None:
    """The first row where something is so; None: nowhere."""
    place = int(np.argmax(mask)) if len(mask) else 0
    return place if len(mask) and mask[place] else None


def _values(ledger: Ledger) -> Iterator[Finding]:
    columns, lanes = ledger.columns, ledger.protocol.lanes
    if not len(columns.lane):
        yield ledger.finding("S1", "at least one episode", "none")
    checks = (
        ((columns.lane < 0) | (columns.lane >= lanes), f"a lane from 0 to {lanes - 1}", columns.lane),
        (columns.number < 0, "an episode number from 0", columns.number),
        (columns.length < 1, "a length of at least one step", columns.length),
        (columns.reason < 0, f"an end reason out of {', '.join(END_REASONS)}", columns.reason),
    )
    for wrong, expected, values in checks:
        if (row := _first(wrong)) is not None:
            yield ledger.finding(
                "S1", expected, str(values[row]) if values is not columns.reason else "another", row
            )


def _actions(ledger: Ledger) -> Iterator[Finding]:
    columns, most = ledger.columns, ledger.protocol.environment.actions - 1
    for row in _some(
        np.unique(np.searchsorted(columns.action_ends, np.flatnonzero(columns.actions > most), "right"))
    ):
        yield ledger.finding("A1", f"actions from 0 to {most}", "another", row)
    counts = np.diff(columns.action_ends, prepend=0)
    for row in _some(np.flatnonzero(counts != columns.length)):
        yield ledger.finding("A2", f"{columns.length[row]} actions, one a step", f"{counts[row]}", row)


def _some(rows: Ints, most: int = 20) -> list[int]:
    """The first few of many."""
    return [int(row) for row in rows[:most]]


def _rewards(ledger: Ledger) -> Iterator[Finding]:
    columns = ledger.columns
    counts = np.diff(columns.reward_ends, prepend=0)
    sums = np.concatenate([[0], np.cumsum(columns.rewards)])
    returns = sums[columns.reward_ends] - sums[columns.reward_ends - counts]
    for row in _some(np.flatnonzero(returns != columns.claimed_return)):
        yield ledger.finding(
            "R4", f"a return of {returns[row]}, the sum of its rewards", f"{columns.claimed_return[row]}", row
        )
    if len(columns.reward_steps) != len(columns.rewards):
        yield ledger.finding(
            "R4", "a step for each reward", f"{len(columns.reward_steps)} for {len(columns.rewards)}"
        )
        return
    episode = np.repeat(np.arange(len(counts)), counts)
    steps = columns.reward_steps
    wrong = (steps < 0) | (steps >= columns.length[episode]) | (columns.rewards == 0)
    wrong[1:] |= (steps[1:] <= steps[:-1]) & (episode[1:] == episode[:-1])
    for row in _some(np.unique(episode[wrong])):
        yield ledger.finding("R4", "rewards other than 0 at ascending steps of the episode", "others", row)


def _ends(columns: Columns) -> Ints:
    """When each episode ended, in vector steps; evaluation follows upon training."""
    return start_steps(columns.lane, columns.number, columns.length) + columns.length


def _order(ledger: Ledger) -> Iterator[Finding]:
    columns = ledger.columns
    for lane in range(ledger.protocol.lanes):
        rows = np.flatnonzero(columns.lane == lane)
        numbers = columns.number[rows]
        wrong = numbers != np.arange(len(rows))
        if (place := _first(wrong)) is not None:
            yield ledger.finding(
                "B4", f"episode {place} of lane {lane} here", f"episode {numbers[place]}", int(rows[place])
            )
            return
        if (place := _first(np.diff(columns.evaluation[rows].astype(np.int64)) < 0)) is not None:
            yield ledger.finding("B4", "evaluation behind training", "training", int(rows[place + 1]))
            return
    keys = _ends(columns) * ledger.protocol.lanes + columns.lane
    if (place := _first(np.diff(keys) <= 0)) is not None:
        yield ledger.finding("B4", "episodes in the order of their ends", "an earlier one", place + 1)


def _foreign_games(ledger: Ledger) -> Iterator[Finding]:
    rule = "F1" if ledger.run.run_id.arm == "pretrain" else "B1"
    foreign = np.flatnonzero(ledger.columns.game < 0)
    if len(foreign):
        row = int(foreign[0])
        yield ledger.finding(
            rule,
            f"games out of {', '.join(ledger.run.games)}",
            f"{ledger.games[row].as_py()[:40]}, {len(foreign)} times",
            row,
        )


def _budget(ledger: Ledger) -> Iterator[Finding]:
    columns, run, skip = ledger.columns, ledger.run, ledger.protocol.environment.frame_skip
    training = ~columns.evaluation
    for place, game in enumerate(run.games):
        frames = skip * int(columns.length[training & (columns.game == place)].sum())
        if frames != run.budget_frames:
            yield ledger.finding("B1", f"{run.budget_frames:,} training frames of {game}", f"{frames:,}")
    share = run.total_budget_frames // skip // ledger.protocol.lanes
    for lane in range(ledger.protocol.lanes):
        steps = int(columns.length[training & (columns.lane == lane)].sum())
        if steps != share:
            yield ledger.finding("B1", f"{share:,} training steps in lane {lane}", f"{steps:,}")


def _claims(ledger: Ledger, record: RunRecord) -> Iterator[Finding]:
    columns, skip = ledger.columns, ledger.protocol.environment.frame_skip
    if record.budget_frames != ledger.run.total_budget_frames:
        yield _claim(ledger, "budget_frames", ledger.run.total_budget_frames, record.budget_frames)
    claimed = {spending.game: spending for spending in record.games}
    if [spending.game for spending in record.games] != list(ledger.run.games):
        yield _claim(ledger, "games", ", ".join(ledger.run.games), ", ".join(claimed)[:200])
        return
    for place, game in enumerate(ledger.run.games):
        for phase, in_phase in (("training", ~columns.evaluation), ("evaluation", columns.evaluation)):
            own = in_phase & (columns.game == place)
            found = {"frames": skip * int(columns.length[own].sum()), "episodes": int(own.sum())}
            for name, value in found.items():
                claim = getattr(claimed[game], f"{phase}_{name}")
                if claim != value:
                    yield _claim(ledger, f"{phase}_{name} of {game}", value, claim)


def _claim(ledger: Ledger, name: str, expected: object, found: object) -> Finding:
    file = ledger.file.rpartition("/")[0] + "/record.json"
    return Finding(
        rule="B2", run_id=str(ledger.run.run_id), file=file, expected=f"{name} {expected}", found=str(found)
    )


def _cuts(ledger: Ledger) -> Iterator[Finding]:
    """Caps and the no-reward rule: no episode lives longer, and no cut is claimed that was not due."""
    columns, rules = ledger.columns, ledger.protocol.environment
    caps = np.where(
        columns.evaluation, ledger.run.evaluation_max_frames // rules.frame_skip, rules.max_episode_steps
    )
    for row in _some(np.flatnonzero(columns.length > caps)):
        yield ledger.finding("B3", f"at most {caps[row]:,} steps", f"{columns.length[row]:,}", row)
    due = _barren_steps(columns) >= rules.max_steps_without_reward
    claims = (
        ("max_frames", columns.length == caps, f"an episode of {rules.max_episode_frames:,} frames at most"),
        ("no_reward", due, f"{rules.max_steps_without_reward:,} steps without a reward at its end"),
    )
    for reason, right, expected in claims:
        wrong = (columns.reason == END_REASONS.index(reason)) & ~right & (columns.length <= caps)
        for row in _some(np.flatnonzero(wrong)):
            yield ledger.finding("B3", f"for {reason}: {expected}", f"{columns.length[row]:,} steps", row)
    late = _longest_barren(columns) > rules.max_steps_without_reward
    for row in _some(np.flatnonzero(late)):
        yield ledger.finding(
            "B3", f"a cut after {rules.max_steps_without_reward:,} steps without a reward", "none", row
        )


def _barren_steps(columns: Columns) -> Ints:
    """Steps without a reward at the end of each episode."""
    counts = np.diff(columns.reward_ends, prepend=0)
    last = np.where(counts > 0, columns.reward_ends - 1, 0)
    at = columns.reward_steps[last] if len(columns.reward_steps) else np.zeros(len(counts), np.int64)
    return columns.length - 1 - np.where(counts > 0, at, -1)


def _longest_barren(columns: Columns) -> Ints:
    """The longest stretch of steps without a reward in each episode."""
    counts = np.diff(columns.reward_ends, prepend=0)
    longest = _barren_steps(columns)
    if len(columns.reward_steps):
        episode = np.repeat(np.arange(len(counts)), counts)
        before = np.concatenate([[-1], columns.reward_steps[:-1]])
        before[columns.reward_ends[counts > 0] - counts[counts > 0]] = -1
        np.maximum.at(longest, episode, columns.reward_steps - before - 1)
    return longest


def _evaluation(ledger: Ledger) -> Iterator[Finding]:
    columns, run, lanes = ledger.columns, ledger.run, ledger.protocol.lanes
    expected = np.repeat(np.arange(len(run.games)), run.evaluation_episodes // lanes)
    for lane in range(lanes):
        rows = np.flatnonzero(columns.evaluation & (columns.lane == lane))
        if columns.game[rows].tolist() != expected.tolist():
            yield ledger.finding(
                "B5",
                f"{len(expected)} evaluation episodes in lane {lane}, game after game",
                f"{len(rows)} of {len(set(columns.game[rows].tolist()))} games",
            )
    cut = columns.evaluation & (columns.reason == END_REASONS.index("budget"))
    if (row := _first(cut)) is not None:
        yield ledger.finding("B5", "no evaluation episode that ends for its budget", "one", row)


def _seeds(ledger: Ledger) -> Iterator[Finding]:
    columns, run_id = ledger.columns, str(ledger.run.run_id)
    places = zip(columns.lane.tolist(), columns.number.tolist(), strict=True)
    digest = ledger.protocol.digest
    seeds = np.array([episode_seed(digest, run_id, *place) for place in places], np.uint64)
    for row in _some(np.flatnonzero(seeds != columns.seed)):
        yield ledger.finding("D2", f"seed {seeds[row]}", f"{columns.seed[row]}", row)


def _draws(ledger: Ledger) -> Iterator[Finding]:
    """Fed with the recorded lengths and ends, the meter must draw the recorded games and make their cuts."""
    run, protocol = ledger.run, ledger.protocol
    meter = TrainingMeter(
        run.games,
        run.budget_frames // protocol.environment.frame_skip,
        protocol.lanes,
        protocol.environment.max_episode_steps,
        partial(game_choice, protocol.digest, str(run.run_id)) if len(run.games) > 1 else lambda *_: 0,
    )
    lanes = [_Lane.of(ledger, lane) for lane in range(protocol.lanes)]
    while True:
        for lane, game in zip(lanes, meter.playing, strict=True):
            if game != lane.game:
                yield ledger.finding(
                    "D3", f"{game or 'no game'}, as drawn", f"{lane.game or 'no game'}", lane.row
                )
                return
        if meter.playing[0] is None:
            return
        steps = min(lane.left for lane in lanes)
        if not meter.skip(steps - 1):
            yield ledger.finding("D3", "a cut where a game's frames are spent", "none", lanes[0].row)
            return
        ending = [lane.left == steps for lane in lanes]
        cut = meter.advance([over and not lane.is_cut for over, lane in zip(ending, lanes, strict=True)])
        if list(cut) != [place for place, lane in enumerate(lanes) if ending[place] and lane.is_cut]:
            place = next(iter({*cut} ^ {i for i, lane in enumerate(lanes) if ending[i] and lane.is_cut}))
            yield ledger.finding(
                "D3", "a cut exactly where a game's frames are spent", "another", lanes[place].row
            )
            return
        for lane, over in zip(lanes, ending, strict=True):
            lane.play(steps, over)


class _Lane:
    """Where a lane stands in its recorded training episodes."""

    def __init__(self, rows: list[int], games: list[str], lengths: list[int], cuts: list[bool]) -> None:
        self._rows, self._games, self._lengths, self._cuts = rows, games, lengths, cuts
        self._place = 0
        self.left = lengths[0] if lengths else 0

    @classmethod
    def of(cls, ledger: Ledger, lane: int) -> _Lane:
        columns = ledger.columns
        rows = np.flatnonzero((columns.lane == lane) & ~columns.evaluation)
        games = [ledger.run.games[place] for place in columns.game[rows]]
        cuts = columns.reason[rows] == END_REASONS.index("budget")
        return cls(rows.tolist(), games, columns.length[rows].tolist(), cuts.tolist())

    @property
    def game(self) -> str | None:
        return self._games[self._place] if self._place < len(self._games) else None

    @property
    def row(self) -> int | None:
        return self._rows[min(self._place, len(self._rows) - 1)] if self._rows else None

    @property
    def is_cut(self) -> bool:
        return self._cuts[self._place]

    def play(self, steps: int, over: bool) -> None:
        self.left -= steps
        if over:
            self._place += 1
            self.left = self._lengths[self._place] if self._place < len(self._lengths) else 0
