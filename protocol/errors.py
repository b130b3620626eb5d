"""The errors that a user may meet, as one tree.

AmtlbError                    everything below; the command line prints it as one line
├── UnknownName               an edition, game, run id, protocol or learner that does not exist
├── ForeignProtocol           a record made under another protocol or by another learner
├── RomError                  a ROM that is missing or is not the one that the protocol pins
├── ConformanceError          an emulator that does not play as the baselines' emulator did
├── StoreError                a results folder that cannot be read, written or trusted
│   ├── RunBusy               a run that another process is playing
│   └── DiskFull              a disk with less room than a run needs
├── ServerError               a database or a scheduler that does not answer, refuses, or lacks what was asked
├── LearnerError              a learner that breaks the contract
├── BoxError                  a box for a learner that is not available: no engine, image or user
├── WorkerDied                a process of a command that ended too early
└── BudgetExhausted           the frames of a run are spent: a learner's training is over
"""

from __future__ import annotations


class AmtlbError(Exception):
    """Base of every error whose text is meant for a user: the thing, the value, the limit, the way out.

    Example:
        >>> import amtlb
        >>> try:
        ...     amtlb.open_results("no such learner")
        ... except amtlb.AmtlbError as error:
        ...     print(type(error).__name__)
        UnknownName
    """


class UnknownName(AmtlbError):
    """An edition, game, run id, protocol or learner that does not exist."""


class ForeignProtocol(AmtlbError):
    """A record that was made under another protocol, or by another learner or configuration."""


class RomError(AmtlbError):
    """A ROM that is missing or is not the one that the protocol pins."""


class ConformanceError(AmtlbError):
    """An emulator that does not play as the baselines' emulator did."""


class StoreError(AmtlbError):
    """A results folder or file that cannot be read, written or trusted."""


class RunBusy(StoreError):
    """A run that another process is playing."""


class DiskFull(StoreError):
    """A disk with less room than a run needs."""


class ServerError(AmtlbError):
    """A database or a dask scheduler that does not answer, refuses, or has not what was asked for."""


class LearnerError(AmtlbError):
    """A learner that breaks the contract."""


class BoxError(AmtlbError):
    """A box for a learner that is not available."""


class WorkerDied(AmtlbError):
    """A process that a command had started ended too early."""


class BudgetExhausted(AmtlbError):
    """The frames of a run are spent. ``LaneEnv.step`` raises it, and a learner need not catch it."""
