"""The MongoDB server that stores runs: its URL, which is secret, and the connection."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from protocol import ServerError, UnknownName

if TYPE_CHECKING:
    from pymongo.database import Database

VARIABLE = "AMTLB_MONGO_URL"
DEFAULT_DATABASE = "sacred"
CONNECT_MS, ANSWER_MS = 3_000, 10_000
"""The time that a server may take to be found, and to answer: an unreachable one must not block anything."""
_REASON_CHARACTERS = 160


class MongoUrl:
    """A URL of MongoDB; whenever it is printed, only user, hosts and database are shown.

    Args:
        text: such as ``mongodb://user:password@host:27017/sacred?authSource=admin``; the database is ``sacred``
            if the URL names none.
        source: where it comes from, for errors.

    Raises:
        UnknownName: it is not a URL of MongoDB; the text is not repeated, since any part of it may be secret.
    """

    def __init__(self, text: str, source: str) -> None:
        import warnings

        from pymongo.uri_parser import parse_uri

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                parsed = parse_uri(text)
        except Exception:
            # The parser's message repeats parts of the text, and so does its traceback.
            raise UnknownName(
                f"{source} is not a URL of MongoDB, such as mongodb://user:password@host:27017/sacred, with "
                "%-escapes for special characters in user and password (for mongodb+srv, the host must exist)"
            ) from None
        self._text = text
        hosts = ",".join(f"{host}:{port}" for host, port in parsed["nodelist"])
        self.database_name: str = parsed["database"] or DEFAULT_DATABASE
        user = f"{parsed['username']}@" if parsed["username"] else ""
        self.redacted = f"{user}{hosts}/{self.database_name}"
        options = [str(value) for value in parsed["options"].values() if isinstance(value, str)]
        said = [text, parsed["password"] or "", *re.findall(r"://[^@/]*:([^@/]*)@", text), *options]
        self._secrets = sorted({secret for secret in said if secret}, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"MongoUrl({self.redacted})"

    def reason(self, error: Exception) -> str:
        """The message of an error, shortened and without secrets."""
        details = getattr(error, "details", None)
        said = (details or {}).get("errmsg") or str(error)
        for secret in self._secrets:
            said = said.replace(secret, "***")
        said = " ".join(re.split(r" \(configured timeouts|, full error:|, Timeout:", said)[0].split())
        return f"{type(error).__name__}: {said[:_REASON_CHARACTERS]}"

    def client(self) -> Any:
        """A client with short timeouts; no connection is made yet."""
        from pymongo import MongoClient

        return MongoClient(
            self._text,
            serverSelectionTimeoutMS=CONNECT_MS,
            connectTimeoutMS=CONNECT_MS,
            socketTimeoutMS=ANSWER_MS,
            appname="amtlb",
        )

    @contextmanager
    def database(self) -> Iterator[Database[dict[str, Any]]]:
        """The database, for the duration of the block.

        Raises:
            ServerError: the server does not answer, at first or later in the block, or refuses.
        """
        from bson.errors import BSONError
        from gridfs.errors import GridFSError
        from pymongo.errors import PyMongoError

        with self.client() as client:
            database = client[self.database_name]
            try:
                database.command("ping")
            except Exception as error:  # if the server is not MongoDB, pymongo raises all kinds of errors
                raise self.failed(error) from None
            try:
                yield database
            except (PyMongoError, GridFSError, BSONError) as error:
                raise self.failed(error) from None

    def failed(self, error: Exception) -> ServerError:
        """The error that a user sees for an error of the server."""
        return ServerError(
            f"MongoDB at {self.redacted} failed ({self.reason(error)}); is it running, and are user and "
            "password right? What was written is kept: the same command continues"
        )


def url_of_environment() -> MongoUrl | None:
    """The URL in AMTLB_MONGO_URL; None if it is not set. Raises UnknownName if it is not a URL."""
    text = os.environ.get(VARIABLE)
    return MongoUrl(text, VARIABLE) if text else None


def environment_without_url() -> dict[str, str]:
    """This process's environment for a process that runs a learner, which must not see the URL."""
    return {name: value for name, value in os.environ.items() if name != VARIABLE}
