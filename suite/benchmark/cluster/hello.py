"""A machine's account of itself before it plays, compared with this one's: software, learner, room.

As a script, ``python -m suite.benchmark.cluster.hello LEARNER LANES`` makes a learner and prints the digest of
its configuration.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from protocol import AmtlbError, Frozen
from suite.benchmark.process import answer_of
from suite.digests import short_digest
from suite.learners.hyperparameters import VARIABLE
from suite.learners.sources import suite_digest
from suite.machine import code_commit, library_versions


class Facts(Frozen):
    """The facts that must be the same on every machine that plays runs of one folder.

    Attributes:
        code_commit: as in a record; None: not known.
        code_sha256: over all files of Python and TOML of this project's packages, committed or not.
        versions: of Python and the libraries, by name.
        configuration_digest: of the learner; None: it is in a box, or none was named.
    """

    code_commit: str | None
    code_sha256: str
    versions: dict[str, str]
    configuration_digest: str | None


class Hello(Frozen):
    """A dask worker's account of itself.

    Attributes:
        name: of the worker: its host and its address.
        threads: runs that it plays side by side.
        cores: that it may use.
        free_bytes: on the disk that it plays on.
        facts: what must be as here; None: its learner cannot be made.
        problem: why not; empty: it can.
        complete: paths of the runs that lie there, complete, and have not been fetched.
        begun: paths of the runs that were broken off there.
    """

    name: str
    threads: int
    cores: int
    free_bytes: int
    facts: Facts | None
    problem: str = ""
    complete: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()


def facts_here(
    learner: str | None, lanes: int, hyperparameters: str, minutes: float, cwd: str | None = None
) -> Facts:
    """The facts of this machine.

    Args:
        learner: to be made in a process of its own; None: none is.
        lanes: that it is made for.
        hyperparameters: given to it, as JSON; empty: none.
        minutes: that importing and making it may take.
        cwd: a folder from which it may be imported; None: the working folder.

    Raises:
        LearnerError: it cannot be imported or made here.
    """
    digest = None
    if learner is not None:
        digest = _configuration_digest(learner, lanes, hyperparameters, minutes, cwd)
    return Facts(
        code_commit=code_commit(),
        code_sha256=suite_digest(),
        versions=library_versions(),
        configuration_digest=digest,
    )


def _configuration_digest(
    learner: str, lanes: int, hyperparameters: str, minutes: float, cwd: str | None
) -> str:
    said = answer_of(
        "suite.benchmark.cluster.hello",
        learner,
        str(lanes),
        doing="making it",
        minutes=minutes,
        cwd=cwd,
        **{VARIABLE: hyperparameters},
    )
    return said.strip()


def differences(here: Facts, there: Facts) -> Iterator[str]:
    """The differences of another machine from this one, in words."""
    if there.code_commit != here.code_commit:
        found, wanted = short_digest(there.code_commit), short_digest(here.code_commit)
        yield f"it has commit {found} of the code, not {wanted}"
    elif there.code_sha256 != here.code_sha256:
        yield f"its code at commit {short_digest(there.code_commit)} is changed, or ours is"
    for name in sorted(here.versions.keys() | there.versions.keys()):
        wanted, found = (facts.versions.get(name, "none") for facts in (here, there))
        if wanted != found:
            yield f"it has {name} {found}, not {wanted}"
    if there.configuration_digest != here.configuration_digest:
        found, wanted = short_digest(there.configuration_digest), short_digest(here.configuration_digest)
        yield f"its learner has configuration {found}, not {wanted}"


def main(arguments: Sequence[str]) -> int:
    """Print the digest of a learner's configuration; if that fails, the last line of its errors says why."""
    from suite.learners.answering import answer_stream, say_error
    from suite.learners.contract import checked_configuration, find_learner

    with answer_stream() as answer:
        try:
            learner = find_learner(arguments[0])(0, int(arguments[1]))
            _, digest = checked_configuration(learner)
        except AmtlbError as error:
            return say_error(error)
        except Exception as error:
            return say_error(f"learner {arguments[0]!r}: making it failed with {type(error).__name__}: {error}")
        print(digest, file=answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
