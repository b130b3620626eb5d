"""A submission: a results folder packed with what is said about it."""

from __future__ import annotations

import json
import tomllib
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from protocol import Frozen, Sha256, StoreError
from suite.store import SUBMISSION

Text = Annotated[str, Field(min_length=1, max_length=500)]
Division = Literal["open", "contained"]


class Submission(Frozen):
    """What a lab says of its runs.

    Attributes:
        name: what the learner is to be called in tables.
        authors: who made it.
        code: where its code is: a URL with a commit, a DOI, or the like.
        division: open: played by the learner's own process; contained: in the image, held by the harness.
        image_sha256: id of the image that it was played in; None: in none.
        deterministic: whether the learner, trained again, is said to yield the same ledgers to the bit.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}$")]
    authors: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]
    code: Text
    division: Division = "open"
    image_sha256: Sha256 | None = None
    deterministic: bool = False

    @model_validator(mode="after")
    def _contained_in_an_image(self) -> Self:
        if self.division == "contained" and self.image_sha256 is None:
            raise ValueError("the division contained needs the image's id")
        return self


def submission_toml(submission: Submission) -> str:
    """The text of ``submission.toml``."""
    lines = [f"name = {json.dumps(submission.name)}"]
    lines.append("authors = [" + ", ".join(json.dumps(author) for author in submission.authors) + "]")
    lines += [f"code = {json.dumps(submission.code)}", f"division = {json.dumps(submission.division)}"]
    lines.append(f"deterministic = {json.dumps(submission.deterministic)}")
    if submission.image_sha256 is not None:
        lines.append(f"image_sha256 = {json.dumps(submission.image_sha256)}")
    return "\n".join(lines) + "\n"


def parse_submission(data: bytes) -> Submission:
    """Read ``submission.toml``; raises StoreError where it is not as it should be."""
    try:
        found = tomllib.loads(data.decode("utf-8"))
        return Submission.model_validate({**found, "authors": tuple(found.get("authors", ()))})
    except (ValidationError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise StoreError(f"{SUBMISSION} is not as it should be ({reason})") from error
