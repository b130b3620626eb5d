"""Training is repeatable to the bit: on this machine always, and where it is known on other CPU types."""

import tomllib
from pathlib import Path

import pytest

from protocol import parse_run_id
from suite.benchmark import Settings, play_one
from suite.machine import cpu_type
from suite.store import Store
from tests.suite.helpers import V1

GOLDEN = tomllib.loads((Path(__file__).parent / "golden_ledgers.toml").read_text(encoding="utf-8"))
RUN = parse_run_id("smoke/fresh/breakout/seed0", V1)
LEARNERS = ("ppo", "multihead_a2c", "dqn")
pytestmark = pytest.mark.slow


def played(learner: str, folder: Path) -> dict[str, str]:
    """The digests of the run, played by a new process."""
    store = Store(folder, V1)
    outcome = play_one(RUN, store, V1, Settings(f"baselines.{learner}:make", "cpu", 1, 0, None))
    assert outcome.status == "complete", outcome.error
    record = store.record(RUN)
    return {"ledger": record.ledger_sha256, "checkpoint": record.checkpoint_out}


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_run_is_repeatable_to_the_bit(learner, tmp_path):
    """Two processes yield one ledger and one checkpoint: those that are known for this CPU type, if any are."""
    found = played(learner, tmp_path / "one")
    assert played(learner, tmp_path / "two") == found
    known = GOLDEN.get(cpu_type(), {}).get(learner)
    if known is None:
        elsewhere = sorted(cpu for cpu, digests in GOLDEN.items() if digests.get(learner) == found)
        pytest.skip(
            f"no digests are known for {cpu_type()!r}: add {learner} = {found}; "
            f"the same as on: {', '.join(elsewhere) or 'no known type'}"
        )
    assert found == known
