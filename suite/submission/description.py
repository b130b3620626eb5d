"""A submission: a results folder packed with what is said about it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from protocol import Frozen, Sha256, StoreError
from suite.results.store import SUBMISSION
from suite.untrusted.files import Unreadable, parse_toml, read_bytes
from suite.untrusted.processes import Failure, Limits, within_bounds
from suite.untrusted.text import first_complaint, printable

MAX_SUBMISSION_BYTES = 2**18
_LIMITS = Limits(memory_bytes=2**28, seconds=30)
Text = Annotated[str, Field(min_length=1, max_length=500)]
Division = Literal["standard", "open"]
"""Standard: all that the learner knows comes from its runs. Open: it brings weights or data from elsewhere."""
DIVISIONS: tuple[Division, ...] = get_args(Division)
Version = Literal[1]
(VERSION,) = get_args(Version)


class Submission(Frozen):
    """A lab's account of its runs.

    Attributes:
        schema_version: names this layout; fields that a later release adds have defaults.
        name: what the learner is to be called in tables.
        authors: who made it.
        code: where its code is: a URL with a commit, a DOI, or the like.
        division: standard or open; the two are never ranked with each other (rule I1).
        brings: in the division open, which weights or data come from elsewhere, and from where.
        contained: whether the learner was in a container of the image, and the lanes outside of it.
        image_sha256: id of the image that it was played in; None: in none.
        deterministic: whether the learner, trained again, is said to yield the same ledgers to the bit.
    """

    schema_version: Version
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}$")]
    authors: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]
    code: Text
    division: Division = "standard"
    brings: Text | None = None
    contained: bool = False
    image_sha256: Sha256 | None = None
    deterministic: bool = False

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.division == "open" and self.brings is None:
            raise ValueError(
                "division open needs brings: which weights or data come from elsewhere, and from where"
            )
        if self.division != "open" and self.brings is not None:
            raise ValueError(f"brings belongs to division open, not to {self.division}")
        if self.contained and self.image_sha256 is None:
            raise ValueError("a contained learner needs the image's id")
        return self


def submission_toml(submission: Submission) -> str:
    """The text of ``submission.toml``: a line for every field that is not None."""
    fields = submission.model_dump(mode="json", exclude_none=True)
    return "".join(f"{name} = {_toml(value)}\n" for name, value in fields.items())


def _toml(value: Any) -> str:
    """A value as TOML 1.0 writes it: as JSON, but no escaped pairs of surrogates, and DEL only escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse_submission(data: bytes) -> Submission:
    """Read ``submission.toml``; raises StoreError where it is not as it should be, or of another version."""
    try:
        found = parse_toml(data)
    except Unreadable as error:
        raise StoreError(f"{SUBMISSION} {error}") from error
    version = found.get("schema_version")
    if type(version) is not int or version != VERSION:
        said = "no schema_version" if version is None else f"schema_version {printable(str(version)[:20])!r}"
        raise StoreError(
            f"{SUBMISSION} has {said}, this release reads {VERSION}; read it with the release that wrote it"
        )
    if isinstance(authors := found.get("authors"), list):
        found["authors"] = tuple(authors)  # TOML knows no tuples
    try:
        return Submission.model_validate(found)
    except ValidationError as error:
        raise StoreError(f"{SUBMISSION} is not as it should be ({first_complaint(error)})") from error


def read_submission(folder: Path) -> Submission:
    """The description in a submission that nobody vouches for.

    Raises:
        Unreadable: there is none, or it cannot be opened, or it is too large.
        StoreError: it is not as it should be.
    """
    found = within_bounds(_read_submission, folder, _LIMITS)
    if isinstance(found, Failure):
        raise StoreError(f"{SUBMISSION} is not as it should be ({found.reason})")
    assert isinstance(found, Submission)
    return found


def _read_submission(folder: Path) -> Submission:
    return parse_submission(read_bytes(folder, SUBMISSION, MAX_SUBMISSION_BYTES))


def division_of(folder: Path) -> Division:
    """The division of a results folder; standard where nothing is said of it; raises StoreError."""
    if not os.path.lexists(folder / SUBMISSION):
        return "standard"
    try:
        return read_submission(folder).division
    except (Unreadable, StoreError) as error:
        said = f"its {SUBMISSION} {error}" if isinstance(error, Unreadable) else error
        raise StoreError(f"the division of {folder} is unknown: {said}") from error
