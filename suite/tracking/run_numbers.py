"""The numbers of runs in a database, on which Sacred and Omniboard rely: each is one more than the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol import ServerError

if TYPE_CHECKING:
    from pymongo.collection import Collection

_ATTEMPTS = 10_000


def insert_numbered(runs: Collection[dict[str, Any]], document: dict[str, Any], after: int = 0) -> int:
    """Insert a run under the next free number and return it; simultaneous inserts get different numbers.

    Args:
        runs: the collection.
        document: of the run; its number is stored as ``_id``.
        after: a number that is known to be taken.

    Raises:
        DuplicateKeyError: a unique field other than the number is taken.
        ServerError: no free number was found.
    """
    from pymongo.errors import DuplicateKeyError

    last = next(iter(runs.find({}, {"_id": 1}).sort("_id", -1).limit(1)), {"_id": 0})["_id"]
    first = max(after, last if isinstance(last, int) else 0) + 1
    for number in range(first, first + _ATTEMPTS):
        try:
            runs.insert_one(document | {"_id": number})
        except DuplicateKeyError:
            if runs.find_one({"_id": number}, {"_id": 1}) is None:
                raise
        else:
            document["_id"] = number
            return number
    raise ServerError(f"the database has no free number for a run among {first} and the next {_ATTEMPTS:,}")
