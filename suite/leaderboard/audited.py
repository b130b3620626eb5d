"""The verifier's audit of results, whether they are a submission already or not."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

from suite.results.store import SUMS, Store
from suite.submission.description import VERSION, Submission
from suite.submission.packing import image_of, is_submission, pack
from suite.untrusted.files import Unreadable, read_bytes
from suite.verify.digest_rules import MAX_SUMS_BYTES
from suite.verify.findings import Verification
from suite.verify.verification import verify

WHERE_FROM = (
    "Each verdict is that of an audit, which was made when this page was written. It reads every file, checks "
    "every rule that needs no emulator, and recomputes every figure. It replays no episode; the command "
    "amtlb verify FOLDER --replay does.",
    "The digest identifies all files of a learner. It is the SHA-256 of SHA256SUMS, the list of their digests; "
    "its first 12 digits are shown. Results that are not packed yet are audited as amtlb submit packs them, "
    "and have none.",
)
"""The explanation of the verdicts and digests on a page."""


class Audited(NamedTuple):
    """The verdict on a learner's results.

    Attributes:
        passes: whether every rule that was checked holds.
        words: the verdict in short, with the rules that do not hold.
        sums_sha256: the SHA-256 of the list of the digests of all files, in hexadecimal; empty: there is none
            that can be read, or the results are not packed yet.
    """

    passes: bool
    words: str
    sums_sha256: str


def audit_results(store: Store, label: str) -> Audited:
    """Audit a submission, or results as `amtlb submit` would pack them.

    Args:
        store: complete results with their scores.
        label: what they are called.

    Raises:
        StoreError: they have no scores, or hold what cannot be read.
    """
    if is_submission(store.folder):
        return _audited(store.folder)
    with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
        packed = Path(scratch) / "packed"
        image = image_of(store)
        said = Submission(
            schema_version=VERSION,
            name="unnamed",
            authors=("not named",),
            code=f"not named: {label}"[:500],
            contained=image is not None,
            image_sha256=image,
        )
        pack(store, said, packed)
        return _audited(packed)._replace(sums_sha256="")  # the description is made up


def _audited(folder: Path) -> Audited:
    found = verify(folder)
    try:
        digest = hashlib.sha256(read_bytes(folder, SUMS, MAX_SUMS_BYTES)).hexdigest()
    except Unreadable:
        digest = ""
    return Audited(found.exit_status == 0, in_words(found), digest)


def in_words(found: Verification) -> str:
    """A verdict in short: "passes", or the rules that do not hold or could not be checked."""
    failed = [one.rule for one in found.verdicts if one.verdict == "FAIL"]
    unchecked = [one.rule for one in found.verdicts if one.unchecked and one.verdict != "FAIL"]
    said = []
    if failed:
        said.append(f"fails {', '.join(failed)}")
    if unchecked:
        said.append(f"could not check {', '.join(unchecked)}")
    return "; ".join(said) or "passes"
