"""Training is repeatable to the bit: it yields what this type of CPU is known to yield, or twice the same."""

from pathlib import Path

import pytest

from protocol import parse_run_id
from suite.benchmark.edition import play_one
from suite.benchmark.settings import Settings
from suite.machine import cpu_type
from suite.results.store import Store
from tests.golden import GOLDEN
from tests.suite.helpers import V1

RUN = parse_run_id("smoke/fresh/breakout/seed0", V1)
LEARNERS = ("ppo", "multihead_a2c", "dqn")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_run_is_repeatable_to_the_bit(learner, tmp_path):
    """Ledger and checkpoint are those recorded of this type of CPU; on a new one, two processes agree."""
    found = digests(learner, tmp_path / "one")
    known = GOLDEN.get(cpu_type(), {}).get(learner)
    if known is not None:
        assert found == known
        return
    assert found == digests(learner, tmp_path / "other")
    elsewhere = sorted(cpu for cpu, ours in GOLDEN.items() if ours.get(learner) == found)
    pytest.skip(
        f"repeated, but no digests are known for {cpu_type()!r}: add {learner} = {found}; "
        f"the same as on: {', '.join(elsewhere) or 'no known type'}"
    )


def digests(learner: str, folder: Path) -> dict[str, str | None]:
    """The digests of ledger and checkpoint of the run, played in a process of its own."""
    store = Store(folder, V1)
    outcome = play_one(RUN, store, Settings(f"baselines.{learner}:make"))
    assert outcome.status == "complete", outcome.error
    record = store.record(RUN)
    return {"ledger": record.ledger_sha256, "checkpoint": record.checkpoint_out}
