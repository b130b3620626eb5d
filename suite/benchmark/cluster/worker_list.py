"""The workers of a dask scheduler: each says hello before it plays; who differs is left out, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from protocol import ServerError
from suite.benchmark.cluster.hello import Facts, Hello, differences
from suite.benchmark.cluster.worker import Greeting, admit, clear, forget, hello, leave_out
from suite.benchmark.scheduler import SchedulerLost, asking
from suite.untrusted.text import bytes_text


class WorkerList:
    """The workers that may play, and those that may not.

    Args:
        client: of dask.
        address: of its scheduler, for errors.
        greeting: what each worker is asked.
        here: what must be the same there.
        needed_bytes: of room on a worker's disk.
        tell: takes what a user should know, in one line.

    Attributes:
        greeting: can be exchanged.
        hellos: of all workers that have answered, by address.
        out: why a worker is left out, by address.
    """

    def __init__(
        self,
        client: Any,
        address: str,
        greeting: Greeting,
        here: Facts,
        needed_bytes: int,
        tell: Callable[[str], None],
    ) -> None:
        self.greeting = greeting
        self.hellos: dict[str, Hello] = {}
        self.out: dict[str, str] = {}
        self._client, self._address, self._here = client, address, here
        self._needed_bytes, self._tell = needed_bytes, tell
        self._waits = False

    @property
    def resource(self) -> str:
        """The resource, in dask's terms, that a worker has if it may play, and that each run needs."""
        return f"amtlb-{self.greeting.batch}"

    @property
    def admitted(self) -> list[str]:
        """The addresses of the workers that may play."""
        return [address for address in self.hellos if address not in self.out]

    def look(self) -> None:
        """Greet new workers and forget those that have gone; say, once, that nobody is there to play.

        Raises:
            SchedulerLost: the scheduler has gone.
        """
        with asking(self._client):
            present = list(self._client.scheduler_info(n_workers=-1)["workers"])
        for address in [address for address in (*self.hellos, *self.out) if address not in present]:
            self.hellos.pop(address, None)
            self.out.pop(address, None)
        if new := [address for address in present if address not in self.hellos and address not in self.out]:
            self._greet(new)
        if self._waits != (not self.admitted):
            self._waits = not self._waits
            if self._waits:
                self._tell(
                    f"the dask scheduler at {self._address} has no worker that may play; waiting for one"
                )

    def check(self) -> None:
        """Raise ServerError where there are workers and none may play."""
        if self.out and not self.admitted:
            raise ServerError(
                f"no worker of the dask scheduler at {self._address} may play: {'; '.join(self.out.values())}"
            )

    def leave_out(self, address: str, reason: str) -> None:
        """Give no more runs to a worker."""
        if address in self.out or address not in self.hellos:
            return
        self.out[address] = f"{self.hellos[address].name}: {reason}"
        self._tell(f"a worker is left out, {self.out[address]}")
        with asking(self._client):
            batch = self.greeting.batch
            self._client.run(leave_out, self.resource, batch, workers=[address], on_error="ignore")

    def take_back(self, address: str) -> None:
        """Give runs to a worker again that was left out for what was not its fault."""
        if self.out.pop(address, None) is not None and address in self.hellos:
            self._tell(f"the worker {self.hellos[address].name} plays again: that run fails on others, too")
            self._greet([address])

    def clear(self) -> None:
        """Remove all that the workers keep for this batch."""
        with suppress(SchedulerLost), asking(self._client):
            self._client.run(clear, self.greeting._replace(files={}), on_error="ignore")

    def forget(self, stored: Sequence[str]) -> None:
        """Tell the workers, those that come later included, the paths of runs that they need not keep."""
        self.greeting = self.greeting._replace(stored=tuple(stored))
        with asking(self._client):
            bare = self.greeting._replace(files={})
            self._client.run(forget, bare, workers=self.admitted, on_error="ignore")

    def where(self, path: str) -> list[str]:
        """The workers that have a run already, complete or begun."""
        found = self.admitted
        return [
            address
            for address in found
            if path in self.hellos[address].complete or path in self.hellos[address].begun
        ]

    def _greet(self, addresses: list[str]) -> None:
        with asking(self._client):
            answers = self._client.run(hello, self.greeting, workers=addresses, on_error="return")
        for address, answer in answers.items():
            if isinstance(answer, OSError):
                continue  # it has gone, or will be asked again
            if isinstance(answer, Hello):
                self.hellos[address] = answer
                reason = self._against(answer)
                name = answer.name
            else:
                reason, name = f"it lacks this code ({type(answer).__name__}: {answer})", address
            if reason:
                self.out[address] = f"{name}: {reason}"
                self._tell(f"a worker is left out, {self.out[address]}")
        if welcome := [address for address in answers if address in self.admitted]:
            with asking(self._client), suppress(KeyError):
                self._client.run(admit, self.resource, workers=welcome, on_error="ignore")

    def _against(self, said: Hello) -> str:
        """Why a worker may not play; empty: it may."""
        if said.facts is None:
            return said.problem
        reasons = list(differences(self._here, said.facts))
        if said.free_bytes < self._needed_bytes:
            left, needed = bytes_text(said.free_bytes), bytes_text(self._needed_bytes)
            reasons.append(f"its disk has {left} left, and a run needs {needed}")
        return ", ".join(reasons)
