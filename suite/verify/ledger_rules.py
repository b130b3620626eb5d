"""The rules that one run's ledger and record are held to: columns in, findings out; no emulator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from protocol import END_REASONS, RunRecord
from suite.results.store import RECORD
from suite.verify.columns import Columns, Ints, Ledger, ends, first, some
from suite.verify.draw_rules import check_draws, check_seeds
from suite.verify.findings import Finding, Place, finding


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
    findings += check_seeds(ledger)
    if ordered and not foreign and not any(finding.rule == "B1" for finding in findings):
        findings += check_draws(ledger)
    return findings


def _values(ledger: Ledger) -> Iterator[Finding]:
    columns, lanes = ledger.columns, ledger.protocol.lanes
    if not len(columns.lane):
        yield finding("S1", ledger.at(), "at least one episode", "none")
    checks = (
        ((columns.lane < 0) | (columns.lane >= lanes), f"a lane from 0 to {lanes - 1}", columns.lane),
        (columns.number < 0, "an episode number from 0", columns.number),
        (columns.length < 1, "a length of at least one step", columns.length),
        (columns.reason < 0, f"an end reason out of {', '.join(END_REASONS)}", columns.reason),
    )
    for wrong, expected, values in checks:
        if (row := first(wrong)) is not None:
            yield finding(
                "S1", ledger.at(row), expected, str(values[row]) if values is not columns.reason else "another"
            )


def _actions(ledger: Ledger) -> Iterator[Finding]:
    columns, most = ledger.columns, ledger.protocol.environment.actions - 1
    for row in some(
        np.unique(np.searchsorted(columns.action_ends, np.flatnonzero(columns.actions > most), "right"))
    ):
        yield finding("A1", ledger.at(row), f"actions from 0 to {most}", "another")
    counts = np.diff(columns.action_ends, prepend=0)
    for row in some(np.flatnonzero(counts != columns.length)):
        yield finding("A2", ledger.at(row), f"{columns.length[row]} actions, one a step", f"{counts[row]}")


def _rewards(ledger: Ledger) -> Iterator[Finding]:
    columns = ledger.columns
    counts = np.diff(columns.reward_ends, prepend=0)
    sums = np.concatenate([[0], np.cumsum(columns.rewards)])
    returns = sums[columns.reward_ends] - sums[columns.reward_ends - counts]
    for row in some(np.flatnonzero(returns != columns.claimed_return)):
        yield finding(
            "R4",
            ledger.at(row),
            f"a return of {returns[row]}, the sum of its rewards",
            f"{columns.claimed_return[row]}",
        )
    if len(columns.reward_steps) != len(columns.rewards):
        yield finding(
            "R4",
            ledger.at(),
            "a step for each reward",
            f"{len(columns.reward_steps)} for {len(columns.rewards)}",
        )
        return
    episode = np.repeat(np.arange(len(counts)), counts)
    steps = columns.reward_steps
    wrong = (steps < 0) | (steps >= columns.length[episode]) | (columns.rewards == 0)
    wrong[1:] |= (steps[1:] <= steps[:-1]) & (episode[1:] == episode[:-1])
    for row in some(np.unique(episode[wrong])):
        yield finding("R4", ledger.at(row), "rewards other than 0 at ascending steps of the episode", "others")


def _order(ledger: Ledger) -> Iterator[Finding]:
    columns = ledger.columns
    for lane in range(ledger.protocol.lanes):
        rows = np.flatnonzero(columns.lane == lane)
        numbers = columns.number[rows]
        wrong = numbers != np.arange(len(rows))
        if (place := first(wrong)) is not None:
            yield finding(
                "B4",
                ledger.at(int(rows[place])),
                f"episode {place} of lane {lane} here",
                f"episode {numbers[place]}",
            )
            return
        if (place := first(np.diff(columns.evaluation[rows].astype(np.int64)) < 0)) is not None:
            yield finding("B4", ledger.at(int(rows[place + 1])), "evaluation behind training", "training")
            return
    keys = ends(columns) * ledger.protocol.lanes + columns.lane
    if (place := first(np.diff(keys) <= 0)) is not None:
        yield finding("B4", ledger.at(place + 1), "episodes in the order of their ends", "an earlier one")


def _foreign_games(ledger: Ledger) -> Iterator[Finding]:
    rule = "F1" if ledger.run.run_id.arm == "pretrain" else "B1"
    foreign = np.flatnonzero(ledger.columns.game < 0)
    if len(foreign):
        row = int(foreign[0])
        yield finding(
            rule,
            ledger.at(row),
            f"games out of {', '.join(ledger.run.games)}",
            f"{ledger.games[row].as_py()[:40]}, {len(foreign)} times",
        )


def _budget(ledger: Ledger) -> Iterator[Finding]:
    columns, run = ledger.columns, ledger.run
    training = ~columns.evaluation
    for place, game in enumerate(run.games):
        frames = run.frame_skip * int(columns.length[training & (columns.game == place)].sum())
        if frames != run.budget_frames:
            yield finding("B1", ledger.at(), f"{run.budget_frames:,} training frames of {game}", f"{frames:,}")
    share = run.total_budget_steps // ledger.protocol.lanes
    for lane in range(ledger.protocol.lanes):
        steps = int(columns.length[training & (columns.lane == lane)].sum())
        if steps != share:
            yield finding("B1", ledger.at(), f"{share:,} training steps in lane {lane}", f"{steps:,}")


def _claims(ledger: Ledger, record: RunRecord) -> Iterator[Finding]:
    columns, skip = ledger.columns, ledger.run.frame_skip
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
    return finding("B2", Place.of_run(ledger.run.run_id, RECORD), f"{name} {expected}", str(found))


def _cuts(ledger: Ledger) -> Iterator[Finding]:
    """Caps and the no-reward rule: no episode lives longer, and no cut is claimed that was not due."""
    columns, rules = ledger.columns, ledger.protocol.environment
    caps = np.where(columns.evaluation, ledger.run.evaluation_max_steps, rules.max_episode_steps)
    for row in some(np.flatnonzero(columns.length > caps)):
        yield finding("B3", ledger.at(row), f"at most {caps[row]:,} steps", f"{columns.length[row]:,}")
    due = _barren_steps(columns) >= rules.max_steps_without_reward
    claims = (
        ("max_frames", columns.length == caps, f"an episode of {rules.max_episode_frames:,} frames at most"),
        ("no_reward", due, f"{rules.max_steps_without_reward:,} steps without a reward at its end"),
    )
    for reason, right, expected in claims:
        wrong = (columns.reason == END_REASONS.index(reason)) & ~right & (columns.length <= caps)
        for row in some(np.flatnonzero(wrong)):
            yield finding("B3", ledger.at(row), f"for {reason}: {expected}", f"{columns.length[row]:,} steps")
    late = _longest_barren(columns) > rules.max_steps_without_reward
    for row in some(np.flatnonzero(late)):
        yield finding(
            "B3",
            ledger.at(row),
            f"a cut after {rules.max_steps_without_reward:,} steps without a reward",
            "none",
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
            yield finding(
                "B5",
                ledger.at(),
                f"{len(expected)} evaluation episodes in lane {lane}, game after game",
                f"{len(rows)} of {len(set(columns.game[rows].tolist()))} games",
            )
    cut = columns.evaluation & (columns.reason == END_REASONS.index("budget"))
    if (row := first(cut)) is not None:
        yield finding("B5", ledger.at(row), "no evaluation episode that ends for its budget", "one")
