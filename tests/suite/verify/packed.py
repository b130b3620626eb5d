"""A valid submission that nobody played: invented results of ``smoke``, packed."""

from pathlib import Path
from typing import Any

from suite.results.editions import edition_of
from suite.results.store import Store
from suite.scoring.score import score_folder
from suite.submission.description import Submission
from suite.submission.packing import pack
from suite.verify.findings import Verification
from suite.verify.verification import verify
from tests.bench.synthetic import write_results
from tests.suite.helpers import V1

SAID: dict[str, Any] = {"schema_version": 1, "name": "invented", "authors": ("A. Author",), "code": "none"}


def invented(folder: Path) -> Store:
    """Results of ``smoke``, written into a new folder."""
    return write_results(folder, V1, V1.edition("smoke"), 400, seed=0)


def packed(store: Store, out: Path, **said: Any) -> Path:
    """A submission of these results, with other words on it; returns its folder."""
    score_folder(store, edition_of(store.folder, V1))
    pack(store, Submission.model_validate(SAID | said), out)
    return out


def audited(folder: Path) -> Verification:
    """The result of a submission's audit."""
    return verify(folder, workers=2)
