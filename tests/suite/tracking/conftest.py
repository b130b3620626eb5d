"""Fixtures for tests of tracking: a database, and results of invented runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.results.store import Store
from suite.tracking.mongo_url import VARIABLE
from tests.bench.synthetic import write_results
from tests.suite.helpers import V1
from tests.suite.tracking.servers import WireServer, a_database, wire_server


@pytest.fixture
def database_url(tmp_path_factory) -> Iterator[str]:
    with a_database(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def server(tmp_path_factory) -> Iterator[WireServer]:
    """A server that the test may kill."""
    with wire_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def untracked_environment(monkeypatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory) -> Store:
    return write_results(tmp_path_factory.mktemp("synthetic"), V1, V1.edition("smoke"), 400, seed=0)


@pytest.fixture(scope="session")
def results_of_uniform() -> Path:
    from suite.results.published import published_folder

    return published_folder("uniform", "smoke")
