"""The options of the box that a learner is put into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from protocol import UnknownName
from suite.contained.spec import DEFAULT_USER, BoxLimits, BoxSpec


@dataclass(frozen=True)
class BoxOptions:
    """The options of the box that a learner is put into."""

    image: Annotated[
        str | None,
        typer.Option(
            "--image", help="Put each run's learner into a container of this Docker image.", show_default=False
        ),
    ] = None
    contained: Annotated[
        str | None,
        typer.Option(
            "--contained",
            help="process: put each run's learner into a process of another user, weaker than --image.",
            show_default=False,
        ),
    ] = None
    box_user: Annotated[
        str | None,
        typer.Option(
            "--box-user", help="The user of --contained process, if root calls.", show_default=DEFAULT_USER
        ),
    ] = None
    limits: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            help=f"NAME=VALUE, a limit of the container or process: {', '.join(BoxLimits.names())}.",
            show_default=False,
        ),
    ] = None

    def spec(self, device: str = "cpu") -> BoxSpec | None:
        """The box that the options ask for; None: they ask for none.

        Raises:
            UnknownName: they do not go together, or a limit does not exist or cannot be.
            BoxError: there is no such image.
        """
        if self.contained not in (None, "process"):
            raise UnknownName(
                f"--contained {self.contained!r} does not exist; choose process, or name an --image"
            )
        if self.image is not None and self.contained is not None:
            raise UnknownName("choose one of --image and --contained process")
        if self.image is None and self.contained is None:
            for option, given in (("--limit", self.limits), ("--box-user", self.box_user)):
                if given:
                    raise UnknownName(f"{option} needs a box; add --image or --contained process")
            return None
        if self.image is not None and self.box_user is not None:
            raise UnknownName("--box-user needs --contained process; an image has a user of its own")
        if device != "cpu":
            raise UnknownName(f"device {device!r} is not handed into boxes; choose cpu, or no box")
        limits = BoxLimits.of_texts(self.limits or [])
        if self.image is None:
            return BoxSpec(image_sha256=None, user=self.box_user or DEFAULT_USER, limits=limits)
        from suite.contained.containers import image_id

        return BoxSpec(image_sha256=image_id(self.image), limits=limits)
