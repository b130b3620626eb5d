"""The MongoDB server that stores runs: its URL, which is secret, and the connection."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from protocol import ServerError, UnknownName

if TYPE_CHECKING:
    from pymongo.database import Database

VARIABLE = "AMTLB_MONGO_URL"
DEFAULT_DATABASE = "sacred"
CONNECT_MS, ANSWER_MS = 3_000, 10_000
"""The time that a server may take to be found, and to answer: an unreachable one must not block anything."""
_REASON_CHARACTERS = 160


_SRV = "mongodb+srv://"


def _parsed(text: str, source: str) -> dict[str, Any]:
    """The parts of a URL; the network is not asked for the hosts of mongodb+srv.

    Raises:
        UnknownName: it is none. What the parser says repeats parts of the text, and so does its traceback, so
            no more than the name of an option is repeated.
    """
    import warnings

    from pymongo.uri_parser import parse_uri

    if not text.strip():
        raise UnknownName(f"{source} is empty; set it to mongodb://user:password@host:27017/sacred")
    head, _, said = text.partition("?")
    options = [option for option in re.split("[&;]", said) if option]
    if head.startswith(_SRV):
        head = head.replace(_SRV, "mongodb://", 1)
        options = [option for option in options if not option.lower().startswith("srv")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parsed: dict[str, Any] = parse_uri(head)
            one_host = len(parsed["nodelist"]) == 1 and not re.search(r":\d+(/|$)", head)
        except Exception:
            parsed, one_host = {}, False
        if not parsed or (text.startswith(_SRV) and not one_host):
            raise UnknownName(
                f"{source} is not a URL of MongoDB, such as mongodb://user:password@host:27017/sacred, with "
                "%-escapes for special characters in user and password (of mongodb+srv, one host and no port)"
            ) from None
        try:
            return parse_uri(f"{head.rstrip('/')}{'' if parsed['database'] else '/'}?{'&'.join(options)}")
        except Exception:
            raise UnknownName(f"{source} has {_bad_option(options)}") from None


def _bad_option(options: list[str]) -> str:
    """The option that cannot be, without its value, which may be a secret."""
    from pymongo.common import VALIDATORS
    from pymongo.uri_parser import split_options

    for option in options:
        name, _, value = option.partition("=")
        if name.lower() not in VALIDATORS:
            return "an option that MongoDB's driver does not know; check its name"
        try:
            split_options(option)
        except Exception:
            if name.lower().endswith("file") and not os.path.isfile(unquote_plus(value)):
                return f"the option {name}, which names no file that can be read; check its path"
            return f"a value of the option {name} that cannot be; check it"
    return "options that do not go together; leave some out"


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
        parsed = _parsed(text, source)
        self._text = text
        nodes = parsed["nodelist"]
        hosts = nodes[0][0] if text.startswith(_SRV) else ",".join(f"{host}:{port}" for host, port in nodes)
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

        try:
            client = self.client()
        except Exception as error:  # the hosts of mongodb+srv are not found, a certificate is none
            raise self.failed(error) from None
        with client:
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
