"""The URL of a database is secret: what is printed of it, and what an error shows."""

import socket
import time

import pytest

from protocol import ServerError, UnknownName
from suite.tracking.mongo_url import VARIABLE, MongoUrl, environment_without_url, url_of_environment
from tests.suite.tracking.servers import free_port


def test_a_url_shows_user_hosts_and_database_only():
    """A printed URL contains neither the password nor options."""
    url = MongoUrl("mongodb://bob:hun%2Fter2@one:1,two:2/lab?authSource=admin&appname=s3cret", "X")
    assert repr(url) == "MongoUrl(bob@one:1,two:2/lab)"
    assert str(url) == repr(url)
    assert MongoUrl("mongodb://localhost", "X").redacted == "localhost:27017/sacred"


@pytest.mark.parametrize(
    "text",
    [
        "http://bob:hunter2@host/x",
        "mongodb://bob:hun/ter2@host/x",
        "mongodb://bob:hunter2@host:hunter2/x",
        "mongodb://bob:hunter2@host/x?nope=hunter2",
        "hunter2",
    ],
)
def test_no_url_is_refused_without_repeating_it(monkeypatch, text):
    """Text that is not a URL is described by its source; no part of it is repeated, nor chained in a cause."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(UnknownName) as refused:
        url_of_environment()
    assert VARIABLE in str(refused.value)
    assert "ter2" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "AMTLB_MONGO_URL is empty"),
        ("  ", "AMTLB_MONGO_URL is empty"),
        ("mongodb://host/x?tlsCAFile=/no/hunter2.pem", "the option tlsCAFile, which names no file"),
        ("mongodb://host/x?tls=hunter2", "a value of the option tls that cannot be"),
        ("mongodb://host/x?hunter2=true", "an option that MongoDB's driver does not know"),
        ("mongodb://host/x?tls=false&tlsInsecure=true&ssl=true", "options that do not go together"),
        ("mongodb+srv://one,two/x", "of mongodb+srv, one host and no port"),
        ("mongodb+srv://one.example.org:27017/x", "of mongodb+srv, one host and no port"),
        ("mongodb+srv://host.example.org?tlsCAFile=/no/hunter2.pem", "the option tlsCAFile"),
    ],
)
def test_each_reason_has_words_of_its_own(text, words):
    """The refusal of a URL names the fault, an option by its name, and repeats no value."""
    with pytest.raises(UnknownName) as refused:
        MongoUrl(text, VARIABLE)
    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "mongodb+srv://bob:hunter2@cluster.example.org/lab?retryWrites=true&w=majority",
            "bob@cluster.example.org/lab",
        ),
        ("mongodb+srv://cluster.example.org/?srvServiceName=mine", "cluster.example.org/sacred"),
        ("mongodb://host/lab?tls=true&tlsCAFile=%2Fetc%2Fpasswd", "host:27017/lab"),
    ],
)
def test_urls_are_read_without_a_network(text, redacted):
    """A URL of mongodb+srv, or with options of TLS, is one wherever it is read; hosts are looked up later."""
    assert MongoUrl(text, "X").redacted == redacted


def test_a_name_that_nobody_knows_is_a_server_that_does_not_answer():
    """Hosts of mongodb+srv that are not found are reported, within 20 s, as a server that does not answer."""
    from suite.tracking.observers import mongo_observer

    url = MongoUrl("mongodb+srv://bob:hunter2@cluster.nowhere.invalid/lab", "X")
    begun = time.monotonic()
    with pytest.raises(ServerError, match=r"bob@cluster.nowhere.invalid/lab failed") as failed, url.database():
        pass
    observer = mongo_observer(url)
    assert "MongoDB at bob@cluster.nowhere.invalid/lab failed" in observer.error
    observer.close()
    assert "hunter2" not in str(failed.value) + observer.error
    assert time.monotonic() - begun < 20


def test_secrets_are_taken_out_of_what_a_server_says():
    """An error that repeats the password, escaped or not, or an option is shown without them."""
    url = MongoUrl("mongodb://bob:hun%2Fter2@host/lab?appname=s3cret", "X")
    said = url.reason(RuntimeError("no hun/ter2 or hun%2Fter2 for s3cret"))
    assert said == "RuntimeError: no *** or *** for ***"


def test_an_absent_server_is_told_soon():
    """If nobody listens at the port, there is one error within seconds, with a way out."""
    begun = time.monotonic()
    url = MongoUrl(f"mongodb://bob:hunter2@127.0.0.1:{free_port()}/lab", "X")
    with (
        pytest.raises(ServerError, match=r"bob@127.0.0.1:\d+/lab failed .*is it running") as failed,
        url.database(),
    ):
        pass
    assert "hunter2" not in str(failed.value)
    assert time.monotonic() - begun < 10


def test_a_silent_server_is_given_up():
    """A port that accepts connections and never answers blocks nobody for long."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        url = MongoUrl(f"mongodb://127.0.0.1:{silent.getsockname()[1]}", "X")
        with pytest.raises(ServerError), url.database():
            pass
    assert time.monotonic() - begun < 15


def test_the_environment_of_a_learner_has_no_url(monkeypatch):
    """The whole environment is passed on, except the URL."""
    monkeypatch.setenv(VARIABLE, "mongodb://bob:hunter2@host")
    monkeypatch.setenv("AMTLB_OTHER", "kept")
    handed = environment_without_url()
    assert VARIABLE not in handed
    assert handed["AMTLB_OTHER"] == "kept"
