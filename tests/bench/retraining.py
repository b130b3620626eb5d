"""The share of simulated submissions that rule T1 rejects; ``python -m tests.bench.retraining``.

Runs of the shape of ``lite``: 13 strata, 4 claimed seeds. A run has a luck of its own, which its games, its
training and its evaluation share; its 16 evaluation returns have heavy tails. Some of the runs are played
again, drawn as ``--retrain NUMBER`` draws them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from protocol import Edition, Protocol, load, parse_run_id
from suite.scoring.arrays import Floats
from suite.scoring.retraining import KINDS, REJECTING_P, Stratum, rank_test
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
    """The changes that are made to the claims; factors are of what was earned.

    Attributes:
        name: of the row.
        reward: by kind of run, of the reward in training.
        evaluation: by kind of run, of each evaluation return.
        pretraining: of the reward of pre-training.
        best_of: each evaluation episode is the best of so many.
        is_flat: whether each evaluation episode earns nine tenths of the best one, and none more.
        seed_correlation: of the luck of runs of one seed, over all strata, claimed and played again alike.
    """

    name: str
    reward: Mapping[str, float] = MappingProxyType({})
    evaluation: Mapping[str, float] = MappingProxyType({})
    pretraining: float = 1.0
    best_of: int = 1
    is_flat: bool = False
    seed_correlation: float = 0.0


def _every(factor: float) -> dict[str, float]:
    return dict.fromkeys(KINDS, factor)


_TRANSFER = {"fold": 1.5, "generalist": 1.5}
CLAIMS = (
    Claim("honest"),
    Claim("honest, seeds correlated", seed_correlation=0.2),
    Claim("all runs x 1.2", _every(1.2), _every(1.2), 1.2),
    Claim("all runs x 1.5", _every(1.5), _every(1.5), 1.5),
    Claim("all runs x 2", _every(2.0), _every(2.0), 2.0),
    Claim("transfer, generalists x 1.5", _TRANSFER, _TRANSFER),
    Claim(
        "transfer, generalists x 1.5, fresh / 1.5",
        _TRANSFER | {"fresh": 1 / 1.5},
        _TRANSFER | {"fresh": 1 / 1.5},
    ),
    Claim("transfer x 5", {"fold": 5.0}),
    Claim("transfer x 5, pre-training x 0.8", {"fold": 5.0}, pretraining=0.8),
    Claim("fresh / 2", {"fresh": 0.5}),
    Claim("evaluation x 1.5", evaluation=_every(1.5)),
    Claim("evaluation, best of 30", best_of=30),
    Claim("evaluation, all at 0.9 of the best", is_flat=True),
)


def submission(
    protocol: Protocol, units: Sequence[Units], claim: Claim, generator: np.random.Generator
) -> list[Stratum]:
    """One submission's strata, some of its runs played again."""
    edition = protocol.edition("lite")
    of_seed = generator.standard_normal(edition.seeds)
    return [_stratum(own, edition, claim, of_seed, generator) for own in units]


def _stratum(
    units: Units, edition: Edition, claim: Claim, of_seed: Floats, generator: np.random.Generator
) -> Stratum:
    played, games = len(units.seeds), len(edition.games) if units.kind == "generalist" else 1
    runs = played + edition.seeds
    shared = of_seed[[*units.seeds, *range(edition.seeds)]]
    share = claim.seed_correlation
    luck = np.sqrt(share) * shared + np.sqrt(1 - share) * generator.standard_normal(runs)
    claimed = np.arange(runs) >= played

    def raised(factor: float) -> Floats:
        return np.where(claimed, factor, 1.0)

    def skill(count: int) -> Floats:
        own = generator.standard_normal((count, runs))
        found: Floats = _SPREAD * (np.sqrt(_RUN_SHARE) * luck + np.sqrt(1 - _RUN_SHARE) * own)
        return found

    able = skill(games)
    figures = {
        "reward": np.exp(able + 0.2 * generator.standard_normal(able.shape))
        * raised(claim.reward.get(units.kind, 1))
    }
    tries = _TAIL * generator.standard_normal((claim.best_of, _EPISODES, games, runs))
    best = np.where(claimed, tries.max(axis=0), tries[0])
    returns = np.floor(
        3 * np.exp(able + best) * raised(claim.evaluation.get(units.kind, 1))
    )  # few points: many ties
    if claim.is_flat:
        returns = np.where(claimed, np.floor(0.9 * returns.max(axis=0)), returns)
    figures |= {"mean": returns.mean(axis=0), "best": returns.max(axis=0)}
    if units.kind == "fold":
        figures["pretraining"] = np.exp(skill(len(edition.games) - len(edition.folds[0]))) * raised(
            claim.pretraining
        )
    return Stratum(played, units.kind, figures)


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
    parser.add_argument("--runs", type=int, nargs="+", default=[5, 13, 26])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    print("| claims | " + " | ".join(f"{count} runs" for count in options.runs) + " |")
    print("|---|" + "---:|" * len(options.runs))
    for claim in CLAIMS:
        shares = [accused(claim, count, options.submissions, options.seed) for count in options.runs]
        print(f"| {claim.name} | " + " | ".join(f"{share:.1%}".replace("%", " %") for share in shares) + " |")


if __name__ == "__main__":
    main()
