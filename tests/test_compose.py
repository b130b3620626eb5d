"""The services of compose.yaml: what they promise, and that a compose tool takes the file."""

import os
import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from tests import ROOT

FILE = ROOT / "compose.yaml"
KNOWN = {"image", "restart", "environment", "ports", "volumes", "healthcheck"}
KNOWN |= {"profiles", "user", "command", "depends_on"}
"""The keys of a service that the file uses, each of the Compose Specification."""


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]


def test_services_have_known_keys_only(services):
    """No key is misspelt: the file has services and volumes, and a service the keys of the specification."""
    whole = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert whole.keys() == {"services", "volumes"}
    assert services.keys() == {"mongo", "benchmark", "omniboard"}
    for name, service in services.items():
        assert service.keys() <= KNOWN, name
        assert set(service.get("depends_on", {})) <= services.keys()
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in whole["volumes"] or source.startswith("./"), volume


def test_nothing_is_reached_from_outside(services):
    """Every port is bound to the loopback address."""
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_password_has_no_default(services):
    """Wherever the password stands it is asked for, with what to do where it is missing; it is in no text."""
    text = FILE.read_text(encoding="utf-8")
    uses = re.findall(r"\$\{MONGO_PASSWORD([^}]*)\}", text)
    assert len(uses) == 3
    assert set(uses) == {":?set MONGO_PASSWORD in the environment or in .env"}
    assert "${MONGO_PASSWORD" in services["mongo"]["environment"]["MONGO_INITDB_ROOT_PASSWORD"]


def test_the_database_is_the_one_that_is_promised(services):
    """MongoDB 8.0 keeps its data in a named volume and says when it is ready."""
    mongo = services["mongo"]
    assert mongo["image"] == "mongo:8.0"
    assert mongo["volumes"] == ["mongo:/data/db"]
    assert mongo["healthcheck"]["test"][0] == "CMD"
    for name in ("benchmark", "omniboard"):
        assert services[name]["depends_on"] == {"mongo": {"condition": "service_healthy"}}
        assert services[name]["profiles"] == [name]


def test_the_benchmark_is_this_version(services):
    """The image that is run unless told otherwise is that of the package's version, its results come here."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert services["benchmark"]["image"] == f"amtlb:${{VERSION:-{version}}}-cpu"
    assert services["benchmark"]["volumes"] == ["./results:/out"]


def test_git_leaves_the_password_out():
    """A file .env, in which the password may lie, is never committed."""
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def compose() -> list[str] | None:
    """The compose tool of this machine; None: there is none."""
    if shutil.which("docker"):
        probe = subprocess.run(["docker", "compose", "version"], capture_output=True)
        if not probe.returncode:
            return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


@pytest.mark.skipif(compose() is None, reason="no compose tool is installed here")
def test_a_compose_tool_takes_the_file(tmp_path):
    """With a password the file is valid and the URL complete; without, one line says what to set."""
    bare = {name: value for name, value in os.environ.items() if name != "MONGO_PASSWORD"}
    (tmp_path / "none.env").touch()
    command = [*compose(), "--file", str(FILE), "--env-file", str(tmp_path / "none.env")]
    command += ["--profile", "benchmark", "config"]
    done = subprocess.run(
        command, env=bare | {"MONGO_PASSWORD": "abc123"}, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    url = yaml.safe_load(done.stdout)["services"]["benchmark"]["environment"]["AMTLB_MONGO_URL"]
    assert url == "mongodb://amtlb:abc123@mongo:27017/sacred?authSource=admin"
    done = subprocess.run(command, env=bare, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert "set MONGO_PASSWORD in the environment or in .env" in done.stderr
