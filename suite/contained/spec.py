"""How a learner is boxed in: data that crosses processes, and the limits of a box."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from protocol import Frozen, Sha256


class BoxLimits(Frozen):
    """What a learner may take; whatever goes beyond ends its run.

    Attributes:
        memory_bytes: of the box, temporary files included.
        processes: threads and processes.
        cpus: cores' worth of time.
        output_bytes: of what one ``save`` may write.
        wall_seconds: of the run, from the start of the box to its end.
        answer_seconds: between two messages of the learner; a gradient step takes milliseconds.
    """

    memory_bytes: Annotated[int, Field(ge=2**20)] = 8 * 2**30
    processes: Annotated[int, Field(ge=1)] = 256
    cpus: Annotated[float, Field(ge=0.01, le=1024)] = 1.0
    output_bytes: Annotated[int, Field(ge=1)] = 2 * 2**30
    wall_seconds: Annotated[float, Field(gt=0, le=10**8)] = 7 * 86_400.0
    answer_seconds: Annotated[float, Field(gt=0, le=10**6)] = 600.0


class BoxSpec(Frozen):
    """Where a learner is put.

    Attributes:
        image_sha256: id of the Docker image that holds it, 64 hexadecimal digits; None: a process of its own on
            this machine, which is weaker.
        user: whom that process runs as, where this one may choose; unused for an image, which is never root.
        limits: of the box.
    """

    image_sha256: Sha256 | None
    user: str = "nobody"
    limits: BoxLimits = BoxLimits()
