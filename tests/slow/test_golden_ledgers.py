"""Training is repeatable to the bit: on this machine always, and where it is known on other CPU types."""

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


@pytest.fixture(scope="module", params=LEARNERS)
def twice(request, tmp_path_factory) -> tuple[str, list[dict[str, str]]]:
    """A learner, and the digests of its run from each of two processes."""
    learner, digests = request.param, []
    for _ in range(2):
        store = Store(tmp_path_factory.mktemp(learner), V1)
        outcome = play_one(RUN, store, V1, Settings(f"baselines.{learner}:make", "cpu", 1, 0, None, None))
        assert outcome.status == "complete", outcome.error
        record = store.record(RUN)
        digests.append({"ledger": record.ledger_sha256, "checkpoint": record.checkpoint_out})
    return learner, digests


def test_a_run_is_repeatable_to_the_bit(twice):
    """Two processes yield one ledger and one checkpoint."""
    _, (one, other) = twice
    assert one == other


def test_the_digests_are_those_of_this_cpu_type(twice):
    """Ledger and checkpoint are those that were recorded on this CPU type; on a new one, they are told."""
    learner, (found, _) = twice
    known = GOLDEN.get(cpu_type(), {}).get(learner)
    if known is None:
        elsewhere = sorted(cpu for cpu, digests in GOLDEN.items() if digests.get(learner) == found)
        pytest.skip(
            f"no digests are known for {cpu_type()!r}: add {learner} = {found}; "
            f"the same as on: {', '.join(elsewhere) or 'no known type'}"
        )
    assert found == known
