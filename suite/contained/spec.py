"""The options of a box for a learner: where it is put, as whom, and what it may take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, ValidationError

from protocol import Frozen, Sha256, UnknownName

DEFAULT_USER = "nobody"


class BoxLimits(Frozen):
    """The most that a learner may take (docs/contained.md: what happens beyond, how a process differs).

    Attributes:
        memory_bytes: of the box, temporary files included.
        processes: threads and processes.
        cpus: cores' worth of time; of a container only.
        output_bytes: of what one ``save`` may write; in a container also the size of ``/tmp``.
        wall_seconds: of the run, from the start of the box to its end.
        answer_seconds: between two messages of the learner; a gradient step takes milliseconds.
    """

    memory_bytes: Annotated[int, Field(ge=2**20)] = 8 * 2**30
    processes: Annotated[int, Field(ge=1)] = 256
    cpus: Annotated[float, Field(ge=0.01, le=1024)] = 1.0
    output_bytes: Annotated[int, Field(ge=1)] = 2 * 2**30
    wall_seconds: Annotated[float, Field(gt=0, le=10**8)] = 7 * 86_400.0
    answer_seconds: Annotated[float, Field(gt=0, le=10**6)] = 600.0

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the limits."""
        return tuple(cls.model_fields)

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> BoxLimits:
        """The limits that texts such as ``cpus=2`` set; the others keep their defaults.

        Raises:
            UnknownName: a limit does not exist or cannot be.
        """
        try:
            return cls.model_validate_strings(dict(text.partition("=")[::2] for text in texts))
        except ValidationError as error:
            first = error.errors()[0]
            raise UnknownName(f"--limit {first['loc'][0]}={first['input']}: {first['msg']}") from error


class BoxSpec(Frozen):
    """The box that a learner is put into.

    Attributes:
        image_sha256: id of the Docker image that holds it, 64 hexadecimal digits; None: a process of its own on
            this machine, which is weaker.
        user: the user of that process, where this one may choose it; unused for an image, which is never root.
        limits: of the box.
    """

    image_sha256: Sha256 | None
    user: str = DEFAULT_USER
    limits: BoxLimits = BoxLimits()
