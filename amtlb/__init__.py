"""The public names of AMTLB, each loaded from its room when it is first used.

Writing a learner: ``Learner``, ``LaneEnv``, ``BudgetExhausted``, ``check_learner``, ``practice_lanes``,
``trivial_lanes``. Reading: ``open_results``, ``read_ledger``, ``published_baselines``. Judging: ``score``,
``compare``, ``verify``, ``write_report``. The other names are the models that these return, the errors that
they raise, and the rules that are played. docs/api.md explains each in a sentence or two.

``import amtlb`` alone imports nothing of the project: a learner in its box needs no emulator, and a reader of
results no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see; _HOMES is the same for the interpreter
    from protocol import (
        AmtlbError,
        BudgetExhausted,
        ConformanceError,
        Edition,
        ForeignProtocol,
        LearnerError,
        Protocol,
        RomError,
        RunId,
        RunRecord,
        StoreError,
        UnknownName,
        current_protocol,
    )
    from suite.contained.spec import BoxLimits, BoxSpec
    from suite.lanes.environment import LaneEnv
    from suite.learners.check import check_learner
    from suite.learners.contract import Learner
    from suite.learners.practice import practice_lanes, trivial_lanes
    from suite.report.page import write_report
    from suite.results.ledger import read_ledger
    from suite.results.published import published_baselines
    from suite.results.results import Results, open_results
    from suite.scoring.comparison import Comparison, compare
    from suite.scoring.estimates import Figure
    from suite.scoring.score import score
    from suite.scoring.scores import Scores
    from suite.verify.findings import Verification
    from suite.verify.verification import Levels, verify

    __version__: str

__all__ = [
    "AmtlbError",
    "BoxLimits",
    "BoxSpec",
    "BudgetExhausted",
    "Comparison",
    "ConformanceError",
    "Edition",
    "Figure",
    "ForeignProtocol",
    "LaneEnv",
    "Learner",
    "LearnerError",
    "Levels",
    "Protocol",
    "Results",
    "RomError",
    "RunId",
    "RunRecord",
    "Scores",
    "StoreError",
    "UnknownName",
    "Verification",
    "__version__",
    "check_learner",
    "compare",
    "current_protocol",
    "open_results",
    "practice_lanes",
    "published_baselines",
    "read_ledger",
    "score",
    "trivial_lanes",
    "verify",
    "write_report",
]

_HOMES = {
    "BoxLimits": "suite.contained.spec",
    "BoxSpec": "suite.contained.spec",
    "LaneEnv": "suite.lanes.environment",
    "check_learner": "suite.learners.check",
    "Learner": "suite.learners.contract",
    "practice_lanes": "suite.learners.practice",
    "trivial_lanes": "suite.learners.practice",
    "write_report": "suite.report.page",
    "read_ledger": "suite.results.ledger",
    "published_baselines": "suite.results.published",
    "Results": "suite.results.results",
    "open_results": "suite.results.results",
    "Comparison": "suite.scoring.comparison",
    "compare": "suite.scoring.comparison",
    "Figure": "suite.scoring.estimates",
    "score": "suite.scoring.score",
    "Scores": "suite.scoring.scores",
    "Verification": "suite.verify.findings",
    "Levels": "suite.verify.verification",
    "verify": "suite.verify.verification",
}
"""The module that defines each public name which is not of ``protocol``."""

if not TYPE_CHECKING:  # otherwise a type checker would take any name to exist

    def __getattr__(name: str) -> Any:
        """Load a public name; the next look finds it without this function."""
        if name not in __all__:
            raise AttributeError(f"module 'amtlb' has no attribute {name!r}")
        if name == "__version__":
            from importlib.metadata import version

            value = version("amtlb")
        else:
            value = getattr(import_module(_HOMES.get(name, "protocol")), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
