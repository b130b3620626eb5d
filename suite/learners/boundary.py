"""The boundary between the harness and a learner: how a learner may leave a call, and in which process."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from protocol import LearnerError


@contextmanager
def learners_own(what: str) -> Iterator[None]:
    """Surround a call into the learner.

    Only the process that entered it comes back: one that the learner forked ends here, since what follows,
    such as a record and the removal of folders, is not its business.

    Args:
        what: the learner does, for errors.

    Raises:
        LearnerError: the learner left the call with ``sys.exit``.
    """
    process = os.getpid()
    status = 0
    try:
        yield
    except BaseException as error:
        if os.getpid() != process:
            traceback.print_exc()
            status = 1
        elif isinstance(error, SystemExit):
            raise LearnerError(
                f"the learner left {what} by sys.exit({error.code!r}), which ends its process too "
                "early; return instead"
            ) from error
        else:
            raise
    finally:
        if os.getpid() != process:
            sys.stdout.flush()
            os._exit(status)
