"""The share of simulated submissions that rule T1 rejects; ``python -m tests.bench.retraining``.

Runs of the shape of ``lite``: 13 strata, 4 claimed seeds. A run has a luck of its own, which its games, its
training and its evaluation share; its 16 evaluation returns have heavy tails. Some of the runs are played
again, drawn as ``--retrain NUMBER`` draws them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocol import Protocol, load, parse_run_id
from suite.scoring.arrays import Floats
from suite.scoring.retraining import REJECTING_P, Stratum, rank_test
from suite.verify.retrain_plan import Units, draw_runs, units_of, with_ancestors

SUBMISSIONS = 1000
_DRAWS = 20
_EPISODES = 16
_RUN_SHARE = 0.5
"""Of the variance of a game's luck: what a run's games share."""
_SPREAD = 0.4
"""Standard deviation of the logarithm of what a run earns in a game."""
_TAIL = 0.8
"""Of the logarithm of an episode's return, within a run: one of 16 is then 4 times the median."""


class Claim(NamedTuple):
    """The changes that are made to the claims.

    Attributes:
        name: of the row.
        training, evaluation: factors of what was earned, but for fresh runs.
        fresh: factor of both for fresh runs.
        best_of: each evaluation episode is the best of so many.
        seed_correlation: of the luck of runs of one seed, over all strata, claimed and played again alike.
    """

    name: str
    training: float = 1.0
    evaluation: float = 1.0
    fresh: float = 1.0
    best_of: int = 1
    seed_correlation: float = 0.0


CLAIMS = (
    Claim("honest"),
    Claim("honest, seeds correlated", seed_correlation=0.2),
    Claim("all runs x 1.2", 1.2, 1.2, 1.2),
    Claim("all runs x 1.5", 1.5, 1.5, 1.5),
    Claim("all runs x 2", 2.0, 2.0, 2.0),
    Claim("transfer, generalists x 1.5", 1.5, 1.5),
    Claim("transfer, generalists x 1.5, fresh / 1.5", 1.5, 1.5, 1 / 1.5),
    Claim("evaluation x 1.5", 1.0, 1.5, 1.0),
    Claim("evaluation, best of 30", best_of=30),
)


def submission(
    protocol: Protocol, units: Sequence[Units], claim: Claim, generator: np.random.Generator
) -> list[Stratum]:
    """One submission's strata, some of its runs played again."""
    seeds = protocol.edition("lite").seeds
    of_seed = generator.standard_normal(seeds)
    return [_stratum(own, _games(protocol, own), seeds, claim, of_seed, generator) for own in units]


def _games(protocol: Protocol, units: Units) -> tuple[int, int]:
    """The number of games that a unit trains in, and of those that it is evaluated in."""
    edition = protocol.edition(units.kinds[0].edition)
    if units.name == "generalist":
        return len(edition.games), len(edition.games)
    return (1, 1) if units.favour < 0 else (len(edition.games) - len(edition.folds[0]) + 1, 1)


def _stratum(
    units: Units,
    games: tuple[int, int],
    seeds: int,
    claim: Claim,
    of_seed: Floats,
    generator: np.random.Generator,
) -> Stratum:
    played = len(units.seeds)
    runs = played + seeds
    shared = of_seed[[*units.seeds, *range(seeds)]]
    share = claim.seed_correlation
    luck = np.sqrt(share) * shared + np.sqrt(1 - share) * generator.standard_normal(runs)
    own = generator.standard_normal((games[0], runs))
    skill = _SPREAD * (np.sqrt(_RUN_SHARE) * luck + np.sqrt(1 - _RUN_SHARE) * own)
    claimed = np.arange(runs) >= played
    factors = (claim.fresh, claim.fresh) if units.favour < 0 else (claim.training, claim.evaluation)
    raised = [np.where(claimed, factor, 1.0) for factor in factors]
    halves = np.exp(skill + 0.2 * generator.standard_normal((2, *skill.shape))) * raised[0]
    tries = _TAIL * generator.standard_normal((claim.best_of, _EPISODES, games[1], runs))
    best = np.where(claimed, tries.max(axis=0), tries[0])
    returns = np.floor(3 * np.exp(skill[-games[1] :] + best) * raised[1])  # few points: many ties
    evaluation = np.concatenate([returns.mean(axis=0), returns.max(axis=0)])
    return Stratum(played, units.favour, halves.reshape(-1, runs), evaluation)


def accused(claim: Claim, count: int, submissions: int, seed: int) -> float:
    """The share of simulated submissions that T1 rejects."""
    protocol = load("v1")
    edition = protocol.edition("lite")
    generator = np.random.Generator(np.random.Philox(key=seed))
    drawn = []
    for draw in range(_DRAWS):
        ids = [parse_run_id(text, protocol) for text in draw_runs(edition, count, draw)]
        drawn.append(units_of(with_ancestors(ids, protocol)))
    rejected = 0
    for place in range(submissions):
        strata = submission(protocol, drawn[place % _DRAWS], claim, generator)
        rejected += rank_test(strata, generator).p_value <= REJECTING_P
    return rejected / submissions


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of the docs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=SUBMISSIONS)
    parser.add_argument("--runs", type=int, nargs="+", default=[4, 8, 13])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    print("| claims | " + " | ".join(f"{count} runs" for count in options.runs) + " |")
    print("|---|" + "---:|" * len(options.runs))
    for claim in CLAIMS:
        shares = [accused(claim, count, options.submissions, options.seed) for count in options.runs]
        print(f"| {claim.name} | " + " | ".join(f"{share:.1%}".replace("%", " %") for share in shares) + " |")


if __name__ == "__main__":
    main()
