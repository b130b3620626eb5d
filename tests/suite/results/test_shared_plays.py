"""Episodes of two runs are alike where their players chose alike, and not where both chose one action."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.results.shared_plays import Alike, shared_plays


def ledger(*episodes, phase="training"):
    """A ledger of one lane, with these actions."""
    count = len(episodes)
    return pa.table(
        {
            "phase": [phase] * count,
            "lane": [0] * count,
            "number": list(range(count)),
            "actions": pa.array([bytes(one) for one in episodes], pa.binary()),
        }
    )


def drawn(seed, steps=200):
    return np.random.Generator(np.random.Philox(key=seed)).integers(0, 18, steps).astype(np.uint8)


@pytest.mark.parametrize(
    ("own", "theirs", "training"),
    [
        ([drawn(1)], [drawn(1)], Alike(1, 1)),
        ([drawn(1)], [drawn(2)], Alike(0, 1)),
        ([drawn(1), drawn(2)], [drawn(2), drawn(1)], Alike(0, 2)),  # each episode has a place
        ([[*drawn(1)[:150], *drawn(3)]], [drawn(1)], Alike(0, 1)),  # half of it is another one
        ([[*drawn(1)[:100], *drawn(3)[:90]]], [drawn(1)], Alike(1, 1)),
        ([drawn(1)], [drawn(1)[:50]], Alike(0, 1)),  # theirs ends early
        ([[3] * 100], [[3] * 100], Alike(0, 0)),  # one action is nobody's
        ([[3] * 100], [drawn(1)], Alike(0, 1)),
        ([[3] * 97 + [4] * 3], [[3] * 100], Alike(0, 0)),
        ([[], [1]], [[1], []], Alike(0, 0)),
        ([], [drawn(1)], Alike(0, 0)),
    ],
)
def test_episodes_are_compared_by_their_first_half(own, theirs, training):
    """The first half of an episode says who played it, where enough of its actions vary."""
    assert shared_plays(ledger(*own), ledger(*theirs)).training == training


@pytest.mark.parametrize(("alike", "compared", "is_most"), [(0, 0, False), (1, 3, False), (1, 2, True)])
def test_half_is_most(alike, compared, is_most):
    """At least half of the episodes that were compared must agree; of none, none do."""
    assert Alike(alike, compared).is_most is is_most


def test_phases_are_counted_apart():
    """Episodes of the evaluation are compared with those of the evaluation."""
    found = shared_plays(ledger(drawn(1), phase="evaluation"), ledger(drawn(1), phase="evaluation"))
    assert found == (Alike(0, 0), Alike(1, 1))
    assert shared_plays(ledger(drawn(1)), ledger(drawn(1), phase="evaluation")) == (Alike(0, 1), Alike(0, 0))


@given(st.integers(0, 99), st.lists(st.integers(0, 99), max_size=8, unique=True))
def test_a_few_other_actions_change_nothing(seed, places):
    """An episode in which fewer than a tenth of the counted steps differ is still the same one."""
    changed = drawn(seed).copy()
    changed[places] = (changed[places] + 1) % 18
    assert shared_plays(ledger(changed), ledger(drawn(seed))).training == Alike(1, 1)
